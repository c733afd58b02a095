"""Schemas of several files for one namespace, and schemas that would take libxml2 for hours."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from lxml import etree

from agentserver.errors import SchemaError
from agentserver.xmlable.foreign import ForeignSchema, SchemaLibrary
from agentserver.xmlable.xsd_reader import read_outline
from tests.xmlable.foreign.schema_files import XS, element, schema, write

LONGEST_S = 5.0
INCLUDE, IMPORT = '<xs:include schemaLocation="{}"/>', '<xs:import namespace="urn:g" schemaLocation="{}"/>'
G = 'xmlns:g="urn:g"'


def load(folder: Path, files: dict[str, str | bytes]) -> ForeignSchema:
    return SchemaLibrary().load(write(folder, files))


def holder(*references: str) -> str:
    """Declare A, which holds elements of another namespace."""
    inside = "".join(f'<xs:element ref="g:{each}"/>' for each in references)
    return f'<xs:element name="A"><xs:complexType><xs:sequence>{inside}</xs:sequence></xs:complexType></xs:element>'


def takes(found: ForeignSchema, *names: str) -> bool:
    inside = "".join(f'<{name} xmlns="urn:g">1</{name}>' for name in names)
    return found.compiled.validate(etree.fromstring(f'<A xmlns="urn:a">{inside}</A>'))


def simple(name: str) -> str:
    return f'<xs:simpleType name="{name}"><xs:restriction base="xs:int"/></xs:simpleType>'


TWO = IMPORT.format("b.xsd") + IMPORT.format("c.xsd")
BACK = '<xs:import namespace="urn:a" schemaLocation="{}"/>'
BOTH = element("B") + element("C")
COMMON: dict[str, str | bytes] = {"s/d.xsd": schema(simple("T"), "urn:g")}


@pytest.mark.parametrize(
    "files",
    [
        {  # both are imported by one document
            "s/a.xsd": schema(TWO + holder("B", "C"), head=G),
            "s/b.xsd": schema(element("B"), "urn:g"),
            "s/c.xsd": schema(element("C"), "urn:g"),
        },
        {  # both include a third one, as the files of GML do
            "s/a.xsd": schema(TWO + holder("B", "C"), head=G),
            "s/b.xsd": schema(INCLUDE.format("d.xsd") + element("B", "T"), "urn:g"),
            "s/c.xsd": schema(INCLUDE.format("d.xsd") + element("C", "T"), "urn:g"),
            **COMMON,
        },
        {  # one includes the other
            "s/a.xsd": schema(TWO + holder("B", "C"), head=G),
            "s/b.xsd": schema(element("B"), "urn:g"),
            "s/c.xsd": schema(INCLUDE.format("b.xsd") + element("C"), "urn:g"),
        },
        {  # each is imported by another document
            "s/a.xsd": schema(INCLUDE.format("a2.xsd") + IMPORT.format("b.xsd") + holder("B", "C"), head=G),
            "s/a2.xsd": schema(IMPORT.format("c.xsd") + '<xs:element name="E" type="g:T"/>', head=G),
            "s/b.xsd": schema(element("B"), "urn:g"),
            "s/c.xsd": schema(INCLUDE.format("d.xsd") + element("C"), "urn:g"),
            **COMMON,
        },
        {  # a part of the main document's own namespace is imported by what it imports
            "s/a.xsd": schema(IMPORT.format("b.xsd") + IMPORT.format("c.xsd") + holder("B", "C"), head=G),
            "s/b.xsd": schema(BACK.format("a3.xsd") + element("B", "a:T"), "urn:g", 'xmlns:a="urn:a"'),
            "s/c.xsd": schema(BACK.format("a.xsd") + element("C"), "urn:g"),
            "s/a3.xsd": schema(simple("T")),
        },
        {  # the same document twice, under two spellings
            "s/a.xsd": schema(IMPORT.format("b.xsd") + IMPORT.format("../s/./b.xsd") + holder("B", "C"), head=G),
            "s/b.xsd": schema(INCLUDE.format("d.xsd") + INCLUDE.format("./d.xsd") + BOTH, "urn:g"),
            **COMMON,
        },
    ],
)  # fmt: skip
def test_several_files_of_one_namespace_are_one(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    found = load(tmp_path, files)
    assert [True, False] == [takes(found, "B", "C"), takes(found, "B")]
    outline = read_outline([document.root for document in found.documents.values()], "{urn:a}A")
    assert ["{urn:g}B", "{urn:g}C"] == [field.tag for field in getattr(outline.content, "fields", [])]


def test_two_files_that_declare_the_same_are_refused_with_the_place(tmp_path: Path) -> None:
    with pytest.raises(
        SchemaError, match=r"s/a.xsd line 1 imports s/[bc].xsd line 1: .*\{urn:g\}B.* already exist"
    ):
        load(
            tmp_path,
            {
                "s/a.xsd": schema(TWO + holder("B"), head=G),
                "s/b.xsd": schema(element("B"), "urn:g"),
                "s/c.xsd": schema(element("B"), "urn:g"),
            },
        )


def test_what_libxml2_says_of_a_line_is_true_of_a_file_beside_another(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"s/b\.xsd line 4: "):
        load(
            tmp_path,
            {
                "s/a.xsd": schema(TWO + holder("B"), head=G),
                "s/b.xsd": schema("\n\n\n" + element("B", "Gone"), "urn:g"),
                "s/c.xsd": schema(element("C"), "urn:g"),
            },
        )


@pytest.mark.parametrize("location", [" b.xsd ", "\n  b.xsd\t", "b.xsd\n"])
@pytest.mark.parametrize("verb", [INCLUDE, IMPORT])
def test_blanks_around_a_location_do_not_count(tmp_path: Path, verb: str, location: str) -> None:
    namespace = "urn:a" if verb is INCLUDE else "urn:g"
    files: dict[str, str | bytes] = {
        "s/a.xsd": schema(verb.format(location) + element("A")),
        "s/b.xsd": schema(element("B"), namespace),
    }
    assert ["s/a.xsd", "s/b.xsd"] == list(load(tmp_path, files).documents)


def of_type(body: str) -> str:
    return f'<xs:element name="A"><xs:complexType>{body}</xs:complexType></xs:element>'


def doubling(kind: str, ref: str, levels: int, last: str) -> str:
    """Write groups of which each refers to the next one twice."""
    twice = '<xs:{0} ref="G{1}"/><xs:{0} ref="G{1}"/>'
    groups = "".join(
        f'<xs:{ref} name="G{n}"><xs:{kind}>{twice.format(ref, n + 1)}</xs:{kind}></xs:{ref}>'
        if kind
        else f'<xs:{ref} name="G{n}">{twice.format(ref, n + 1)}</xs:{ref}>'
        for n in range(levels)
    )
    return of_type(f'<xs:{ref} ref="G0"/>') + groups + f'<xs:{ref} name="G{levels}">{last}</xs:{ref}>'


def many(count: int, form: str) -> str:
    return "".join(form.format(n) for n in range(count))


LEAF = '<xs:sequence><xs:element name="e"/></xs:sequence>'
OPTIONAL = '<xs:element name="e{}" minOccurs="0"/>'
OPTIONAL_REFERENCE = '<xs:element ref="H" minOccurs="0"/>'
CHAIN = (
    '<xs:complexType name="T{1}"><xs:complexContent><xs:extension base="T{0}"><xs:sequence>'
    '<xs:element name="e{1}" minOccurs="0"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>'
)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (doubling("sequence", "group", 23, LEAF), "more than 1,000,000 elements and attributes, groups written out"),
        (doubling("sequence", "group", 60, LEAF), "more than 1,000,000 elements"),
        (doubling("choice", "group", 16, LEAF), "take too long to compile; let fewer parts in a row be optional"),
        (doubling("", "attributeGroup", 30, '<xs:attribute name="a"/>'), "more than 1,000,000 elements"),
        (of_type(f"<xs:sequence>{many(4000, OPTIONAL)}</xs:sequence>"), "with a type without a name .* too long"),
        ('<xs:complexType name="T0"/>' + "".join(CHAIN.format(n, n + 1) for n in range(120)), None),
        ('<xs:complexType name="T0"/>' + "".join(CHAIN.format(n, n + 1) for n in range(2000)), "too deeply|too long"),
        (
            '<xs:element name="H"/>' + many(100, '<xs:element name="s{}" substitutionGroup="H"/>')
            + of_type(f"<xs:sequence>{100 * OPTIONAL_REFERENCE}</xs:sequence>"),
            "take too long",
        ),
        (
            f'<xs:simpleType name="S"><xs:restriction base="xs:string"><xs:pattern value="{"a?" * 2000}"/>'
            "</xs:restriction></xs:simpleType>",
            "with a pattern",
        ),
        (of_type(f"<xs:sequence>{many(500, OPTIONAL)}</xs:sequence>"), None),
        (of_type(f'<xs:choice maxOccurs="unbounded">{many(2000, OPTIONAL)}</xs:choice>'), None),
    ],
    ids=str,
)  # fmt: skip
def test_a_schema_that_would_take_libxml2_for_hours_is_refused(
    tmp_path: Path, body: str, reason: str | None
) -> None:
    begin = time.process_time()
    files: dict[str, str | bytes] = {"s/a.xsd": schema(body + element("Z"))}
    if reason is None:
        load(tmp_path, files)
    else:
        with pytest.raises(SchemaError, match=f"s/a.xsd: .*({reason})"):
            load(tmp_path, files)
    assert time.process_time() - begin < LONGEST_S


@pytest.mark.parametrize(
    "body",
    [
        '<xs:group name="G"><xs:sequence><xs:group ref="G"/></xs:sequence></xs:group>',
        '<xs:complexType name="T"><xs:complexContent><xs:extension base="T"/></xs:complexContent></xs:complexType>',
        '<xs:complexType name="T"><xs:complexContent><xs:extension base="Gone"/></xs:complexContent></xs:complexType>',
        of_type('<xs:sequence><xs:element ref="Gone" minOccurs="x"/></xs:sequence>'),
        of_type('<xs:attributeGroup ref="Gone"/>'),
    ],
)
def test_a_schema_that_is_wrong_otherwise_is_for_libxml2_to_refuse(tmp_path: Path, body: str) -> None:
    with pytest.raises(SchemaError, match=r"s/a\.xsd line 1: "):
        load(
            tmp_path, {"s/a.xsd": f'<xs:schema {XS} targetNamespace="urn:a" xmlns="urn:a">{body}</xs:schema>'}
        )
