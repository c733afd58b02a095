"""Reading and writing by xsdata, for classes that it generated from a foreign XSD.

The only place that knows xsdata, which is imported when the first such class is bound (extra `agentserver[xsdata]`).
Takes and gives elements and instances; xsdata's errors become `BindingError`, its absence `ContractError`. What
stands where an `xs:any` is can only become an instance of a class that was generated into the same package: xsdata
itself would take any dataclass of the process that has the element's name.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from lxml import etree

from agentserver.errors import BindingError, ContractError, shorten
from agentserver.name_dictionary import with_own_names
from agentserver.xmlable.foreign.element_copy import element_copy

_FAULTS: Final = (ValueError, TypeError, AttributeError, KeyError)
"""What xsdata raises for values that do not fit; its own errors are all a `ValueError`."""
_SHOWN_CHARS: Final = 200


class XsdataBinding:
    """One generated class.

    Args:
        cls: The class.

    Attributes:
        cls: As given.
        root_tag: What an instance is written as, in Clark notation.

    Raises:
        ContractError: xsdata is not installed, or does not take the class.
    """

    __slots__ = ("_parser", "_serializer", "cls", "root_tag")

    def __init__(self, cls: type[Any]) -> None:
        try:
            from xsdata.formats.dataclass.parsers import XmlParser
            from xsdata.formats.dataclass.parsers.config import ParserConfig
            from xsdata.formats.dataclass.parsers.handlers import LxmlEventHandler
            from xsdata.formats.dataclass.serializers import XmlSerializer
        except ImportError as exc:
            raise ContractError(
                cls.__name__, "", "needs xsdata to be read and written; pip install 'agentserver[xsdata]'"
            ) from exc
        context = _context(cls)
        config = ParserConfig(
            process_xinclude=False,
            load_dtd=False,
            resolve_entities=False,
            fail_on_unknown_properties=True,
            fail_on_unknown_attributes=True,
            fail_on_converter_warnings=True,
        )
        try:
            self.root_tag: str = context.build(cls).qname
        except _FAULTS as exc:
            raise ContractError(cls.__name__, "", f"is no class that xsdata takes: {_told(exc)}") from exc
        self.cls = cls
        self._parser = XmlParser(context=context, config=config, handler=LxmlEventHandler)
        self._serializer = XmlSerializer(context=context)

    def read(self, element: etree._Element) -> Any:
        """Give the instance that `element` holds, which stays as it is.

        Raises:
            BindingError: It does not fit the class.
        """
        copy = element_copy(element)  # xsdata empties what it reads
        _drop_schema_locations(copy)
        try:
            return self._parser.parse(copy, self.cls)
        except _FAULTS as exc:
            raise BindingError(self._path, _told(exc), f"what {self.cls.__name__} reads") from exc

    def write(self, instance: Any) -> etree._Element:
        """Give `instance` as an element in a document of its own.

        Raises:
            BindingError: A value does not fit.
        """
        try:
            text = self._serializer.render(instance)
            parser = etree.XMLParser(resolve_entities=False, no_network=True)
            return with_own_names(etree.fromstring, text.encode(), parser)
        except (*_FAULTS, etree.LxmlError) as exc:
            raise BindingError(self._path, _told(exc), f"what {self.cls.__name__} writes") from exc

    @property
    def _path(self) -> str:
        return self.root_tag.rpartition("}")[2]


def _context(cls: type[Any]) -> Any:
    """Give the xsdata context that knows the generated classes of one package alone."""
    from xsdata.formats.dataclass.context import XmlContext

    package = cls.__module__.partition(".")[0]  # folders of schemas become packages in it

    class Context(XmlContext):
        """Sees what was generated together with the class."""

        def is_binding_model(self, clazz: type[Any]) -> bool:
            """Say whether an element may become an instance of `clazz`."""
            inside = str(getattr(clazz, "__module__", "")).partition(".")[0] == package
            return inside and _is_generated(clazz) and bool(super().is_binding_model(clazz))

    return Context()


def _is_generated(cls: type[Any]) -> bool:
    """Say whether a class looks as xsdata writes them: it has a `Meta`, or fields that say what they are in XML."""
    if not dataclasses.is_dataclass(cls) or "__contract__" in vars(cls):
        return False
    return "Meta" in vars(cls) or any("type" in field.metadata for field in dataclasses.fields(cls))


def _drop_schema_locations(root: etree._Element) -> None:
    """Take the hints off that say where a schema might be: they are never followed, and no class has them."""
    for element in root.iter("*"):
        for name in _HINTS:
            if name in element.attrib:
                del element.attrib[name]


_XSI: Final = "{http://www.w3.org/2001/XMLSchema-instance}"
_HINTS: Final = (f"{_XSI}schemaLocation", f"{_XSI}noNamespaceSchemaLocation")


def _told(exc: BaseException) -> str:
    return shorten(f"{type(exc).__name__}: {exc}", _SHOWN_CHARS)
