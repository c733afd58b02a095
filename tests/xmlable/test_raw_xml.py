"""Raw XML: one element, kept as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from lxml import etree

from agentserver.errors import BindingError, ContractError
from agentserver.xmlable import RawXml, contract_of, parse_element, xmlify
from tests.xmlable.verdicts import accepts, holder, read_refusal, refusal


@xmlify
@dataclass
class Message:
    body: RawXml
    more: list[RawXml]
    maybe: RawXml | None = None


@xmlify(namespace="urn:m")
@dataclass
class Named:
    body: RawXml


def c14n(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True)


RAW = [
    "<a/>",
    "<a b='1'>x<c/>y<!-- z --><?p q?></a>",
    "<p:a xmlns:p='urn:p' p:b='1'><p:c xmlns:p='urn:q'/></p:a>",
    "<a xmlns='urn:d'><b xmlns=''><c/></b></a>",
    "<a xmlns:q='urn:q' type='q:name'>q:value</a>",
    "<Body><Body/></Body>",
]


@pytest.mark.parametrize("raw", RAW)
@pytest.mark.parametrize("cls", [Message, Named])
def test_an_element_survives_as_it_is(cls: Any, raw: str) -> None:
    body = etree.fromstring(raw)
    value: Any = cls(body) if cls is Named else cls(body, [body, body])
    again = etree.fromstring(etree.tostring(value.xml_value(cls.__name__)))
    assert accepts(cls, again)
    read = parse_element(cls, again)
    assert c14n(body) == c14n(read.body)
    assert "q" not in body.nsmap or read.body.nsmap["q"] == "urn:q"


def test_what_is_read_stands_apart_from_the_document() -> None:
    document = etree.fromstring("<Named xmlns='urn:m'><Body> <x xmlns=''/>\n</Body></Named>")
    body = parse_element(Named, document).body
    assert (body.getparent(), body.tail, body.tag) == (None, None, "x")
    body.text = "changed"
    assert document[0][0].text is None


def test_prefixes_in_scope_come_along() -> None:
    document = etree.fromstring("<Message xmlns:q='urn:q'><Body><x t='q:n'><q:y/></x></Body></Message>")
    body = parse_element(Message, document).body
    assert body.nsmap == {"q": "urn:q"}
    assert c14n(etree.fromstring("<x t='q:n'><q:y xmlns:q='urn:q'/></x>")) == c14n(body)


def test_what_is_written_stays_where_it_is() -> None:
    outer = etree.fromstring("<o xmlns:q='urn:q'><x>1</x>tail</o>")
    Message(outer[0], []).xml_value("Message")  # type: ignore[attr-defined]
    assert etree.tostring(outer) == b'<o xmlns:q="urn:q"><x>1</x>tail</o>'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "Holder/Value: found nothing, expected exactly one element"),
        ("<!-- a -->", "Holder/Value: found nothing"),
        ("<a/><b/>", "Holder/Value: found 2 elements, expected exactly one element"),
        ("x<a/>", "Holder/Value: found text 'x', expected elements alone"),
        ("<a/>x", "Holder/Value: found text 'x'"),
        ("<a/><!-- -->x", "Holder/Value: found text 'x'"),
    ],
)
def test_anything_but_one_element_is_refused(content: str, words: str) -> None:
    assert read_refusal(holder(RawXml), f"<Holder><Value>{content}</Value></Holder>").startswith(words)


def test_blanks_and_remarks_around_it_do_not_count() -> None:
    assert accepts(holder(RawXml), "<Holder><Value>\n<!-- --> <a/> <?p?>\n</Value></Holder>")


def test_an_attribute_beside_it_is_refused() -> None:
    text = "<Holder><Value a='1'><a/></Value></Holder>"
    assert read_refusal(holder(RawXml), text) == "Holder/Value: found attribute 'a', expected no attributes"


def test_entities_in_it_are_refused() -> None:
    parser = etree.XMLParser(resolve_entities=False)
    text = "<!DOCTYPE Holder [<!ENTITY e 'x'>]><Holder><Value><a>&e;</a></Value></Holder>"
    with pytest.raises(BindingError, match="Holder/Value: found an entity"):
        contract_of(holder(RawXml)).read(etree.fromstring(text, parser))


@pytest.mark.parametrize(
    "value", [None, "<a/>", etree.Comment("x"), etree.ElementTree(etree.Element("a"))], ids=str
)
def test_what_is_no_element_is_not_written(value: Any) -> None:
    assert refusal(holder(RawXml)(value)).startswith("Holder/Value: found ")


def test_elements_cannot_be_members_of_a_set() -> None:
    with pytest.raises(ContractError, match="cannot hold one element of any kind; use list"):
        holder(set[RawXml])
