"""The secret values of an instance, as Python writes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from lxml import etree

from agentserver.xmlable.outline import Field, Record, Text
from agentserver.xmlable.secret_values import leaf_texts, value_texts

STR = Text("str", "string")


class Colour(Enum):
    RED = "rouge"


@dataclass
class Card:
    number: Any
    owner: Any


@dataclass
class Wallet:
    name: Any
    pin: Any
    cards: Any
    pairs: Any


CARD = Record(
    "class", "Card", fields=[Field("Number", STR, "number", secret=True), Field("Owner", STR, "owner")]
)
PAIR = Record("tuple", fields=[Field("Item1", STR, "item1"), Field("Item2", STR, "item2", secret=True)])
WALLET = Field(
    "Wallet",
    Record(
        "class",
        "Wallet",
        fields=[
            Field("Name", STR, "name"),
            Field("Pin", STR, "pin", secret=True),
            Field("Cards", CARD, "cards", most=None, many="list"),
            Field("Pairs", PAIR, "pairs", most=None, many="list"),
        ],
    ),
)


def wallet(**values: Any) -> Wallet:
    return Wallet(**{"name": "Ada", "pin": None, "cards": [], "pairs": [], **values})


def test_the_secret_fields_of_a_class_are_told_and_others_are_not() -> None:
    cards = [Card("4000-1", "Ada"), Card("4000-2", "Bob")]

    assert {"1234", "4000-1", "4000-2"} == set(value_texts(WALLET, wallet(pin="1234", cards=cards)))


def test_where_a_part_of_a_tuple_is_secret_all_of_it_is_told() -> None:
    assert {"open", "hidden"} == set(value_texts(WALLET, wallet(pairs=[("open", "hidden")])))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("1.50"), "1.50"),
        (date(2020, 2, 3), "datetime.date(2020, 2, 3)"),
        (date(2020, 2, 3), "2020-02-03"),
        (b"\xffkey", r"\xffkey"),
        (b"\xffkey", "ff6b6579"),
        (Colour.RED, "rouge"),
        (Colour.RED, "RED"),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (1_000, "1000"),
        ({"k": ["deep"]}, "deep"),
        (Card("a", ("b",)), "b"),
        (etree.fromstring("<a b='1'>text</a>"), "text"),
    ],
)
def test_a_value_is_told_as_python_writes_it(value: object, written: str) -> None:
    assert written in value_texts(WALLET, wallet(pin=value))


class Spiteful:
    def __getattr__(self, name: str) -> Any:
        raise SystemExit(name)

    def __repr__(self) -> str:
        raise SystemExit


@pytest.mark.parametrize("cards", ["4000-1", ["4000-1"], {"no": "4000-1"}, ("x", [b"4000-1"]), Colour.RED])
def test_what_stands_in_place_of_a_class_with_secrets_is_secret(cards: Any) -> None:
    assert {"4000-1", "rouge"} & set(value_texts(WALLET, wallet(cards=cards)))


def test_whatever_a_handler_did_to_an_instance_is_no_fault() -> None:
    broken = wallet(pin=Spiteful(), cards=Spiteful())
    del broken.pairs

    assert [] == value_texts(WALLET, broken)
    assert [] == value_texts(WALLET, Spiteful())
    assert [] == value_texts(WALLET, None)


def test_an_instance_within_itself_comes_to_an_end() -> None:
    endless: list[Any] = ["a"]
    endless += [endless, "b"]

    assert {"a", "b"} == set(leaf_texts(endless))
