"""The contract of a class, and the decorator that makes it.

Decorating does all the work that can fail: types are resolved, refused with `ContractError`, or compiled to a
reader and a writer. Only the schema waits until it is first asked for. `Misfit` and `RecursionError` become
`BindingError` here, and nowhere else.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from lxml import etree

from agentserver.errors import BindingError, ContractError
from agentserver.xmlable.codec import Codec, Misfit, path_of, quote
from agentserver.xmlable.group_faults import endless
from agentserver.xmlable.hints import require_dataclass
from agentserver.xmlable.names import is_xml_name
from agentserver.xmlable.planner import Planner
from agentserver.xmlable.schema_document import SchemaDocument, append

T = TypeVar("T")

_ATTRIBUTE = "__contract__"
_METHODS = ("xsd", "xml_value")


@dataclass(frozen=True, slots=True)
class Contract(Generic[T]):
    """How instances of one class are read, written and validated.

    Attributes:
        cls: The class.
        root_tag: Name of the element that an instance is written as.
        read: Gives the instance that an element holds, whatever the element's own name and tail. Raises
            `BindingError`.
        fill: Writes an instance as the children of an empty element in no namespace. Raises `BindingError`,
            leaving the element empty.
    """

    cls: type[T]
    root_tag: str
    read: Callable[[etree._Element], T]
    fill: Callable[[T, etree._Element], None]
    xsd: Callable[[], etree._Element]
    """Gives the `xs:schema` element, a new one at each call."""
    _compiled: Callable[[], etree.XMLSchema]

    @property
    def schema(self) -> etree.XMLSchema:
        """Give the compiled schema, compiling it at the first call."""
        return self._compiled()


def xmlify(cls: type[T]) -> type[T]:
    """Make a dataclass a contract; put it above `@dataclass`.

    The class gets `xsd()`, which gives its schema as an element, and its instances get `xml_value(name)`,
    which gives the instance as an element called `name`.

    Args:
        cls: A dataclass whose fields all have types that can be mapped.

    Returns:
        The same class.

    Raises:
        ContractError: The class cannot be mapped; it names the class, the field and the reason.
    """
    require_dataclass(cls)
    for name in _METHODS:
        named = name in cls.__dict__ or name in cls.__dict__["__dataclass_fields__"]
        if named and _ATTRIBUTE not in cls.__dict__:
            raise ContractError(cls.__name__, name, "xmlify gives the class a method of this name; rename it")
    contract = _contract(cls, _callers_names())
    members = {_ATTRIBUTE: contract, "xsd": classmethod(_xsd), "xml_value": _xml_value}
    for name, member in members.items():
        setattr(cls, name, member)
    return cls


def contract_of(cls: type[T]) -> Contract[T]:
    """Give the contract of a class.

    Raises:
        ContractError: The class itself is not decorated with `@xmlify`; a decorated base does not count.
    """
    contract = getattr(cls, "__dict__", {}).get(_ATTRIBUTE)
    if not isinstance(contract, Contract):
        raise ContractError(getattr(cls, "__name__", str(cls)), "", "has no contract; put @xmlify above it")
    return contract


def parse_element(cls: type[T], element: etree._Element) -> T:
    """Read an instance of an xmlified class.

    Args:
        cls: The class.
        element: The element that holds the instance; it may have any name, as `xml_value` gives any.

    Raises:
        BindingError: The element does not fit the class.
        ContractError: The class has no contract.
    """
    return contract_of(cls).read(element)


def _xsd(cls: type) -> etree._Element:
    """Give the schema of the class: the `xs:schema` element, a new one at each call."""
    return contract_of(cls).xsd()


def _xml_value(self: object, name: str) -> etree._Element:
    """Give this instance as an element called `name`.

    Raises:
        BindingError: A value does not fit its field, or XML does not allow the name.
    """
    contract = contract_of(type(self))
    if not is_xml_name(name):
        raise BindingError(contract.root_tag, f"the name {quote(name)}", "a name that XML allows")
    element = etree.Element(name)
    contract.fill(self, element)
    return element


def _callers_names() -> Mapping[str, Any]:
    """Give the local names where the decorator stands, if that is a function or a class body."""
    frame = inspect.currentframe()
    for _ in ("this function", "xmlify"):
        frame = frame and frame.f_back
    if frame is None or frame.f_locals is frame.f_globals:
        return {}
    return dict(frame.f_locals)


def _contract(cls: type[T], names: Mapping[str, Any]) -> Contract[T]:
    codec = Planner({**names, cls.__name__: cls}, cls.__module__).record(cls)
    root_tag = cls.__name__

    def xsd() -> etree._Element:
        schema = SchemaDocument()
        codec.declare(append(schema.root, "element", name=root_tag), schema)
        return schema.root

    return Contract(
        cls, root_tag, _reading(codec), _writing(codec), xsd, functools.cache(lambda: etree.XMLSchema(xsd()))
    )


def _reading(codec: Codec) -> Callable[[etree._Element], Any]:
    read_element = codec.read

    def read(element: etree._Element) -> Any:
        try:
            return read_element(element)
        except Misfit as misfit:
            raise _binding_error(misfit, element, codec) from misfit.__cause__
        except RecursionError:
            raise _binding_error(endless(element), element, codec) from None

    return read


def _writing(codec: Codec) -> Callable[[Any, etree._Element], None]:
    write_value = codec.write

    def fill(value: Any, element: etree._Element) -> None:
        try:
            write_value(value, element)
        except Misfit as misfit:
            fault = _binding_error(misfit, element, codec)
            del element[:]
            raise fault from misfit.__cause__
        except AttributeError as exc:
            del element[:]
            missing = f"an instance without {quote(str(exc.name))}"
            raise BindingError(
                path_of(Misfit(element, "", ""), element, codec), missing, "every field"
            ) from exc
        except RecursionError:
            del element[:]
            raise _binding_error(endless(element), element, codec) from None

    return fill


def _binding_error(misfit: Misfit, root: etree._Element, codec: Codec) -> BindingError:
    return BindingError(path_of(misfit, root, codec), misfit.found, misfit.expected)
