"""The XSD and the reader take the same texts: what one accepts, so does the other."""

from __future__ import annotations

import dataclasses
import functools
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from agentserver.errors import BindingError
from agentserver.xmlable import contract_of, xmlify
from tests.properties import examples


class Word(Enum):
    RED = "red"
    BLANK = " "
    EMPTY = ""


class Number(Enum):
    ONE = 1
    HALF = 0.5
    DAY = date(2024, 2, 29)


KINDS: list[Any] = [
    str,
    int,
    float,
    bool,
    Decimal,
    bytes,
    date,
    datetime,
    time,
    timedelta,
    UUID,
    Word,
    Number,
    Literal["a", " b\n", 3],
    Literal[1, True],
]

TEXTS = (
    """
| |\t\n|0|1|01|+1|-1|--1|-0|1_000|٣|1.0|1.|.1|.|+|-|1e5|1E+5|1e|e1|1e999|-1e999|inf|INF|-INF|+INF
|NaN|nan|-NaN|Infinity|0x10
|1 2|1,5|true|false|True|TRUE|yes|on|1d|1f|1e5.|+.5|5.e-3|∞|½|²|0.5|.5|0,5
|AAAA|AA==|AAA=|AB==|AAB=|A|AA|AAA
|A===|====|AA== AA==|A A A A|AA = =|AA--AA|AA-_|A\xa0AAA|AAAA=|AAAA====|\nAAAA\n\nAAAA
|2024-02-29|2023-02-29|2024-02-30|2024-13-01|2024-00-10|0000-01-01|0001-01-01|9999-12-31|10000-01-01|-0001-01-01|20240229
|2024-2-9|2024-02-29Z|2024-02-29+01:00|2024-W09-4|2024-060|99999999999-01-01|٢024-01-01
|24:00:00|24:00:00.0|23:59:60|23:59:59.9999999|23:59:59.999999|12:00|12|120000|12:00:00.|12:00:00,5|12:00:00z|12:00:00Z
|12:00:00+14:00|12:00:00+14:01|12:00:00-14:00|12:00:00+15:00|12:00:00-00:00|12:00:00+01|12:00:00+0100
|12:00:00+01:00:30|12:00:00.5+13:59
|2024-01-01T00:00:00|2024-01-01 00:00:00|2024-01-01T24:00:00|0001-01-01T00:00:00+14:00
|9999-12-31T23:59:59.999999-14:00
|2024-01-01T12:00
|2024-01-01T12:00:00.1234567|2024-01-01t12:00:00|2024-02-30T00:00:00
|P|PT|P1D|-P1D|+P1D|P1DT|PT1S|PT1.5S|PT1.S|PT.5S|PT1.123456S|PT1.1234567S|P1Y|P1M|PT1M
|P1W|P99999999D|P999999999D
|-P99999999DT999999999H
|PT999999999H999999999M999999999.999999S|PT9999999999S|P-1D|P1D2H|PT1H1D|P0D|-P0D|p1d|PT1H 1M
|12345678-1234-1234-1234-123456789abc|12345678-1234-1234-1234-123456789ABC|{12345678-1234-1234-1234-123456789abc}
|urn:uuid:12345678-1234-1234-1234-123456789abc|12345678123412341234123456789abc|12345678-1234-1234-1234-123456789ab
|red|Red| red|a|b| b\n|3| 3|03|3.0|2024-02-29|one|RED|Word.RED
""".replace("\n|", "|")
    .strip("\n")
    .split("|")
)

LONG = [
    "9" * 4299,
    "9" * 4300,
    "9" * 4301,
    "-" + "9" * 4300,
    "9" * 1000 + "." + "9" * 1000,
    "." + "9" * 1001,
    "0" * 5000,
]

ALPHABET = "0123456789+-.eETZPDHMS:INFa=/ \t\n\r_\xa0٣truefalse"


@functools.cache
def contract(kind: Any) -> Any:
    return contract_of(xmlify(dataclasses.make_dataclass("Holder", [("value", kind)])))


def verdicts(kind: Any, text: str) -> tuple[bool, bool]:
    root = etree.Element("Holder")
    etree.SubElement(root, "Value").text = text
    try:
        contract(kind).read(root)
    except BindingError as error:
        assert error.path == "Holder/Value"  # noqa: PT017
        return contract(kind).schema.validate(root), False
    return contract(kind).schema.validate(root), True


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_xsd_and_the_reader_agree_on_the_battery(kind: Any) -> None:
    battery = [blank + text + blank for text in TEXTS + LONG for blank in ("", " ", "\r\n\t")]
    verdict = {text: verdicts(kind, text) for text in battery}
    assert {text: both for text, both in verdict.items() if both[0] != both[1]} == {}


@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(text=st.text(ALPHABET, max_size=12) | st.builds("".join, st.lists(st.sampled_from(TEXTS), max_size=3)))
@examples(150)
@example("")
def test_the_xsd_and_the_reader_agree_on_texts_like_these(kind: Any, text: str) -> None:
    by_xsd, by_reader = verdicts(kind, text)
    assert by_xsd == by_reader


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in (str, bool, Word)], ids=str)
@given(data=st.data())
@examples(60)
def test_the_xsd_and_the_reader_agree_on_valid_texts_with_one_fault(kind: Any, data: st.DataObject) -> None:
    valid = [text for text in TEXTS if verdicts(kind, text)[1]]
    text = data.draw(st.sampled_from(valid))
    place = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 2))
    faulty = text[:place] + data.draw(st.text(ALPHABET, max_size=2)) + text[place + cut :]
    by_xsd, by_reader = verdicts(kind, faulty)
    assert by_xsd == by_reader
