"""JSON: the same values, the same documents, and an error with a path for all else."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Len
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from agentserver.errors import BindingError
from agentserver.xmlable import RawXml, Secret, contract_of, xmlify
from agentserver.xmlable.codec import describe
from agentserver.xmlable.concealment import HIDDEN
from agentserver.xmlable.example import example
from agentserver.xmlable.json_notation import element_to_json, from_json, json_to_element, to_json
from agentserver.xmlable.outline import Anything, Content, Field, Record, Text
from agentserver.xmlable.xsd.compiling import compiled
from agentserver.xmlable.xsd_writer import schema_documents
from tests.properties import examples
from tests.xmlable import order_outline as o
from tests.xmlable.constrained_strategies import Typed
from tests.xmlable.dataclass_strategies import contracts, same
from tests.xmlable.outline_strategies import documents, outlines


@xmlify
@dataclass
class Line:
    sku: str
    price: Decimal


@xmlify
@dataclass
class Order:
    lines: list[Line]
    note: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    pin: Annotated[str, Secret] = "0000"
    level: Literal[1, 2, True] = 1


LINE = {"sku": "a", "price": "1"}
MEANT = "sku, price; did you mean 'price'?"


def written(content: Content, data: Any) -> etree._Element:
    return json_to_element(Field("Value", content), data)


def text(content: Content, data: Any) -> str:
    return written(content, data).text or ""


def fault(content: Content, data: Any) -> BindingError:
    with pytest.raises(BindingError) as caught:
        written(content, data)
    str(caught.value).encode()  # no lone surrogate gets into an error
    return caught.value


@given(st.data())
@examples(200)
def test_what_json_carries_comes_back(data: st.DataObject) -> None:
    cls, values = data.draw(contracts())
    instance = data.draw(values)
    text = json.dumps(to_json(instance), allow_nan=False)
    assert same(instance, from_json(cls, json.loads(text)))


@given(st.data())
@examples(80)
def test_a_document_of_any_outline_comes_back(data: st.DataObject) -> None:
    root = data.draw(outlines())
    document = data.draw(documents(root))
    once = json_to_element(root, json.loads(json.dumps(element_to_json(root, document))))
    compiled(schema_documents(root)).assertValid(etree.fromstring(etree.tostring(once)))
    again = json_to_element(root, element_to_json(root, once))
    assert etree.tostring(once, method="c14n") == etree.tostring(again, method="c14n")


def test_the_notation_of_every_kind_of_field() -> None:
    expected = {
        "id": 1,
        "note": "text",
        "unit_price": "1.50",
        "lines": [{"sku": "AB3", "price": "1.50"}],
        "when": "2026-01-31T09:30:00",
        "day": "2026-01-31",
        "at": "09:30:00",
        "span": "PT1H30M",
        "key": "123e4567-e89b-12d3-a456-426614174000",
        "data": "ZXhhbXBsZQ==",
        "flag": True,
        "colour": "red",
        "level": 1,
        "ratio": 1.5,
        "shape": {"Circle": {"radius": "1.50"}},
        "shapes": [{"Circle": {"radius": "1.50"}}],
        "pair": [1, "text"],
        "matrix": [[1]],
        "prices": {"text": "1.50"},
        "counts": [{"key": 1, "value": {"value": 1, "children": []}}],
        "tree": {"value": 1, "children": []},
        "password": "secret",
        "tags": ["text", "text 2"],
        "body": '<example xmlns="urn:example"/>',
    }
    document = example(o.order())
    assert expected == element_to_json(o.order(), document)
    again = json_to_element(o.order(), expected)
    assert etree.tostring(document, method="c14n") == etree.tostring(again, method="c14n")


def test_the_keys_keep_the_order_of_the_fields() -> None:
    root = o.order()
    assert isinstance(root.content, Record)
    assert [each.name for each in root.content.fields] == list(element_to_json(root, example(root)))


@pytest.mark.parametrize(
    ("content", "data", "expected"),
    [
        (o.INT, 5, "5"),
        (o.INT, 5.0, "5"),
        (o.INT, 2**70, str(2**70)),
        (o.FLOAT, 1, "1.0"),
        (o.FLOAT, 0.1, "0.1"),
        (o.FLOAT, "INF", "INF"),
        (o.FLOAT, "NaN", "NaN"),
        (o.FLOAT, Decimal("0.5"), "0.5"),
        (o.DECIMAL, "1.50", "1.50"),
        (o.DECIMAL, 0.1, "0.1"),
        (o.DECIMAL, 1e-7, "0.0000001"),
        (o.DECIMAL, 3, "3"),
        (o.DECIMAL, Decimal("1e2"), "100"),
        (o.BOOL, False, "false"),
        (o.LEVEL, 2, "2"),
        (o.LEVEL, False, "false"),
        (o.COLOUR, "red", "red"),
        (o.STR, " a\n", " a\n"),
        (o.STR, "", ""),
    ],
    ids=describe,
)
def test_values_that_are_taken(content: Text, data: Any, expected: str) -> None:
    assert expected == text(content, data)


@pytest.mark.parametrize(
    ("content", "data"),
    [
        (o.INT, "5"),
        (o.INT, True),
        (o.INT, 5.5),
        (o.INT, float("inf")),
        (o.INT, None),
        (o.INT, [5]),
        (o.INT, 10**4300),
        (o.FLOAT, float("nan")),
        (o.FLOAT, float("inf")),
        (o.FLOAT, 10**400),
        (o.FLOAT, "1.5"),
        (o.FLOAT, Decimal("sNaN")),
        (o.FLOAT, True),
        (o.DECIMAL, True),
        (o.DECIMAL, float("nan")),
        (o.DECIMAL, 10**5000),
        (o.DECIMAL, Decimal("1e999999")),
        (o.DECIMAL, " 1"),
        (o.BOOL, 1),
        (o.BOOL, "true"),
        (o.LEVEL, "1"),
        (o.LEVEL, True),
        (o.LEVEL, 3),
        (o.LEVEL, 10**5000),
        (o.LEVEL, float("inf")),
        (o.DATE, " 2026-01-31"),
        (o.DATE, 20260131),
        (o.BYTES, "QQ"),
        (o.BYTES, "Q Q=="),
        (o.BYTES, "é"),
        (o.BYTES, "AB=="),
        (o.STR, 5),
        (o.STR, "\0"),
        (o.STR, "\ud800"),
        (o.STR, "\ufffe"),
        (o.STR, {"a": 1}),
        (Anything(), 5),
    ],
    ids=describe,
)
def test_values_that_are_refused(content: Content, data: Any) -> None:
    error = fault(content, data)
    assert "Value" == error.path
    assert error.expected


def test_null_is_absent_where_the_field_is_optional() -> None:
    assert Order([], None) == from_json(Order, {"lines": [], "note": None})
    assert {"lines": [], "counts": {}, "pin": "0000", "level": 1} == to_json(Order([]))


def test_an_empty_list_may_be_left_out() -> None:
    assert Order([]) == from_json(Order, {})


@pytest.mark.parametrize(
    ("data", "path", "found", "expected"),
    [
        ([], "Order", "an array of 0 items", "an object: Order"),
        (None, "Order", "null", "an object: Order"),
        ('{"lines": []}', "Order", "a text", "an object: Order; call json.loads first"),
        (b"{}", "Order", "a text", "an object: Order; call json.loads first"),
        ({"lines": ["{}"]}, "Order/lines[1]", "'{}'", "an object: Line"),
        ({"lines": {}}, "Order/lines", "an object", "an array: each item Line"),
        ({"lines": None}, "Order/lines", "null", "an array: each item Line"),
        ({"lines": [{"sku": "a"}]}, "Order/lines[1]/price", "nothing", "Decimal"),
        ({"lines": [{**LINE, "price": []}]}, "Order/lines[1]/price", "an array", "a decimal number, best as a string"),
        ({"lines": [{"sku": "a", "price": "x"}]}, "Order/lines[1]/price", "'x'", "Decimal"),
        ({"lines": [LINE | {"prise": 2}]}, "Order/lines[1]", "unknown key 'prise'", MEANT),
        ({"Lines": []}, "Order", "unknown key 'Lines'", "lines, note, counts, pin, level; did you mean 'lines'?"),
        ({5: 1}, "Order", "a key that is no string", "the keys lines, note, counts, pin, level"),
        ({"counts": {"a": 1, "b": "x"}}, "Order/counts['b']", "'x'", "a number without a fraction"),
        ({"pin": 5}, "Order/pin", HIDDEN, "a string: str"),
        ({"pin": "a\0b"}, "Order/pin", HIDDEN, "characters that XML allows"),
    ],
    ids=lambda value: None if isinstance(value, str) else repr(value),
)  # fmt: skip
def test_an_error_says_where_what_and_what_instead(data: Any, path: str, found: str, expected: str) -> None:
    with pytest.raises(BindingError) as caught:
        from_json(Order, data)
    assert (path, found, expected) == (caught.value.path, caught.value.found, caught.value.expected)


@xmlify
@dataclass
class Nested:
    rows: list[list[int]]
    names: dict[int, Line]
    pair: tuple[int, Line]
    shape: Line | int


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"rows": [[1], [2, "3"]]}, "Nested/rows[2][2]"),
        ({"names": [{"key": 1, "value": {"sku": "a", "price": "x"}}]}, "Nested/names[1]/value/price"),
        ({"names": [{"key": 1}]}, "Nested/names[1]/value"),
        ({"pair": [1, {"sku": "a", "price": "x"}]}, "Nested/pair[2]/price"),
        ({"pair": [1]}, "Nested/pair"),
        ({"shape": {"Line": {"sku": "a", "price": "x"}}}, "Nested/shape/Line/price"),
        ({"shape": {"Int": 1, "Line": 2}}, "Nested/shape"),
        ({"shape": {"Circle": 1}}, "Nested/shape"),
        ({"shape": {}}, "Nested/shape"),
    ],
    ids=str,
)
def test_the_path_has_the_keys_of_json_even_when_the_reader_refuses(
    change: dict[str, Any], path: str
) -> None:
    line = {"sku": "a", "price": "1"}
    valid = {"rows": [], "names": [], "pair": [1, line], "shape": {"Int": 1}}
    assert from_json(Nested, valid)
    with pytest.raises(BindingError) as caught:
        from_json(Nested, valid | change)
    assert path == caught.value.path


def test_a_doubled_key_is_refused() -> None:
    line = {"sku": "a", "price": "1"}
    data = {"rows": [], "pair": [1, line], "shape": {"Int": 1}}
    with pytest.raises(BindingError) as caught:
        from_json(Nested, data | {"names": [{"key": 1, "value": line}, {"key": 1, "value": line}]})
    assert "Nested/names[2]/key" == caught.value.path


@xmlify
@dataclass
class Tree:
    children: list["Tree"] = field(default_factory=list)  # noqa: UP037


def nested(levels: int) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for _ in range(levels - 1):
        data = {"children": [data]}
    return data


def test_a_value_of_the_deepest_level_comes_back() -> None:
    tree = from_json(Tree, nested(200))
    assert tree == from_json(Tree, to_json(tree))


@pytest.mark.parametrize("levels", [201, 10_000])
def test_data_nested_too_deeply_are_refused(levels: int) -> None:
    with pytest.raises(BindingError, match="nested too deeply"):
        from_json(Tree, nested(levels))


def test_data_that_hold_themselves_are_refused() -> None:
    data: dict[str, Any] = {"children": []}
    data["children"].append(data)
    with pytest.raises(BindingError, match="nested too deeply"):
        from_json(Tree, data)


@xmlify
@dataclass
class Parcel:
    body: RawXml


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "text",
        "<a>",
        "<a/><b/>",
        "<!DOCTYPE a><a/>",
        "<?xml version='1.0'?><!-- x --><!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",
        "<a>&e;</a>",
        "<?xml version='1.1'?><a/>",
        "<a>\0</a>",
        "<a>\ud800</a>",
        "<a>&#1;</a>",
        "<a b='1' b='2'/>",
        "<p:a/>",
        "<a>" * 200 + "</a>" * 200,
        f"<a>{' ' * 1_048_576}</a>",
    ],
    ids=lambda xml: xml[:40],
)
def test_raw_xml_is_taken_strictly(xml: str) -> None:
    with pytest.raises(BindingError) as caught:
        from_json(Parcel, {"body": xml})
    assert "Parcel/body" == caught.value.path
    str(caught.value).encode()


def test_raw_xml_comes_back() -> None:
    xml = '<p:a xmlns:p="urn:p" x="1">b<c/>d</p:a>'
    parcel = from_json(Parcel, {"body": f"<?xml version='1.0' encoding='utf-7'?><!-- + -->{xml}"})
    assert {"body": xml} == to_json(parcel)


def test_a_word_about_a_doctype_is_no_doctype() -> None:
    assert "<!DOCTYPE" == from_json(Parcel, {"body": "<a><![CDATA[<!DOCTYPE]]></a>"}).body.text


def test_what_the_xsd_forbids_the_reader_refuses_in_json_too() -> None:
    root = contract_of(Order).outline
    good = {"lines": [{"sku": "a", "price": 1}], "level": 2}
    contract_of(Order).schema.assertValid(json_to_element(root, good))
    bad = {"lines": [{"sku": "a", "price": "1e5"}]}
    assert not contract_of(Order).schema.validate(json_to_element(root, bad))
    with pytest.raises(BindingError):
        from_json(Order, bad)


HUGE = st.integers(4290, 4400).map(lambda digits: 10**digits)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | HUGE | st.just("<a/>")
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["lines", "note", "counts", "pin", "sku", "price", "key", "value", "Line", "Int", "rows"]
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("cls", [Order, Nested, Tree, Parcel])
@given(data=JSON)
@examples(60)
def test_no_data_raise_anything_else(cls: type, data: Any) -> None:
    try:
        assert isinstance(from_json(cls, data), cls)
    except BindingError as error:
        str(error).encode()


def test_names_that_occur_twice_have_keys_of_their_own() -> None:
    record = Record(
        "class",
        "Both",
        "Both",
        [
            o.one("ID", o.INT, name="ID"),
            o.one("ID", o.INT, name="ID", attribute=True),
            o.one("{urn:b}ID", o.INT, name="ID"),
        ],
    )
    document = example(Field("Both", record))
    found = element_to_json(Field("Both", record), document)
    assert {"ID": 1, "@ID": 1, "{urn:b}ID": 1} == found
    assert etree.tostring(document) == etree.tostring(json_to_element(Field("Both", record), found))


def test_text_beside_attributes_has_a_key() -> None:
    amount = Record("class", "Amount", "Amount", [o.one("currency", o.STR, attribute=True)], text=o.DECIMAL)
    data = {"currency": "EUR", "#text": "5.00"}
    element = written(amount, data)
    assert '<Value currency="EUR">5.00</Value>' == etree.tostring(element, encoding="unicode")
    assert data == element_to_json(Field("Value", amount), element)
    assert "Value/#text" == fault(amount, {"currency": "EUR"}).path


def test_nil_is_null() -> None:
    root = o.root_of(o.one("A", o.INT, nillable=True), o.one("B", o.INT, least=0))
    element = json_to_element(root, {"A".lower(): None, "b": None})
    assert ["A"] == [child.tag for child in element]
    assert {"a": None} == element_to_json(root, element)


@pytest.mark.parametrize("base", ["token", "anyURI", "NMTOKENS"])
def test_blanks_that_do_not_count_are_left_out(base: str) -> None:
    element = etree.Element("Value")
    element.text = "\n a  b\t"
    assert "a b" == element_to_json(Field("Value", Text(base, base)), element)


@pytest.mark.parametrize(
    ("content", "xml", "path"),
    [
        (o.INT, "<Order>x</Order>", "Order"),
        (Anything(), "<Order/>", "Order"),
        (o.SHAPE, "<Order><Square/></Order>", "Order"),
        (o.list_of(o.INT), "<Order><Item>1</Item><Item>x</Item></Order>", "Order[2]"),
        (o.dict_of(o.STR, o.INT), "<Order><Entry/></Order>", "Order"),
    ],
    ids=str,
)
def test_an_element_that_does_not_fit_is_refused(content: Content, xml: str, path: str) -> None:
    with pytest.raises(BindingError) as caught:
        element_to_json(Field("Order", content), etree.fromstring(xml))
    assert path == caught.value.path


def test_a_secret_that_does_not_fit_is_not_told() -> None:
    root = o.root_of(o.one("Pin", o.INT, secret=True))
    with pytest.raises(BindingError) as caught:
        element_to_json(root, etree.fromstring("<Order><Pin>hunter2</Pin></Order>"))
    assert HIDDEN == caught.value.found
    assert "hunter2" not in str(caught.value)


@given(contracts())
@examples(50)
def test_the_example_is_taken_in_json(typed: Typed) -> None:
    contract = contract_of(typed[0])
    document = example(contract.outline)
    assert same(contract.read(document), from_json(contract.cls, element_to_json(contract.outline, document)))


@xmlify
@dataclass
class Login:
    name: str
    pin: Annotated[str, Secret, Len(4, 4)]

    def __post_init__(self) -> None:
        if self.name == "x":
            raise ValueError(f"{self.pin} is no pin for x")


@pytest.mark.parametrize(
    "data",
    [
        {"name": "a", "pin": "hunter2"},
        {"name": "a", "pin": ["hunter2"]},
        {"name": "a", "pin": "hunter2\0"},
        {"name": "a", "pin": {"hunter2": 1}},
        {"name": "x", "pin": "hunt"},
        {"name": "a", "pin": "hunter2", "pim": 1},
    ],
    ids=repr,
)
def test_no_error_tells_a_secret(data: dict[str, Any]) -> None:
    with pytest.raises(BindingError) as caught:
        from_json(Login, data)
    assert "hunt" not in str(caught.value)
    assert "hunt" not in repr(caught.value.__cause__)
