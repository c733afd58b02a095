from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentserver.errors import ContractError
from agentserver.xmlable.outline import Field, Record, Text
from agentserver.xmlable.xsd.compiling import compiled
from agentserver.xmlable.xsd_reader import read_outline
from agentserver.xmlable.xsd_writer import schema_documents
from tests.properties import examples
from tests.xmlable.outline_strategies import documents, outlines, said
from tests.xmlable.schemas_in_short import read, read_type, record_of, schema, shown


@given(outlines())
@examples(200)
def test_what_is_written_reads_back(root: Field) -> None:
    assert said(root) == said(read_outline(list(schema_documents(root).values()), root.tag))


@given(outlines(), st.data())
@examples(50)
def test_what_is_read_can_be_written_and_takes_the_same_documents(root: Field, data: st.DataObject) -> None:
    again = schema_documents(read_outline(list(schema_documents(root).values()), root.tag))
    assert compiled(again).validate(data.draw(documents(root)))


def test_collections_are_known_by_their_shape() -> None:
    string = Text("str", "string")
    entry = Record("entry", fields=[Field("Key", string), Field("Value", string)])
    root = Record(
        "class",
        "R",
        fields=[
            Field("L", Record("items", fields=[Field("Item", string, least=0, most=None)])),
            Field("T", Record("tuple", fields=[Field("Item1", string), Field("Item2", string)])),
            Field("D", Record("entries", fields=[Field("Entry", entry, least=0, most=None)])),
        ],
    )
    found = record_of(read_outline(list(schema_documents(Field("R", root)).values()), "R"))
    contents = [field.content for field in found.fields]
    assert ["items", "tuple", "entries"] == [
        content.kind for content in contents if isinstance(content, Record)
    ]
    assert ["list of str", "tuple of str, str", "dict of str to str"] == [
        content.noun for content in contents
    ]
    entries = record_of(found.fields[2])
    assert ("dict", "entry") == (entries.fields[0].many, record_of(entries.fields[0]).kind)


def test_names_are_local_names_and_repeated_elements_are_lists() -> None:
    field = read_type('<x:sequence><x:element name="Line" type="x:int" maxOccurs="5"/></x:sequence>').fields[
        0
    ]
    assert ("Line", "list", 1, 5) == (field.name, field.many, field.least, field.most)


def test_references_name_the_global_element_and_its_namespace() -> None:
    other = schema('<x:element name="E" type="x:int"/><x:attribute name="a"/>', targetNamespace="urn:t")
    main = schema(
        '<x:import namespace="urn:t"/><x:element name="R"><x:complexType><x:sequence>'
        '<x:element xmlns:o="urn:t" ref="o:E" minOccurs="0"/></x:sequence>'
        '<x:attribute xmlns:o="urn:t" ref="o:a"/><x:attribute ref="xml:lang"/></x:complexType></x:element>'
    )
    content = record_of(read_outline([main, other], "R"))
    assert ["{urn:t}E?", "@{urn:t}a?", "@{http://www.w3.org/XML/1998/namespace}lang?"] == shown(content)


@pytest.mark.parametrize(
    ("attributes", "tags"),
    [
        ({}, ["L", "{urn:t}Q", "U"]),
        ({"elementFormDefault": "qualified"}, ["{urn:t}L", "{urn:t}Q", "U"]),
    ],
)
def test_local_elements_are_qualified_where_the_schema_says_so(
    attributes: dict[str, str], tags: list[str]
) -> None:
    body = (
        '<x:element name="L"/><x:element name="Q" form="qualified"/><x:element name="U" form="unqualified"/>'
    )
    field = read(
        f'<x:element name="R"><x:complexType><x:sequence>{body}</x:sequence></x:complexType></x:element>',
        "{urn:t}R",
        targetNamespace="urn:t",
        **attributes,
    )
    assert tags == shown(field.content)


def test_an_included_document_without_a_namespace_takes_that_of_its_host() -> None:
    host = schema('<x:element name="R" type="t:T"/>', targetNamespace="urn:t", elementFormDefault="qualified")
    part = schema(
        '<x:complexType name="T"><x:sequence><x:element name="A" type="S"/></x:sequence></x:complexType>'
        '<x:simpleType name="S"><x:restriction base="x:int"/></x:simpleType>',
        elementFormDefault="qualified",
    )
    assert ["{urn:t}A"] == shown(read_outline([host, part], "{urn:t}R").content)


def test_substitutes_are_alternatives_and_an_abstract_head_is_none() -> None:
    rest = (
        '<x:element name="Shape" abstract="true"/>'
        '<x:element name="Circle" type="x:int" substitutionGroup="Shape"/>'
        '<x:element name="Square" type="x:int" substitutionGroup="Shape"/>'
        '<x:element name="Tile" substitutionGroup="Square"/>'
    )
    content = read_type('<x:sequence><x:element ref="Shape"/><x:element name="Z"/></x:sequence>', rest)
    assert (["Circle?", "Square?", "Tile?", "Z"], "((Circle | Square | Tile), Z)") == (
        shown(content),
        content.model,
    )
    tile = content.fields[2].content
    assert isinstance(tile, Text)
    assert "int" == tile.base


def test_recursive_types_are_one_record() -> None:
    field = read(
        '<x:element name="R" type="T"/><x:complexType name="T"><x:sequence>'
        '<x:element name="T" type="T" minOccurs="0"/></x:sequence></x:complexType>'
    )
    assert field.content is record_of(field).fields[0].content


def test_a_chain_of_a_thousand_types_is_read() -> None:
    types = "".join(
        f'<x:complexType name="T{n}"><x:sequence><x:element name="N" type="T{n + 1}"/></x:sequence></x:complexType>'
        for n in range(1000)
    )
    field = read(
        f'<x:element name="R" type="T0"/>{types}<x:simpleType name="T1000"><x:restriction base="x:int"/></x:simpleType>'
    )
    for _ in range(1000):
        field = record_of(field).fields[0]
    assert isinstance(field.content, Text)


@pytest.mark.parametrize(
    ("documentation", "expected"),
    [
        ("<x:documentation>\n    One\n      two\n  </x:documentation>", "One\n  two"),
        ("<x:documentation>A</x:documentation><x:documentation>B</x:documentation>", "A\n\nB"),
        (
            '<x:documentation xml:lang="de">Eins</x:documentation><x:documentation xml:lang="en">One</x:documentation>',
            "One",
        ),
        ('<x:documentation xml:lang="de">Eins</x:documentation>', "Eins"),
        ("<x:documentation>Marked <b>up</b>\n text</x:documentation>", "Marked up text"),
        (
            '<x:documentation><c:Component xmlns:c="urn:c"><c:Type>X</c:Type><c:Definition>What.</c:Definition>'
            "</c:Component></x:documentation>",
            "What.",
        ),
        ("<x:documentation/>", ""),
    ],
)
def test_documentation_is_read_in_its_forms(documentation: str, expected: str) -> None:
    field = read(f'<x:element name="R" type="x:int"><x:annotation>{documentation}</x:annotation></x:element>')
    assert expected == field.doc


def of_type(body: str) -> str:
    """Give an element R with a type T of this body."""
    return f'<x:element name="R" type="T"/><x:complexType name="T">{body}</x:complexType>'


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('<x:element name="Other"/>', r"no global element.*Other"),
        ('<x:element name="R" type="Gone"/>', r"refers to Gone.*add the one"),
        (of_type('<x:sequence><x:element ref="Gone"/></x:sequence>'), "refers to Gone"),
        (of_type('<x:sequence><x:element name="A" minOccurs="x"/></x:sequence>'), "not valid"),
    ],
)
def test_a_schema_that_lacks_something_is_refused(body: str, words: str) -> None:
    with pytest.raises(ContractError, match=words):
        read(body)


DERIVED = '<x:complexContent><x:extension base="T"/></x:complexContent>'


@pytest.mark.parametrize(
    "body",
    [
        of_type(DERIVED),
        '<x:element name="R" type="T"/><x:simpleType name="T"><x:restriction base="T"/></x:simpleType>',
        of_type('<x:group ref="G"/>')
        + '<x:group name="G"><x:sequence><x:group ref="G"/></x:sequence></x:group>',
        of_type('<x:attributeGroup ref="G"/>')
        + '<x:attributeGroup name="G"><x:attributeGroup ref="G"/></x:attributeGroup>',
        '<x:element name="R" substitutionGroup="R"/>',
        '<x:element name="R" substitutionGroup="S"/><x:element name="S" substitutionGroup="R"/>',
        of_type("") + f'<x:redefine><x:complexType name="T">{DERIVED}</x:complexType></x:redefine>',
    ],
)
def test_circles_that_no_schema_may_have_do_not_hang(body: str) -> None:
    assert "R" == read(body).tag


def test_groups_that_multiply_without_end_are_refused() -> None:
    groups = "".join(
        f'<x:group name="G{n}"><x:sequence><x:group ref="G{n + 1}"/><x:group ref="G{n + 1}"/></x:sequence></x:group>'
        for n in range(40)
    )
    last = '<x:group name="G40"><x:sequence><x:element name="A"/></x:sequence></x:group>'
    with pytest.raises(ContractError, match="more than 10000 parts"):
        read(of_type('<x:group ref="G0"/>') + groups + last)


def test_types_that_derive_from_each_other_without_end_are_refused() -> None:
    types = "".join(
        f'<x:complexType name="T{n}">{DERIVED.replace("T", f"T{n + 1}")}</x:complexType>' for n in range(2000)
    )
    with pytest.raises(ContractError, match="too deeply"):
        read(f'<x:element name="R" type="T0"/>{types}<x:complexType name="T2000"/>')


def test_a_redefined_type_extends_what_it_was() -> None:
    field = read(
        '<x:redefine schemaLocation="x"><x:complexType name="T"><x:complexContent><x:extension base="T"><x:sequence>'
        '<x:element name="B" type="T" minOccurs="0"/></x:sequence></x:extension></x:complexContent></x:complexType>'
        "</x:redefine>"
        '<x:element name="R" type="T"/>'
        '<x:complexType name="T"><x:sequence><x:element name="A"/></x:sequence></x:complexType>'
    )
    assert ["A", "B?"] == shown(field.content)
    assert field.content is record_of(field).fields[1].content
