"""Examples: valid whatever the outline, plain to read, the same in every run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from lxml import etree

from agentserver.errors import ContractError
from agentserver.xmlable import contract_of, lexical
from agentserver.xmlable.example import MAX_ELEMENTS, example, example_text
from agentserver.xmlable.outline import Anything, Field, Record, Text, Variants
from agentserver.xmlable.xsd.compiling import compiled
from agentserver.xmlable.xsd_writer import schema_documents
from tests.properties import examples
from tests.xmlable import order_outline as o
from tests.xmlable.constrained_strategies import Typed
from tests.xmlable.dataclass_strategies import contracts
from tests.xmlable.outline_strategies import outlines


def faults(root: Field, *, required_only: bool = False) -> list[str]:
    schema = compiled(schema_documents(root))
    document = etree.fromstring(etree.tostring(example(root, required_only=required_only)))
    schema.validate(document)
    return [entry.message for entry in iter(schema.error_log)]  # type: ignore[call-overload]  # the stubs miss it


def value(text: Text) -> str | None:
    return example(Field("Value", text)).text


@given(outlines())
@examples(80)
def test_the_example_of_an_outline_is_valid(root: Field) -> None:
    assert faults(root) == []
    assert faults(root, required_only=True) == []


@given(contracts())
@examples(80)
def test_the_example_of_a_class_is_valid_and_read(typed: Typed) -> None:
    contract = contract_of(typed[0])
    document = example(contract.outline)
    contract.schema.assertValid(document)
    assert contract.read(document) is not None


def test_every_kind_of_field_is_shown_once_and_plainly() -> None:
    assert [] == faults(o.order())
    expected = """\
<Order id="1" note="text">
  <UnitPrice>1.50</UnitPrice>
  <Lines>
    <Sku>AB3</Sku>
    <Price>1.50</Price>
  </Lines>
  <When>2026-01-31T09:30:00</When>
  <Day>2026-01-31</Day>
  <At>09:30:00</At>
  <Span>PT1H30M</Span>
  <Key>123e4567-e89b-12d3-a456-426614174000</Key>
  <Data>ZXhhbXBsZQ==</Data>
  <Flag>true</Flag>
  <Colour>red</Colour>
  <Level>1</Level>
  <Ratio>1.5</Ratio>
  <Shape>
    <Circle>
      <Radius>1.50</Radius>
    </Circle>
  </Shape>
  <Shapes>
    <Circle>
      <Radius>1.50</Radius>
    </Circle>
  </Shapes>
  <Pair>
    <Item1>1</Item1>
    <Item2>text</Item2>
  </Pair>
  <Matrix>
    <Item>
      <Item>1</Item>
    </Item>
  </Matrix>
  <Prices>
    <Entry>
      <Key>text</Key>
      <Value>1.50</Value>
    </Entry>
  </Prices>
  <Counts>
    <Entry>
      <Key>1</Key>
      <Value>
        <Value>1</Value>
      </Value>
    </Entry>
  </Counts>
  <Tree>
    <Value>1</Value>
  </Tree>
  <Password>secret</Password>
  <Tags>text</Tags>
  <Tags>text 2</Tags>
  <Body>
    <example xmlns="urn:example"/>
  </Body>
</Order>"""
    assert expected == example_text(o.order())


def test_the_shortest_example_has_what_is_required() -> None:
    root = o.root_of(
        o.one("A", o.INT), o.one("B", o.INT, least=0), o.many("C", o.INT), o.many("D", o.INT, least=2)
    )
    expected = "<Order>\n  <A>1</A>\n  <D>1</D>\n  <D>1</D>\n</Order>"
    assert expected == example_text(root, required_only=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (replace(o.INT, at_least="5"), "5"),
        (replace(o.INT, above="5"), "6"),
        (replace(o.INT, at_most="-3"), "-3"),
        (replace(o.INT, above="-1", below="1"), "0"),
        (replace(o.INT, patterns=(r"[+\-]?([0-9]*[05])",)), "5"),
        (Text("negativeInteger", "negativeInteger"), "-1"),
        (Text("unsignedByte", "unsignedByte", above="254"), "255"),
        (replace(o.DECIMAL, fraction_digits=0), "1"),
        (replace(o.DECIMAL, fraction_digits=1), "1.5"),
        (replace(o.DECIMAL, above="0", below="0.001"), "0.0005"),
        (replace(o.FLOAT, at_least="1e3"), "1000.0"),
        (replace(o.FLOAT, above="1e300"), "1.0000000000000002e+300"),
        (replace(o.FLOAT, below="-1e300"), "-1.0000000000000002e+300"),
        (replace(o.INT, at_least="9" * 4300), "9" * 4300),
        (replace(o.INT, at_most="-" + "9" * 4300), "-" + "9" * 4300),
        (replace(o.DECIMAL, at_least="0." + "9" * 999), "1.50"),
        (replace(o.DECIMAL, above="7." + "9" * 900, below="8"), "7." + "9" * 900 + "5"),
        (replace(o.DATE, at_least="2030-05-01"), "2030-05-01"),
        (replace(o.DATE, below="2000-01-01"), "1999-12-31"),
        (replace(o.DATETIME, above="2030-05-01T00:00:00Z"), "2030-05-01T00:01:00+00:00"),
        (replace(o.TIME, above="10:00:00"), "10:01:00"),
        (replace(o.SPAN, at_least="P2D"), "P2D"),
        (replace(o.STR, min_length=10), "text text "[:9] + "t"),
        (replace(o.STR, max_length=2), "te"),
        (replace(o.STR, max_length=0), ""),
        (replace(o.BYTES, max_length=3), "ZXhh"),
        (replace(o.STR, patterns=("[a-z]+", ".{6}")), "abcdef"),
        (replace(o.STR, patterns=(r"\p{Lu}\p{Ll}+-\d{4}",)), "Ab-4567"),
        (replace(o.STR, patterns=("",)), ""),
        (replace(o.STR, patterns=("",), min_length=0), ""),
        (o.COLOUR, "red"),
        (Text("language", "language"), "en"),
        (Text("anyURI", "anyURI"), "https://example.org/"),
        (Text("ints", "anySimpleType", item=o.INT, min_length=2), "1 1"),
        (Text("Colour or int", "anySimpleType", any_of=(o.COLOUR, o.INT)), "red"),
    ],
    ids=str,
)
def test_a_value_is_plain_and_within_its_constraints(text: Text, expected: str) -> None:
    assert [] == faults(Field("Value", text))
    assert expected == (value(text) or "")


def test_a_default_is_its_own_example() -> None:
    assert "7" == example(Field("Value", o.INT, default="7")).text


def test_a_default_that_the_bounds_forbid_is_none() -> None:
    assert "10" == example(Field("Value", replace(o.INT, at_least="10"), default="7")).text


@pytest.mark.parametrize(
    "text",
    [
        replace(o.INT, at_least="5", at_most="4"),
        replace(o.STR, patterns=("a", "b")),
        replace(o.STR, patterns=("(a|b)*c[^\\s\\S]",)),
        replace(o.STR, patterns=("a{3}",), max_length=2),
    ],
    ids=str,
)
def test_what_has_no_example_is_said_with_the_field(text: Text) -> None:
    with pytest.raises(ContractError) as caught:
        example(o.root_of(o.one("Code", text)))
    assert ("Order", "code") == (caught.value.class_name, caught.value.field)
    assert "no text was found" in caught.value.reason


def test_keys_and_members_of_sets_are_distinct() -> None:
    entries = o.dict_of(o.INT, o.STR)
    entries.fields[0].least = 3
    pair = Record("class", "Pair", "Pair", [o.one("Flag", o.BOOL), o.one("Number", o.INT)])
    document = example(o.root_of(o.one("Counts", entries), o.many("Pairs", pair, "set", least=3)))
    assert ["1", "2", "3"] == [key.text for key in document.iter("Key")]
    assert 3 == len({etree.tostring(each) for each in document.iter("Pairs")})


def test_a_union_takes_its_first_member() -> None:
    assert "<Shape><Circle><Radius>1.50</Radius></Circle></Shape>" == etree.tostring(
        example(Field("Shape", o.SHAPE)), encoding="unicode"
    )


def test_a_union_that_may_hold_itself_ends() -> None:
    addition = Record("class", "Add", "Add")
    term = Variants([Field("Add", addition), Field("Number", o.INT)])
    addition.fields += [o.one("Left", term), o.one("Right", term)]
    root = Field("Add", addition)
    assert faults(root) == []
    assert 2 == len(list(example(root).iter("Number")))


def test_two_records_that_hold_each_other_end() -> None:
    first, second = Record("class", "First", "First"), Record("class", "Second", "Second")
    first.fields.append(o.one("Second", second, least=0))
    second.fields.append(o.one("First", first))
    assert "<First><Second><First/></Second></First>" == etree.tostring(
        example(Field("First", first)), encoding="unicode"
    )


def test_a_record_without_end_is_refused() -> None:
    record = Record("class", "Loop", "Loop")
    record.fields.append(o.one("Loop", record))
    with pytest.raises(ContractError, match="holds itself without end"):
        example(Field("Loop", record))


def test_a_huge_outline_has_an_example_of_bounded_size() -> None:
    content: Record = Record("class", "R0", "R0", [o.one("Leaf", o.INT)])
    for level in range(1, 12):
        fields = [o.one(f"F{level}x{number}", content, least=0) for number in range(4)]
        content = Record("class", f"R{level}", "", fields)
    assert len(list(example(Field("Root", content)).iter())) < 2 * MAX_ELEMENTS


def test_a_deep_outline_has_an_example() -> None:
    content: Record = Record("class", "R0", "R0", [o.one("Leaf", o.INT)])
    for level in range(1, 100):
        content = Record("class", f"R{level}", "", [o.one(f"F{level}", content)])
    assert faults(Field("Root", content)) == []


def test_elements_of_no_namespace_stay_there() -> None:
    inner = Record("class", "Inner", "", [o.one("Plain", o.INT), o.one("{urn:b}Other", o.INT)])
    root = Field("{urn:a}Root", Record("class", "Root", "", [o.one("{urn:a}Inner", inner)]))
    document = example(root)
    again = etree.fromstring(etree.tostring(document))
    assert [each.tag for each in document.iter()] == [each.tag for each in again.iter()]
    assert {"tns": "urn:a", "ns2": "urn:b"} == document.nsmap


def test_one_namespace_is_the_default() -> None:
    root = Field("{urn:a}Root", Record("class", "Root", "", [o.one("{urn:a}A", o.INT)]))
    assert '<Root xmlns="urn:a">\n  <A>1</A>\n</Root>' == example_text(root)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("((A, B?) | C)", ["A", "B"]),
        ("(C | (A, B))", ["C"]),
        ("(A & B)", ["A", "B"]),
        ("((A | B){2,3}, C+)", ["A", "A", "C"]),
        ("text among (A | B)*", ["A"]),
        ("ANY", []),
        ("(Unknown, A)", []),
        ("((Unknown | B), A) and attributes of any name", ["B", "A"]),
    ],
)
def test_a_foreign_content_model_is_followed(model: str, expected: list[str]) -> None:
    fields = [o.one(name, o.INT, least=0) for name in "ABC"]
    record = Record("class", "Any", "Any", fields, model=model)
    assert expected == [child.tag for child in example(Field("Root", record))]


def test_identifiers_are_distinct_in_a_document() -> None:
    root = o.root_of(o.one("A", Text("ID", "ID")), o.one("B", Text("ID", "ID")))
    assert ["id", "id2"] == [child.text for child in example(root)]


def test_line_breaks_in_values_do_not_look_like_layout() -> None:
    root = o.root_of(o.one("A", Text("Literal", "string", values=("a\n\nb",))), o.one("B", o.INT))
    assert "<Order><A>a&#10;&#10;b</A><B>1</B></Order>" == example_text(root)
    assert "a\n\nb" == etree.fromstring(example_text(root)).findtext("A")


def test_two_examples_are_the_same_and_apart() -> None:
    root = o.order()
    first, second = example(root), example(root)
    assert first is not second
    assert etree.tostring(first) == etree.tostring(second)


def test_raw_xml_is_in_a_namespace_of_its_own() -> None:
    document = example(o.root_of(o.one("Body", Anything())))
    assert "{urn:example}example" == document[0][0].tag


def test_every_scalar_of_the_language_has_an_example() -> None:
    assert lexical.parse_uuid(value(o.UUID) or "").version == 1
