"""XSD's regular expressions: what is made of them means what libxml2 takes them for."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from itertools import islice
from typing import Annotated, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from lxml import etree

from agentserver.errors import ContractError
from agentserver.xmlable import Pattern, contract_of, lexical, xmlify
from agentserver.xmlable.outline import Field, Record, Text
from agentserver.xmlable.regex.ecma import anchored, readable
from agentserver.xmlable.regex.sample import MAX_SAMPLE, samples
from agentserver.xmlable.regex.syntax import MAX_PATTERN, parse
from agentserver.xmlable.xsd_writer import schema_documents
from tests.properties import examples

PATTERNS = [
    r"[A-Z]{2}\d+",
    r"[A-Z]{3}-[0-9]{4}",
    "a|b|cc",
    "(ab?c*)+",
    r"\d{5}(-\d{4})?",
    r"[^\s@]+@[^\s@]+\.[a-z]{2,}",
    "[a-z-[aeiou]]+",
    r"\p{Lu}\p{Ll}*",
    r"\i\c*",
    r"\w+",
    ".*",
    "^a$",
    r"[\w.\-]+",
    "[^a-z]",
    r"\S+",
    r"\D\W",
    "(a|b(c|d)){2,3}x?",
    r"\p{IsBasicLatin}+",
    r"\P{L}",
    "[é-ü]+",
    "",
    "(|a)",
    r"\[\]\{\}\|\\/",
    r"[\^\-\]\[]+",
    "[-a]",
    "[a-]",
    "a{0}",
    "a{2,}",
    r"x\ty",
    "[\U0001f600-\U0001f610]",
    "[a-c-[b]]{2}",
    r"[^\d-[x]]",
    lexical.FLOAT,
    lexical.DATE,
    lexical.TIME,
    lexical.DATETIME,
    lexical.DURATION,
    lexical.UUID_TEXT,
]
TEXTS = (
    *(
        "",
        "a",
        "b",
        "cc",
        "ab",
        "abc",
        "AB1",
        "ABC-1234",
        "12345",
        "12345-1234",
        "x@y.de",
        "bcd",
        "aei",
        "Ab",
        "Éa",
    ),
    *(
        "_a",
        ":x",
        "é",
        "٣٣٣",
        "A٣",
        "^a$",
        "-",
        "]",
        "[",
        "^",
        "\\",
        "/",
        "|",
        "[]{}|\\/",
        "a-",
        "aa",
        "aaa",
        "x\ty",
    ),
    *(
        " ",
        "\U0001f600",
        "αβ",
        "ü",
        "5",
        "+5",
        "1.5",
        ".5",
        "INF",
        "2026-01-31",
        "12:00:00Z",
        "2026-01-31T12:00:00",
    ),
    *(
        "P1DT2H",
        "PT1S",
        "00000000-0000-0000-0000-000000000000",
        "a b",
        "bcx",
        "acbd",
        "abdbcx",
        "ac",
        "ca",
        "x",
        "$",
    ),
)


def matcher(pattern: str) -> Callable[[str], bool]:
    """Give libxml2's verdict on texts."""
    text = Text("str", "string", patterns=(pattern,))
    schema = etree.XMLSchema(schema_documents(Field("Value", text))["Value.xsd"])

    def matches(text: str) -> bool:
        element = etree.Element("Value")
        element.text = text
        return schema.validate(element)

    return matches


@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_libxml2_takes_ecma_takes(pattern: str) -> None:
    matches, ecma = matcher(pattern), re.compile(anchored(parse(pattern)))
    found = [*TEXTS, *islice(samples(parse(pattern)), 60)]
    assert [text for text in found if matches(text) and not ecma.search(text)] == []


@pytest.mark.parametrize("pattern", PATTERNS)
def test_in_ascii_ecma_takes_nothing_else(pattern: str) -> None:
    matches, ecma = matcher(pattern), re.compile(anchored(parse(pattern)))
    assert [text for text in TEXTS if text.isascii() and ecma.search(text) and not matches(text)] == []


@pytest.mark.parametrize("pattern", [pattern for pattern in PATTERNS if pattern != r"\p{IsGreek}"])
def test_a_sample_matches(pattern: str) -> None:
    matches = matcher(pattern)
    assert any(matches(text) for text in islice(samples(parse(pattern)), 100))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[A-Z]{3}-[0-9]{4}", "ABC-5678"),
        ("red|green", "red"),
        ("[a-z]+(\\.[a-z]+)?", "a.c"),
        ("(EUR|USD) [0-9]+", "EUR 5"),
        ("x{3}", "xxx"),
        ("[^a-z]", "A"),
    ],
)
def test_the_first_sample_is_plain(pattern: str, expected: str) -> None:
    assert expected == next(samples(parse(pattern)))


def test_samples_are_bounded() -> None:
    assert max(map(len, samples(parse("(a{500}){0,500}")))) <= 2 * MAX_SAMPLE
    assert [] == list(samples(parse(r"[^\s\S]")))


def test_wished_repetitions_come_first() -> None:
    assert "a" * 37 == next(samples(parse("a*"), (37,)))


def xsd_pattern(source: str) -> str:
    """Give what the outline of a contract has for a pattern in Python's syntax."""
    kind: Any = Annotated[str, Pattern(source)]
    try:
        cls: type = xmlify(dataclasses.make_dataclass("Holder", [("value", kind)]))
    except ContractError:
        assume(condition=False)
    content = contract_of(cls).outline.content
    assert isinstance(content, Record)
    text = content.fields[0].content
    assert isinstance(text, Text)
    return text.patterns[0]


ATOMS = st.sampled_from(["a", "b", "[ab]", "[0-9]", "(ab)", "(a|b)", "(a|bc)"])
SOURCES = st.lists(
    st.tuples(ATOMS, st.sampled_from(["", "?", "*", "+", "{2}", "{1,3}", "{0,4}"])), max_size=4
).map(lambda parts: "".join(atom + count for atom, count in parts))


@given(SOURCES, st.lists(st.text("ab0", max_size=8), max_size=8))
@examples(200)
def test_counts_that_were_written_out_are_counted_again(source: str, texts: list[str]) -> None:
    written_out = xsd_pattern(source)
    ecma = re.compile(anchored(parse(written_out)))
    found = [*texts, *islice(samples(parse(written_out)), 20)]
    assert [bool(re.fullmatch(source, text)) for text in found] == [bool(ecma.search(text)) for text in found]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[A-Z][A-Z][0-9]([0-9]([0-9])?)?", "[A-Z]{2}[0-9]{1,3}"),
        ("[0-9][0-9][0-9][0-9]*", "[0-9]{3,}"),
        ("foo", "foo"),
        (r"\d+", r"\d+"),
        ("(no", "(no"),
    ],
)
def test_a_pattern_is_shown_as_short_as_it_can_be(pattern: str, expected: str) -> None:
    assert expected == readable(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            "(",
            ")",
            "(a",
            "a)",
            "[",
            "[a",
            "]",
            "}",
            "{",
            "*",
            "+a",
            "?",
            "a**",
            "a{",
            "a{x}",
            "a{2,1}",
            "a{1",
            "\\",
        ),
        *("\\q", "\\p", "\\pL", "\\p{L", "[b-a]", "[a-\\d]", "[[a]]", "[a-z-[b]c]", "(?:a)", "a{9999999999}"),
        *("(" * 200 + ")" * 200, "[a-" * 200 + "]" * 200, "a" * (MAX_PATTERN + 1)),
    ],
    ids=lambda pattern: pattern[:20],
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse(pattern)


@given(st.text("ab()[]{}|*+?\\-^,.0123dpLu", max_size=12))
@examples(500)
def test_any_text_is_a_pattern_or_refused(text: str) -> None:
    try:
        node = parse(text)
    except ValueError:
        return
    re.compile(anchored(node))
    list(islice(samples(node), 5))
