"""JSON Schema: what it refuses `from_json` refuses, and the other way round as far as its words go."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated, Any

import pytest
from annotated_types import Ge, Gt, MultipleOf
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from agentserver.errors import BindingError
from agentserver.xmlable import contract_of, xmlify
from agentserver.xmlable.example import example
from agentserver.xmlable.json_notation import element_to_json, from_json, to_json
from agentserver.xmlable.json_schema import json_schema
from agentserver.xmlable.outline import Anything, Content, Field, Record, Text
from tests.properties import examples
from tests.xmlable import order_outline as o
from tests.xmlable.constrained_strategies import Typed
from tests.xmlable.dataclass_strategies import contracts
from tests.xmlable.outline_strategies import documents, outlines
from tests.xmlable.rich_contracts import RICH


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    Draft202012Validator.check_schema(schema)
    json.dumps(schema, allow_nan=False)
    return Draft202012Validator(schema, format_checker=FormatChecker())


def of(content: Content, **options: Any) -> dict[str, Any]:
    """Give the schema of one field of a record."""
    schema = json_schema(o.root_of(o.one("Value", content, **options)))
    found: dict[str, Any] = schema["$defs"]["Order"]["properties"]["value"]
    return found


def reads(cls: type, data: Any) -> bool:
    try:
        from_json(cls, data)
    except BindingError:
        return False
    return True


@given(outlines(), st.data())
@examples(60)
def test_every_document_of_an_outline_fits_its_schema(root: Field, data: st.DataObject) -> None:
    validator(json_schema(root)).validate(element_to_json(root, data.draw(documents(root))))


@given(st.data())
@examples(80)
def test_what_to_json_gives_fits_the_schema(data: st.DataObject) -> None:
    cls, values = data.draw(contracts())
    schema = json_schema(contract_of(cls).outline)
    validator(schema).validate(to_json(data.draw(values)))


@pytest.mark.parametrize("cls", RICH)
def test_the_example_of_a_rich_contract_fits_its_schema(cls: type) -> None:
    outline = contract_of(cls).outline
    contract_of(cls).schema.assertValid(example(outline))
    data = element_to_json(outline, example(outline))
    validator(json_schema(outline)).validate(data)
    assert data == to_json(from_json(cls, data))


ODD = st.sampled_from(
    [
        *(
            None,
            True,
            0,
            1,
            2,
            3,
            7,
            31,
            100,
            -1,
            0.5,
            1.5,
            2.0,
            1e300,
            "",
            "a",
            "AB1",
            "AB1-x",
            "AB1234",
            "red",
        ),
        *(
            "1.5",
            "-1",
            "0.001",
            "NaN",
            "INF",
            "-INF",
            " 1",
            "00000",
            "QQ==",
            "QQ",
            "AAAAAAAA",
            "P1D",
            "09:30:00",
        ),
        *("2026-01-31", "2026-02-31", "2026-01-31T09:30:00Z", "<a/>", "<a>", "x" * 30),
        *("123e4567-e89b-12d3-a456-426614174000", [], {}, ["a"], ["a"] * 4, [1, None], [1], {"a": "1"}),
        *({"Int": 1}, {"Circle": {"radius": "1"}}, {"Str": "x"}, {"Int": 1, "Circle": None}),
        *([{"key": 1}], [{"key": 1, "value": None}], [{"key": "1"}], [[1], []], [["1"]]),
    ]
)

PLACES = st.lists(st.integers(0, 30), min_size=1, max_size=4)


def changed(data: Any, places: list[int], odd: Any) -> Any:
    """Put something odd at one place of `data`, which may be a new key."""
    place, *rest = places
    if isinstance(data, dict) and data:
        key = [*data, "unknown"][place % (len(data) + 1)]
        return {**data, key: changed(data.get(key), rest, odd) if rest else odd}
    if isinstance(data, list) and data:
        at = place % len(data)
        return [*data[:at], changed(data[at], rest, odd) if rest else odd, *data[at + 1 :]]
    return odd


@functools.cache
def judge(cls: type) -> tuple[Draft202012Validator, Any]:
    """Give the validator of a contract, and its example in JSON."""
    outline = contract_of(cls).outline
    return validator(json_schema(outline)), element_to_json(outline, example(outline))


@pytest.mark.parametrize("cls", RICH)
@given(places=PLACES, odd=ODD, removed=st.none() | st.integers(0, 30))
@examples(200)
def test_the_schema_and_from_json_agree(cls: type, places: list[int], odd: Any, removed: int | None) -> None:
    schema, valid = judge(cls)
    data = changed(valid, places, odd)
    if removed is not None and isinstance(data, dict):
        data = {key: kept for key, kept in data.items() if key != [*data][removed % len(data)]}
    if not schema.is_valid(data):
        assert not reads(cls, data)
    elif not reads(cls, data):
        assert is_beyond_words(cls, data)


def is_beyond_words(cls: type, data: Any) -> bool:
    """Tell whether the reader's reason is one that JSON Schema cannot say."""
    with pytest.raises(BindingError) as caught:
        from_json(cls, data)
    place = caught.value.path.rpartition("/")[2]
    return (
        place.startswith(("price", "radius", "Circle", "prices", "counts"))  # bounds and digits of decimals
        or place in ("data", "body", "day", "moment")  # octets; XML in a string; days that no calendar has
    )


@given(contracts(), PLACES, ODD)
@examples(80)
def test_what_the_schema_of_any_class_refuses_is_refused(typed: Typed, places: list[int], odd: Any) -> None:
    contract = contract_of(typed[0])
    data = changed(element_to_json(contract.outline, example(contract.outline)), places, odd)
    assume(not Draft202012Validator(json_schema(contract.outline)).is_valid(data))
    assert not reads(contract.cls, data)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (o.STR, {"type": "string"}),
        (o.INT, {"type": "integer"}),
        (replace(o.INT, at_least="1", below="9"), {"type": "integer", "minimum": 1, "exclusiveMaximum": 9}),
        (o.BOOL, {"type": "boolean"}),
        (o.FLOAT, {"type": ["number", "string"], "pattern": "^(?:NaN|INF|-INF)$"}),
        (
            replace(o.FLOAT, at_least="0.5"),
            {"type": ["number", "string"], "minimum": 0.5, "pattern": "^(?:INF)$"},
        ),
        (replace(o.FLOAT, above="0", at_most="1"), {"type": "number", "exclusiveMinimum": 0, "maximum": 1}),
        (replace(o.STR, min_length=1, max_length=5), {"type": "string", "minLength": 1, "maxLength": 5}),
        (replace(o.STR, patterns=("[A-Z]+",)), {"type": "string", "pattern": "^(?:[A-Z]+)$"}),
        (
            replace(o.STR, patterns=("a", "b")),
            {"type": "string", "allOf": [{"pattern": "^(?:a)$"}, {"pattern": "^(?:b)$"}]},
        ),
        (o.COLOUR, {"enum": ["red", "green"]}),
        (o.LEVEL, {"enum": [1, 2, False]}),
        (Text("Literal", "string", values=("a",)), {"const": "a"}),
        (o.list_of(o.INT), {"type": "array", "items": {"type": "integer"}}),
        (o.dict_of(o.STR, o.INT), {"type": "object", "additionalProperties": {"type": "integer"}}),
        (
            o.dict_of(o.COLOUR, o.INT, least=0),
            {
                "type": "object",
                "propertyNames": {"enum": ["red", "green"]},
                "additionalProperties": {"type": ["integer", "null"]},
            },
        ),
        (
            o.dict_of(o.INT, o.STR),
            {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"key": {"type": "integer"}, "value": {"type": "string"}},
                    "required": ["key", "value"],
                    "additionalProperties": False,
                },
            },
        ),
        (
            Record("tuple", fields=[Field("Item1", o.INT), Field("Item2", o.STR, least=0)]),
            {
                "type": "array",
                "prefixItems": [{"type": "integer"}, {"type": ["string", "null"]}],
                "items": False,
                "minItems": 2,
            },
        ),
        (Anything(), {"type": "string", "contentMediaType": "application/xml"}),
        (
            replace(o.BYTES, min_length=1, max_length=4),
            {"type": "string", "contentEncoding": "base64", "minLength": 4, "maxLength": 8},
        ),
        (
            Text("hexBinary", "hexBinary", max_length=2),
            {"type": "string", "contentEncoding": "base16", "maxLength": 4},
        ),
    ],
    ids=str,
)
def test_the_words_for_each_kind(content: Content, expected: dict[str, Any]) -> None:
    found = of(content)
    assert expected == {word: kept for word, kept in found.items() if word != "pattern" or word in expected}


@pytest.mark.parametrize(
    ("content", "name"), [(o.DATE, "date"), (o.UUID, "uuid"), (o.DATETIME, None), (o.SPAN, None)]
)
def test_formats_are_given_where_they_are_true(content: Text, name: str | None) -> None:
    assert name == of(content).get("format")


def test_what_is_said_of_a_field() -> None:
    assert {"type": ["integer", "null"], "description": "How many.", "default": 7} == of(
        o.INT, doc="How many.", default="7", least=0
    )


def test_a_secret_is_for_writing_and_its_default_is_not_told() -> None:
    assert {"type": ["string", "null"], "writeOnly": True} == of(o.STR, secret=True, least=0, default="0000")


def test_an_optional_value_may_be_null() -> None:
    assert {"enum": ["red", "green", None]} == of(o.COLOUR, least=0)
    assert {"enum": ["a", None]} == of(Text("Literal", "string", values=("a",)), least=0)
    assert {"anyOf": [{"$ref": "#/$defs/Circle"}, {"type": "null"}], "description": "d"} == of(
        o.CIRCLE, least=0, doc="d"
    )
    assert {"type": "null"} == of(o.SHAPE, least=0)["oneOf"][-1]


def test_repeated_fields_have_their_numbers() -> None:
    schema = json_schema(o.root_of(o.many("A", o.INT, least=2, most=3, doc="d", secret=True)))
    expected = {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 3}
    assert expected | {"description": "d", "writeOnly": True} == schema["$defs"]["Order"]["properties"]["a"]


def test_records_are_defined_once_and_referred_to() -> None:
    tree = o.tree()
    other = Record("class", "tree", "", [o.one("Leaf", o.INT)])
    same_name = Record("class", "Tree", "", [o.one("Leaf", o.INT)])
    schema = json_schema(
        o.root_of(o.one("A", tree), o.one("B", other), o.one("C", same_name), o.one("D", tree))
    )
    assert ["Order", "Tree", "tree", "Tree2"] == list(schema["$defs"])
    assert "A tree." == schema["$defs"]["Tree"]["description"]
    validator(schema).validate(
        {
            "a": {"value": 1, "children": [{"value": 2}]},
            "b": {"leaf": 1},
            "c": {"leaf": 1},
            "d": {"value": 1},
        }
    )


def test_names_beyond_ascii_can_be_referred_to() -> None:
    record = Record("class", "Été", "", [o.one("Leaf", o.INT)])
    schema = json_schema(o.root_of(o.one("A", record)))
    assert "#/$defs/%C3%89t%C3%A9" == schema["$defs"]["Order"]["properties"]["a"]["$ref"]
    validator(schema).validate({"a": {"leaf": 1}})


def test_title_and_description() -> None:
    root = o.root_of(doc="An order.")
    assert ("Order", "An order.") == (json_schema(root)["title"], json_schema(root)["description"])
    named = json_schema(root, "shop", "Sells.")
    assert ("shop", "Sells.") == (named["title"], named["description"])
    assert "https://json-schema.org/draft/2020-12/schema" == named["$schema"]


def test_a_pattern_that_cannot_be_said_is_left_to_the_reader() -> None:
    assert {"type": "string"} == of(replace(o.STR, patterns=("(" * 1000 + ")" * 1000,)))


def test_the_same_outline_gives_the_same_bytes() -> None:
    assert json.dumps(json_schema(o.order())) == json.dumps(json_schema(o.order()))


GOLDEN = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Add",
    "description": "Adds.",
    "$ref": "#/$defs/Add",
    "$defs": {
        "Add": {
            "description": "Adds.",
            "type": "object",
            "properties": {
                side: {
                    "oneOf": [
                        {
                            "type": "object",
                            "properties": {"Add": {"$ref": "#/$defs/Add"}},
                            "required": ["Add"],
                            "additionalProperties": False,
                        },
                        {
                            "type": "object",
                            "properties": {"Int": {"type": "integer"}},
                            "required": ["Int"],
                            "additionalProperties": False,
                        },
                    ]
                }
                for side in ("left", "right")
            },
            "required": ["left", "right"],
            "additionalProperties": False,
        }
    },
}


def test_the_schema_of_a_small_contract() -> None:
    assert json.dumps(GOLDEN) == json.dumps(json_schema(contract_of(RICH[2]).outline))


def field_schema(kind: Any) -> dict[str, Any]:
    """Give the schema of a dataclass's field."""

    @xmlify
    @dataclass
    class Holder:
        value: kind

    schema = json_schema(contract_of(Holder).outline)
    found: dict[str, Any] = schema["$defs"]["Holder"]["properties"]["value"]
    return found


def test_multiples_are_told() -> None:
    assert {"type": "integer", "multipleOf": 5} == field_schema(Annotated[int, MultipleOf(5)])
    assert 20 == field_schema(Annotated[int, MultipleOf(4), MultipleOf(10)])["multipleOf"]
    assert "multipleOf" not in field_schema(Annotated[int, MultipleOf(1)])


@pytest.mark.parametrize(
    ("kind", "taken", "refused"),
    [
        (
            Annotated[Decimal, Ge(0)],
            ["0", "-0", "-0.00", "-.0", "+1.5", ".5", "7."],
            ["-1", "-0.01", "-", "x"],
        ),
        (Annotated[Decimal, Gt(0)], ["1", "+.5"], ["-0", "-1"]),
        (Annotated[Decimal, Ge(Decimal("0.5"))], ["1"], ["-0", "-1"]),
        (Annotated[Decimal, Ge(-1)], ["-1", "1"], ["x"]),
    ],
)
def test_decimals_from_0_have_no_minus(kind: Any, taken: list[str], refused: list[str]) -> None:
    judge_of = validator(field_schema(kind))

    assert taken == [text for text in (*taken, *refused) if judge_of.is_valid(text)]
