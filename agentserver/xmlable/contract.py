"""The contract of a class, and the decorator that makes it.

Decorating does all the work that can fail: types are resolved, refused with `ContractError`, or compiled to a
reader and a writer, and to the outline that every artefact is made from. Only the schema waits until it is first
asked for. `Misfit` and `RecursionError` become `BindingError` here, and nowhere else.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

from lxml import etree

from agentserver.errors import BindingError, ContractError
from agentserver.xmlable.codec import Misfit, quote
from agentserver.xmlable.found_values import (
    expected_without_secrets,
    path_without_secrets,
    without_secrets,
)
from agentserver.xmlable.group import Group
from agentserver.xmlable.group_faults import endless
from agentserver.xmlable.hints import require_dataclass
from agentserver.xmlable.names import is_xml_name
from agentserver.xmlable.namespaces import clark, require_namespace
from agentserver.xmlable.outline import Field
from agentserver.xmlable.paths import local_name, path_of
from agentserver.xmlable.planner import CONTRACT, Planner
from agentserver.xmlable.prefixes import empty_root
from agentserver.xmlable.scrubbing import Scrubber
from agentserver.xmlable.secret_values import value_texts
from agentserver.xmlable.secrets import secret_names, secret_texts
from agentserver.xmlable.strange_names import strange_names
from agentserver.xmlable.xsd.compiling import compiled, linked
from agentserver.xmlable.xsd_writer import schema_documents

T = TypeVar("T")

_METHODS = ("xsd", "xml_value")


@dataclass(frozen=True, slots=True)
class Contract(Generic[T]):
    """How instances of one class are read, written and validated.

    Attributes:
        cls: The class.
        root_tag: Name of the element that an instance is written as, in Clark notation.
        read: Gives the instance that an element holds, whatever the element's own name and tail. Raises
            `BindingError`.
        fill: Writes an instance as the attributes and children of an element that is empty, or that `blank` made,
            whatever its name. Raises `BindingError`, leaving the element empty.
        namespace: What the class was decorated with; None when nothing was said.
        outline: What a document of the class looks like.
    """

    cls: type[T]
    root_tag: str
    read: Callable[[etree._Element], T]
    fill: Callable[[T, etree._Element], None]
    namespace: str | None
    outline: Field
    _compiled: Callable[[], etree.XMLSchema]
    blank: Callable[[], etree._Element]
    """Makes an element called as the class for `fill`, by copying one, which takes a third of the time of making it."""

    def schema_documents(self) -> dict[str, etree._Element]:
        """Give the `xs:schema` elements by file name, the main one first, new ones at each call."""
        return schema_documents(self.outline)

    def xsd(self) -> etree._Element:
        """Give the main `xs:schema` element, a new one at each call; it finds the others when it is compiled."""
        return linked(self.schema_documents())

    @property
    def schema(self) -> etree.XMLSchema:
        """Give the compiled schema, compiling it at the first call."""
        return self._compiled()


@overload
def xmlify(cls: type[T], /) -> type[T]: ...


@overload
def xmlify(*, namespace: str | None = None, name: str = "") -> Callable[[type[T]], type[T]]: ...


def xmlify(cls: type[T] | None = None, /, *, namespace: str | None = None, name: str = "") -> Any:
    """Make a dataclass a contract; put it above `@dataclass`.

    The class gets `xsd()`, which gives its schema as an element, and its instances get `xml_value(name)`,
    which gives the instance as an element called `name`. A class with secrets gets a `repr` that masks them.

    Args:
        cls: A dataclass whose fields all have types that can be mapped.
        namespace: Namespace of the class's elements; empty for none. When left out, they are in none, and within
            another class's document in that class's.
        name: What the root element is called; the class's own name when left out.

    Returns:
        The same class.

    Raises:
        ContractError: The class cannot be mapped; it names the class, the field and the reason.
    """
    names = _callers_names()
    if cls is None:
        return lambda decorated: _decorated(decorated, names, namespace, name)
    return _decorated(cls, names, namespace, name)


def contract_of(cls: type[T]) -> Contract[T]:
    """Give the contract of a class.

    Raises:
        ContractError: The class itself is not decorated with `@xmlify`; a decorated base does not count.
    """
    contract = getattr(cls, "__dict__", {}).get(CONTRACT)
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
    contract = contract_of(cls)
    _require_element(element, contract.outline)
    return contract.read(element)


def _decorated(cls: type[T], names: Mapping[str, Any], namespace: str | None, root_name: str) -> type[T]:
    require_dataclass(cls)
    for name in _METHODS:
        named = name in cls.__dict__ or name in cls.__dict__["__dataclass_fields__"]
        if named and CONTRACT not in cls.__dict__:
            raise ContractError(cls.__name__, name, "xmlify gives the class a method of this name; rename it")
    contract = _contract(cls, names, namespace, root_name or cls.__name__)
    members = {CONTRACT: contract, "xsd": classmethod(_xsd), "xml_value": _xml_value}
    for name, member in members.items():
        setattr(cls, name, member)
    return cls


def _xsd(cls: type) -> etree._Element:
    """Give the schema of the class: the `xs:schema` element, a new one at each call."""
    return contract_of(cls).xsd()


def _xml_value(self: object, name: str) -> etree._Element:
    """Give this instance as an element called `name`, in the namespace of its class.

    Raises:
        BindingError: A value does not fit its field, or XML does not allow the name.
    """
    contract = contract_of(type(self))
    if name == contract.cls.__name__:
        element = contract.blank()
    elif is_xml_name(name):
        element = empty_root(contract.outline, name)
    else:
        fault = BindingError(contract.outline.local_name, f"the name {quote(name)}", "a name that XML allows")
        raise _scrubbed(fault, Scrubber(value_texts(contract.outline, self)))
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


def _contract(cls: type[T], names: Mapping[str, Any], namespace: str | None, name: str) -> Contract[T]:
    try:
        require_namespace("" if namespace is None else namespace)
        allowed = name == cls.__name__ or is_xml_name(name)
    except ValueError as exc:
        raise ContractError(cls.__name__, "", str(exc)) from None
    if not allowed:
        raise ContractError(cls.__name__, "", f"{quote(name)} is no name that XML allows; rename it")
    planner = Planner({**names, cls.__name__: cls}, cls.__module__, cls, namespace or "")
    codec = planner.plan()
    root = Field(clark(namespace or "", name), codec.content, cls.__name__, doc=codec.content.doc)
    if planner.mixes_namespaces:
        schema_documents(root)  # only then can it fail: one name in one namespace, with two types
    compile_once = functools.cache(lambda: compiled(schema_documents(root)))
    hides = bool(secret_names(root))
    reading, writing = _reading(codec, root, hides), _writing(codec, root, hides)
    template: Any = empty_root(root, cls.__name__)
    codec.prepare(template)
    return Contract(cls, root.tag, reading, writing, namespace, root, compile_once, template.__copy__)


def _reading(codec: Group, outline: Field, hides: bool) -> Callable[[etree._Element], Any]:
    read_element = codec.read

    def read(element: etree._Element) -> Any:
        try:
            return read_element(element)
        except Misfit as misfit:
            fault = _binding_error(misfit, element, codec)
            if not hides:
                raise fault from misfit.__cause__
        except AttributeError:
            _require_element(element, outline)
            raise
        except RecursionError:
            raise _binding_error(endless(element), element, codec) from None
        scrubber = Scrubber(secret_texts(outline, element), strange_names(outline, element))
        fault = _scrubbed(fault, scrubber)
        raise fault  # here and not above, as nothing may lead to what was read

    return read


def _writing(codec: Group, outline: Field, hides: bool) -> Callable[[Any, etree._Element], None]:
    write_value = codec.write

    def fill(value: Any, element: etree._Element) -> None:
        try:
            write_value(value, element)
            return
        except Misfit as misfit:
            fault = _binding_error(misfit, element, codec)
            _empty(element, codec)
            if not hides:
                raise fault from misfit.__cause__
        except AttributeError as exc:
            path = local_name(str(element.tag))
            _empty(element, codec)
            fault = BindingError(path, f"an instance without {quote(str(exc.name))}", "every field")
            if not hides:
                raise fault from exc
        except RecursionError:
            _empty(element, codec)
            raise _binding_error(endless(element), element, codec) from None
        fault = _scrubbed(fault, Scrubber(value_texts(outline, value)))
        raise fault

    return fill


def _require_element(given: object, outline: Field) -> None:
    if not isinstance(given, etree._Element):  # noqa: SLF001  # it has no other name
        raise BindingError(outline.local_name, type(given).__name__, "an lxml element") from None


def _scrubbed(fault: BindingError, scrubber: Scrubber) -> BindingError:
    expected = expected_without_secrets(fault.found, fault.expected, scrubber)
    path = path_without_secrets(fault.path, scrubber)
    return BindingError(path, without_secrets(fault.found, scrubber), expected)


def _empty(element: etree._Element, codec: Group) -> None:
    del element[:]
    for field in codec.content.fields:
        if field.attribute and field.tag in element.attrib:
            del element.attrib[field.tag]


def _binding_error(misfit: Misfit, root: etree._Element, codec: Group) -> BindingError:
    path = path_of(misfit.element, root, codec.content, misfit.below)
    return BindingError(path, misfit.found, misfit.expected)
