"""What the XSD and the reader of a contract make of a document: one word, as they must agree."""

from __future__ import annotations

import dataclasses
from typing import Any

from lxml import etree

from agentserver.errors import BindingError
from agentserver.xmlable import contract_of, xmlify


def holder(kind: Any, **options: Any) -> Any:
    """Give a contract `Holder` with one field `value` of a type."""
    return xmlify(dataclasses.make_dataclass("Holder", [("value", kind, dataclasses.field(**options))]))


def accepts(cls: Any, document: str | etree._Element) -> bool:
    """Tell whether a document is accepted, by the XSD and by the reader alike."""
    element = etree.fromstring(document) if isinstance(document, str) else document
    by_xsd = contract_of(cls).schema.validate(element)
    try:
        contract_of(cls).read(element)
    except BindingError as error:
        assert not by_xsd, f"the reader refuses what the XSD accepts: {error}"  # noqa: PT017
        return False
    assert by_xsd, f"the reader takes what the XSD refuses: {contract_of(cls).schema.error_log}"
    return True


def takes(cls: Any, text: str) -> bool:
    """Tell whether a `Holder` takes a text for its value."""
    root = etree.Element("Holder")
    etree.SubElement(root, "Value").text = text
    return accepts(cls, root)


def written(value: Any) -> str:
    """Give the content of an instance as XML, which its XSD accepts and its reader reads back."""
    element = value.xml_value(type(value).__name__)
    again = etree.fromstring(etree.tostring(element, encoding="utf-8"))
    assert accepts(type(value), again)
    text = etree.tostring(element, encoding="unicode")
    return text[text.index(">") + 1 : text.rindex("<")] if not text.endswith("/>") else ""


def refusal(value: Any) -> str:
    """Give the words with which writing a value is refused."""
    try:
        value.xml_value("Holder")
    except BindingError as error:
        return str(error)
    raise AssertionError("nothing was refused")


def read_refusal(cls: Any, document: str) -> str:
    """Give the words with which reading a document is refused."""
    assert not accepts(cls, document)
    try:
        contract_of(cls).read(etree.fromstring(document))
    except BindingError as error:
        return str(error)
    raise AssertionError("nothing was refused")
