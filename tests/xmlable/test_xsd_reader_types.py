from __future__ import annotations

from typing import Any

import pytest

from agentserver.xmlable.outline import Anything, Text, Variants
from tests.xmlable.schemas_in_short import read, read_simple, read_type, record_of, shown


@pytest.mark.parametrize(
    ("body", "fields", "model"),
    [
        ("", [], ""),
        (
            '<x:sequence><x:element name="A"/><x:element name="B" minOccurs="0"/></x:sequence>',
            ["A", "B?"],
            "",
        ),
        ('<x:sequence><x:sequence><x:element name="A"/></x:sequence></x:sequence>', ["A"], ""),
        ('<x:sequence minOccurs="0"><x:element name="A"/></x:sequence>', ["A?"], ""),
        ('<x:sequence maxOccurs="unbounded"><x:element name="A"/></x:sequence>', ["A+"], ""),
        (
            '<x:sequence minOccurs="0"><x:element name="A"/><x:element name="B"/></x:sequence>',
            ["A?", "B?"],
            "(A, B)?",
        ),
        ('<x:all><x:element name="A"/><x:element name="B" minOccurs="0"/></x:all>', ["A", "B?"], "(A & B?)"),
        ('<x:all><x:element name="A"/></x:all>', ["A"], ""),
        (
            '<x:choice><x:sequence><x:element name="A"/><x:element name="B"/></x:sequence>'
            '<x:sequence><x:element name="A"/><x:element name="C"/></x:sequence></x:choice>',
            ["A", "B?", "C?"],
            "((A, B) | (A, C))",
        ),
        (
            '<x:choice minOccurs="0" maxOccurs="unbounded"><x:element name="A"/><x:element name="B"/></x:choice>',
            ["A*", "B*"],
            "(A | B)*",
        ),
        (
            '<x:sequence><x:element name="A"/><x:element name="B"/><x:element name="A"/></x:sequence>',
            ["A2-2", "B"],
            "(A, B, A)",
        ),
        ('<x:sequence><x:element name="A" maxOccurs="0"/><x:element name="B"/></x:sequence>', ["B"], ""),
        ('<x:sequence><x:element name="A"/><x:any minOccurs="0"/></x:sequence>', ["A"], "(A, ANY strict?)"),
        ('<x:choice><x:element name="A"/><x:sequence/></x:choice>', ["A?"], ""),
        ("<x:anyAttribute/>", [], "() and attributes of ##any, strict"),
    ],
)
def test_content_models_become_fields(body: str, fields: list[str], model: str) -> None:
    content = read_type(body)
    assert (fields, model) == (shown(content), content.model)


def test_a_choice_of_elements_is_a_union() -> None:
    field = read(
        '<x:element name="R"><x:complexType><x:choice><x:element name="A"/><x:element name="B"/></x:choice>'
        "</x:complexType></x:element>"
    )
    assert isinstance(field.content, Variants)
    assert (["A", "B"], "A | B") == (shown(field.content), field.content.noun)


def test_mixed_content_is_told() -> None:
    content = record_of(
        read(
            '<x:element name="R"><x:complexType mixed="true"><x:sequence><x:element name="B" minOccurs="0"/>'
            "</x:sequence></x:complexType></x:element>"
        )
    )
    assert (["B?"], "text among B?") == (shown(content), content.model)


@pytest.mark.parametrize("typed", ["", 'type="x:anyType"'])
def test_an_element_without_a_type_holds_anything(typed: str) -> None:
    assert "ANY" == record_of(read(f'<x:element name="R" {typed}/>')).model


def test_one_wildcard_alone_is_anything() -> None:
    body = '<x:sequence><x:any namespace="##other" processContents="lax"/></x:sequence>'
    field = read(
        f'<x:element name="R"><x:complexType>{body}</x:complexType></x:element>',
        "{urn:a}R",
        targetNamespace="urn:a",
    )
    assert Anything(namespaces="##other urn:a", check="lax") == field.content


def test_groups_and_attribute_groups_are_resolved() -> None:
    rest = (
        '<x:group name="G"><x:sequence><x:element name="A"/><x:element name="B"/></x:sequence></x:group>'
        '<x:attributeGroup name="H"><x:attribute name="a" use="required"/><x:attributeGroup ref="I"/>'
        "</x:attributeGroup>"
        '<x:attributeGroup name="I"><x:attribute name="b"/></x:attributeGroup>'
    )
    content = read_type('<x:group ref="G"/><x:attributeGroup ref="H"/>', rest)
    assert (["A", "B", "@a", "@b?"], "") == (shown(content), content.model)


def test_extension_adds_and_restriction_replaces() -> None:
    rest = (
        '<x:complexType name="Base"><x:sequence><x:element name="A" minOccurs="0"/></x:sequence>'
        '<x:attribute name="a"/><x:attribute name="b"/></x:complexType>'
    )
    extended = read_type(
        '<x:complexContent><x:extension base="Base"><x:sequence><x:element name="B"/></x:sequence>'
        '<x:attribute name="c"/></x:extension></x:complexContent>',
        rest,
    )
    assert ["A?", "B", "@a?", "@b?", "@c?"] == shown(extended)
    restricted = read_type(
        '<x:complexContent><x:restriction base="Base"><x:sequence><x:element name="A"/></x:sequence>'
        '<x:attribute name="a" use="required"/><x:attribute name="b" use="prohibited"/>'
        "</x:restriction></x:complexContent>",
        rest,
    )
    assert ["A", "@a"] == shown(restricted)


def test_simple_content_is_text_with_attributes() -> None:
    rest = (
        '<x:complexType name="Amount"><x:simpleContent><x:extension base="x:decimal">'
        '<x:attribute name="currency" use="required"/></x:extension></x:simpleContent></x:complexType>'
    )
    content = read_type(
        '<x:simpleContent><x:restriction base="Amount"><x:fractionDigits value="2"/></x:restriction></x:simpleContent>',
        rest,
    )
    assert ["@currency"] == shown(content)
    assert content.text is not None
    assert ("decimal", 2) == (content.text.base, content.text.fraction_digits)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            '<x:restriction base="x:string"><x:enumeration value="a"/><x:enumeration value="b"/></x:restriction>',
            {"values": ("a", "b"), "noun": "Literal (one of 'a', 'b')"},
        ),
        (
            '<x:restriction base="x:string"><x:pattern value="a"/><x:pattern value="b"/></x:restriction>',
            {"patterns": ("(a)|(b)",)},
        ),
        (
            '<x:restriction base="x:string"><x:length value="3"/></x:restriction>',
            {"min_length": 3, "max_length": 3},
        ),
        (
            '<x:restriction base="x:string"><x:whiteSpace value="collapse"/></x:restriction>',
            {"base": "token"},
        ),
        (
            '<x:restriction base="x:int"><x:minExclusive value="1"/><x:maxInclusive value="9"/></x:restriction>',
            {"base": "int", "above": "1", "at_most": "9"},
        ),
        (
            '<x:restriction base="Code"><x:maxLength value="2"/></x:restriction>',
            {"name": "Code", "max_length": 2},
        ),
        (
            '<x:restriction base="Code"><x:enumeration value="AB"/></x:restriction>',
            {"name": "", "values": ("AB",), "patterns": ("[A-Z]+",), "lexical": ""},
        ),
    ],
)
def test_restrictions_become_facets(body: str, expected: dict[str, Any]) -> None:
    code = (
        '<x:simpleType name="Code"><x:restriction base="x:string"><x:pattern value="[A-Z]+"/>'
        "</x:restriction></x:simpleType>"
    )
    text = read_simple(body, code)
    assert expected == {name: getattr(text, name) for name in expected}


def test_unions_and_lists_of_simple_types() -> None:
    union = read_simple(
        '<x:union memberTypes="x:int x:boolean"><x:simpleType><x:restriction base="x:token"/></x:simpleType></x:union>'
    )
    assert (["int", "boolean", "token"], "int or bool or token") == (
        [text.base for text in union.any_of],
        union.noun,
    )
    words = read_simple('<x:list itemType="x:date"/>')
    assert words.item is not None
    assert ("date", "words, each date") == (words.item.base, words.noun)


def test_fixed_values_are_closed_sets_and_defaults_of_attributes_are_kept() -> None:
    content = read_type(
        '<x:sequence><x:element name="A" type="x:string" fixed="1.0"/></x:sequence>'
        '<x:attribute name="v" type="x:decimal" fixed="2"/><x:attribute name="d" type="x:string" default="x"/>'
    )
    texts = [field.content for field in content.fields]
    assert [("1.0",), ("2",), ()] == [text.values for text in texts if isinstance(text, Text)]
    assert [None, "2", "x"] == [field.default for field in content.fields]
