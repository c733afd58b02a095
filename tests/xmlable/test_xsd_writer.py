from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from agentserver.errors import ContractError
from agentserver.xmlable.outline import Anything, Content, Field, Record, Text, Variants
from agentserver.xmlable.xsd.compiling import compiled
from agentserver.xmlable.xsd_writer import schema_documents
from tests.properties import examples
from tests.xmlable.outline_strategies import TEXTS, documents, outlines, values_of

STR = Text("str", "string")
INT = Text("int", "integer", name="int", lexical="[0-9]+")
XS = 'xmlns:xs="http://www.w3.org/2001/XMLSchema"'


def written(content: Content, tag: str = "R", **options: Any) -> str:
    """Give the main document, without its `xs:schema` where that is plain."""
    text = etree.tostring(next(iter(schema_documents(Field(tag, content, **options)).values()))).decode()
    return text.removeprefix(f"<xs:schema {XS}>").removesuffix("</xs:schema>")


def record(*fields: Field, **options: Any) -> Record:
    return Record("class", fields=list(fields), **options)


def accepts(root: Field, *texts: str) -> list[bool]:
    schema = compiled(schema_documents(root))
    return [schema.validate(etree.fromstring(text)) for text in texts]


def test_a_plain_record_is_a_named_sequence_and_its_types_follow_in_the_order_of_use() -> None:
    content = record(Field("Name", STR), Field("Age", INT, least=0), Field("Tag", STR, most=None), name="R")
    assert (
        '<xs:element name="R" type="R"/>'
        '<xs:complexType name="R"><xs:sequence>'
        '<xs:element name="Name" type="xs:string"/>'
        '<xs:element name="Age" type="int" minOccurs="0"/>'
        '<xs:element name="Tag" type="xs:string" maxOccurs="unbounded"/>'
        "</xs:sequence></xs:complexType>"
        '<xs:simpleType name="int"><xs:restriction base="xs:integer"><xs:pattern value="[0-9]+"/>'
        "</xs:restriction></xs:simpleType>"
    ) == written(content)


def test_types_of_one_name_are_numbered() -> None:
    content = record(Field("A", record(name="R")), Field("B", record(name="R")), name="R")
    text = written(content)
    assert [True, True, True] == [f'complexType name="{name}"' in text for name in ("R", "R2", "R3")]


def test_a_document_has_one_file() -> None:
    assert ["Inv.xsd"] == list(schema_documents(Field("Inv", STR)))


def test_docs_and_secrets_stand_in_annotations() -> None:
    content = record(Field("Pin", STR, doc="The <pin>.", secret=True), name="R", doc="All of it.")
    text = written(content, doc="The root.")
    assert (
        '<xs:element name="Pin" type="xs:string"><xs:annotation>'
        "<xs:documentation>The &lt;pin&gt;.</xs:documentation>"
        '<xs:appinfo><secret xmlns="https://xml-pipeline.org/ns/contract/v1"/></xs:appinfo>'
        "</xs:annotation></xs:element>"
    ) in text
    assert "<xs:annotation><xs:documentation>The root.</xs:documentation></xs:annotation>" in text
    assert "<xs:annotation><xs:documentation>All of it.</xs:documentation></xs:annotation><xs:seq" in text


def test_attributes_follow_the_elements() -> None:
    content = record(
        Field("id", STR, attribute=True),
        Field("a", INT, attribute=True, least=0, default="7"),
        Field("B", STR),
    )
    assert (
        '<xs:sequence><xs:element name="B" type="xs:string"/></xs:sequence>'
        '<xs:attribute name="id" type="xs:string" use="required"/>'
        '<xs:attribute name="a" type="int" default="7"/>'
    ) in written(content)


def test_a_union_is_a_choice() -> None:
    union = Variants([Field("A", STR), Field("B", INT)])
    assert "<xs:complexType><xs:choice><xs:element" in written(union)
    assert [True, True, False, False] == accepts(
        Field("R", union), "<R><A/></R>", "<R><B>1</B></R>", "<R/>", "<R><A/><B>1</B></R>"
    )


def test_raw_xml_is_one_element_of_any_kind() -> None:
    assert '<xs:any namespace="##any" processContents="skip"/>' in written(Anything())
    assert [True, False, False] == accepts(
        Field("R", Anything()), "<R><x:y xmlns:x='u'/></R>", "<R/>", "<R>a</R>"
    )


@pytest.mark.parametrize("namespace", ["", "{urn:a}"])
def test_keys_of_a_dict_are_unique(namespace: str) -> None:
    entry = Record("entry", fields=[Field(f"{namespace}Key", INT), Field(f"{namespace}Value", STR)])
    entries = Record("entries", fields=[Field(f"{namespace}Entry", entry, least=0, most=None)])
    ns = f"xmlns='{namespace[1:-1]}'" if namespace else ""
    once, twice = (
        "".join(f"<Entry><Key>{key}</Key><Value/></Entry>" for key in keys) for keys in ("12", "11")
    )
    assert [True, False] == accepts(
        Field(f"{namespace}R", entries), f"<R {ns}>{once}</R>", f"<R {ns}>{twice}</R>"
    )


def test_all_patterns_must_match() -> None:
    text = Text("str", "string", patterns=("[a-c]*", ".{2}"))
    assert [True, False, False] == accepts(Field("R", text), "<R>ab</R>", "<R>a</R>", "<R>xy</R>")


def test_facets_stand_around_the_named_type() -> None:
    assert (
        '<xs:element name="R"><xs:simpleType><xs:restriction base="int"><xs:minExclusive value="3"/>'
        '<xs:maxInclusive value="9"/></xs:restriction></xs:simpleType></xs:element>'
    ) in written(Text("int", "integer", name="int", lexical="[0-9]+", above="3", at_most="9"))


@pytest.mark.parametrize(
    ("bounds", "accepted"),
    [({"at_least": "3", "above": "3"}, [False, True]), ({"at_least": "3", "above": "2"}, [True, True])],
)
def test_of_two_lower_bounds_the_tighter_one_counts(bounds: dict[str, str], accepted: list[bool]) -> None:
    assert accepted == accepts(Field("R", Text("int", "integer", **bounds)), "<R>3</R>", "<R>4</R>")  # type: ignore[arg-type]


def test_text_with_attributes_is_simple_content() -> None:
    amount = record(
        Field("currency", STR, attribute=True),
        text=Text("decimal", "decimal", fraction_digits=2),
        name="Amount",
    )
    assert [True, False, False] == accepts(
        Field("R", amount), "<R currency='EUR'>1.25</R>", "<R currency='EUR'>1.255</R>", "<R>1.25</R>"
    )


def test_a_record_may_hold_itself_without_a_name() -> None:
    content = record(Field("Label", STR))
    content.fields.append(Field("Branch", content, least=0))
    assert [True] == accepts(Field("R", content), "<R><Label/><Branch><Label/></Branch></R>")


def test_a_chain_of_a_thousand_types_is_written() -> None:
    content: Content = STR
    for number in range(1000):
        content = record(Field("Next", content), name=f"T{number}")
    assert 1002 == len(schema_documents(Field("R", content))["R.xsd"]) + 1


def test_each_namespace_has_a_document_that_is_imported() -> None:
    lines = record(Field("{urn:b}Line", STR, most=None), name="Lines")
    root = Field(
        "{urn:a}Order", record(Field("{urn:a}ID", STR), Field("{urn:b}Lines", lines), Field("Plain", STR))
    )
    made = schema_documents(root)
    assert ["Order.xsd", "Order.2.xsd"] == list(made)
    assert ["urn:a", "urn:b"] == [document.get("targetNamespace") for document in made.values()]
    assert ["qualified"] * 2 == [document.get("elementFormDefault") for document in made.values()]
    assert [True, False] == accepts(
        root,
        "<a:Order xmlns:a='urn:a' xmlns:b='urn:b'><a:ID/><b:Lines><b:Line/></b:Lines><Plain/></a:Order>",
        "<a:Order xmlns:a='urn:a' xmlns:b='urn:b'><a:ID/><a:Lines><b:Line/></a:Lines><Plain/></a:Order>",
    )


def test_two_global_elements_of_one_name_and_two_types_are_refused() -> None:
    def holder(content: Content) -> Record:
        return record(Field("{urn:a}Own", STR), Field("{urn:b}Same", content))

    root = record(Field("{urn:a}A", holder(STR)), Field("{urn:a}B", holder(INT)))
    with pytest.raises(ContractError, match=r"Same.*two types.*another name or namespace"):
        schema_documents(Field("{urn:a}R", root))


def test_two_global_elements_of_one_name_and_equal_types_are_one() -> None:
    def holder(doc: str) -> Record:
        return record(Field("{urn:a}Own", STR), Field("{urn:b}Same", STR, doc=doc))

    root = record(Field("{urn:a}A", holder("One")), Field("{urn:a}B", holder("Other")))
    assert 2 == len(schema_documents(Field("{urn:a}R", root)))


def test_an_attribute_of_another_namespace_is_declared_once_however_often_its_record_is_met() -> None:
    shared = record(Field("{urn:b}a", STR, attribute=True))
    root = Field("{urn:a}R", record(Field("{urn:a}A", shared), Field("{urn:a}B", shared)))
    documents = schema_documents(root)
    assert 1 == sum(len(each.findall("{*}attribute")) for each in documents.values())
    assert [True] == accepts(root, '<R xmlns="urn:a" xmlns:b="urn:b"><A b:a=""/><B b:a=""/></R>')


@pytest.mark.parametrize("namespace", ["{urn:a}", ""])
def test_a_recursive_type_of_two_namespaces_is_written_once(namespace: str) -> None:
    inner = record(Field("{urn:b}F", STR), Field("{urn:c}G", STR))
    inner.fields.append(Field(f"{namespace}Again", inner, least=0))
    root = Field(f"{namespace}R", record(Field("{urn:b}Outer", inner)))
    assert 2 == sum(len(each.findall(".//{*}complexType")) for each in schema_documents(root).values())
    own = f'xmlns="{namespace[1:-1]}"'
    again = f'<Again {own}><F xmlns="urn:b"/><G xmlns="urn:c"/></Again>'
    assert [True] == accepts(root, f'<R {own}><Outer xmlns="urn:b"><F/><G xmlns="urn:c"/>{again}</Outer></R>')


def test_text_that_xml_does_not_allow_is_refused() -> None:
    with pytest.raises(ContractError, match="cannot be written"):
        schema_documents(Field("R", STR, doc="\x00"))


@pytest.mark.parametrize("text", [text for text, _ in TEXTS], ids=lambda text: text.noun)
@given(data=st.data())
@examples(10)
def test_every_text_takes_its_values(text: Text, data: st.DataObject) -> None:
    element = etree.Element("R")
    element.text = data.draw(values_of(text))
    schema = compiled(schema_documents(Field("R", text)))
    assert schema.validate(element), schema.error_log


@given(outlines(), st.data())
@examples(150)
def test_documents_that_fit_an_outline_are_valid_by_its_schema(root: Field, data: st.DataObject) -> None:
    schema = compiled(schema_documents(root))
    document = data.draw(documents(root))
    assert schema.validate(document), (schema.error_log, etree.tostring(document))


@given(outlines())
@examples(50)
def test_the_same_outline_gives_the_same_bytes(root: Field) -> None:
    first, second = (
        {name: etree.tostring(document) for name, document in schema_documents(root).items()}
        for _ in range(2)
    )
    assert first == second


@given(outlines(), st.data())
@examples(25)
def test_an_independent_validator_takes_them_too(root: Field, data: st.DataObject) -> None:
    document = data.draw(documents(root))
    with tempfile.TemporaryDirectory() as folder:
        for name, schema in schema_documents(root).items():
            Path(folder, name).write_bytes(etree.tostring(schema))
        second = xmlschema.XMLSchema(Path(folder, "Root.xsd"), allow="local")
        assert [] == [
            str(error) for error in second.iter_errors(etree.tostring(document, encoding="unicode"))
        ]
