"""`Pattern`: what Python and XSD both have of regular expressions, matched alike."""

from __future__ import annotations

import functools
import random
import re
import string
from typing import Annotated, Any

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from agentserver.errors import ContractError
from agentserver.xmlable import Pattern, contract_of
from agentserver.xmlable.outline import Record, Text
from tests.properties import examples
from tests.xmlable.verdicts import holder, takes


@functools.cache
def contract(pattern: str) -> Any:
    return holder(Annotated[str, Pattern(pattern)])


def in_xsd(pattern: str) -> str:
    content = contract_of(contract(pattern)).outline.content
    assert isinstance(content, Record)
    assert isinstance(content.fields[0].content, Text)
    return content.fields[0].content.patterns[0]


@pytest.mark.parametrize(
    ("pattern", "xsd"),
    [
        (r"[A-Z]{2}\d+", "[A-Z]{2}[0-9]+"),
        (r"\w\s\D\S", r"[0-9A-Z_a-z][\t\n\r ][^0-9][^\t\n\r ]"),
        (".", r"[^\n\r]"),
        (r"\$\^\/\-a-b", r"$\^/-a-b"),
        ("(?:ab|cd)+", "(ab|cd)+"),
        ("a|", "a?"),
        ("", ""),
        ("(|a)(b)", "a?b"),
        ("a{,3}b{2,}c{1}", "a{0,3}b{2,}c"),
        (r"\x41é\U0001F600", "Aé\U0001f600"),
        ("[a-c]|[-+]", r"[a-c]|[\+\-]"),
        ("}]", r"\}\]"),
        ("a{0,2}|a", "a|(aa?)?"),
        ("(a+)+", "a+"),
        ("[^@]+@[^@]+", "[^@]+@[^@]+"),
    ],
)
def test_a_pattern_is_said_in_the_language_of_xsd(pattern: str, xsd: str) -> None:
    assert xsd == in_xsd(pattern)


PATTERNS = [
    r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}",
    r"(\d{1,3}\.){3}\d{1,3}",
    r"[^@\s]+@[^@\s]+\.[a-z]{2,}",
    r"[a-z0-9]+(-[a-z0-9]+)*",
    r"v?\d+\.\d+(\.\d+)?(-[0-9A-Za-z.-]+)?",
    r".{2,4}x?",
    r"a{0,2}|a",
    r"(a|ab)(c|bcd)?",
    r"[\]\[\\^-]+",
    r"\+?[0-9 ()\-]{7,20}",
    r"(|a{3}){2}b",
    r".{2,3}[^a]+",
]


@pytest.mark.parametrize("pattern", PATTERNS)
@given(data=st.data())
@examples(40)
def test_every_text_is_judged_alike_by_python_libxml2_and_a_second_validator(pattern: str, data: Any) -> None:
    letters = "abcxAZ019.-@ +()[]^\\éñ\n" if data.draw(st.booleans()) else string.printable[:95]
    text = data.draw(st.from_regex(pattern, fullmatch=True, alphabet=letters) | st.text(letters, max_size=9))
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(text)))
        text = text[:place] + data.draw(st.text(letters, max_size=1)) + text[place + 1 :]
    expected = re.fullmatch(pattern, text, re.ASCII) is not None
    assert expected == takes(contract(pattern), text)
    assert expected == second(pattern).is_valid(etree.tostring(document(text), encoding="unicode"))


def document(text: str) -> etree._Element:
    root = etree.Element("Holder")
    etree.SubElement(root, "Value").text = text
    return root


@functools.cache
def second(pattern: str) -> xmlschema.XMLSchema10:
    return xmlschema.XMLSchema10(etree.tostring(contract_of(contract(pattern)).xsd(), encoding="unicode"))


def random_pattern(chance: random.Random, depth: int) -> str:
    def piece() -> str:
        if depth and chance.random() < 0.4:
            atom = f"({random_pattern(chance, depth - 1)})"
        else:
            atom = chance.choice(["a", "a", "b", "[ab]", "[^a]", ".", r"\d", r"\w", "-"])
        return atom + chance.choice(["", "", "", "", "?", "*", "+", "{2}", "{1,2}", "{0,2}", "{2,}", "{,3}"])

    branches = [
        "".join(piece() for _ in range(chance.randint(0, 3))) for _ in range(chance.choice([1, 1, 2]))
    ]
    return "|".join(branches)


@pytest.mark.parametrize("seed", range(40))
def test_random_patterns_are_matched_alike_or_refused(seed: int) -> None:
    chance = random.Random(seed)
    pattern = random_pattern(chance, 2)
    try:
        cls = contract(pattern)
    except ContractError as refusal:
        assert re.search("repeats what repeats already|libxml2 would not match", refusal.reason)  # noqa: PT017
        return
    for _ in range(60):
        text = "".join(chance.choice("aaab1-") for _ in range(chance.randint(0, 8)))
        assert takes(cls, text) == (re.fullmatch(pattern, text) is not None), (pattern, text)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("^a", "at character 1: the whole text must match, so leave out '^'"),
        ("a$", "at character 2: the whole text must match, so leave out '$'"),
        (r"\ba", r"`\b` is not what XSD has, too"),
        (r"\Aa\Z", r"`\A` is not what XSD has, too"),
        (r"(a)\1", r"`\1` is not what XSD has, too"),
        (r"\p{L}", r"`\p` is not what XSD has, too"),
        ("(?P<x>a)", "XSD has no group of this kind; use `(...)` or `(?:...)`"),
        ("(?=a)", "XSD has no group of this kind"),
        ("(?<!a)b", "XSD has no group of this kind"),
        ("(?i)a", "XSD has no group of this kind"),
        ("a*?", "no lazy or possessive quantifiers"),
        ("a++", "no lazy or possessive quantifiers"),
        ("a{1,2}?", "no lazy or possessive quantifiers"),
        ("a**", "two quantifiers in a row; put the first in a group"),
        ("*a", "nothing stands before '*'"),
        ("a{", r"write `\{` for the character, or a count such as `{2,3}`"),
        ("a{2,1}", "its ends in order"),
        ("a{100000}", "at most 10000"),
        ("(a", "the group is not closed; add `)`"),
        ("a)", "nothing opens the group that `)` closes"),
        ("[a", "the class is not closed; add `]`"),
        ("[]a]", r"the class is empty; write `\]` for the character"),
        ("[[a]", r"write `\[` for the character; classes are not nested"),
        ("[a-z-[b]]", "classes are not"),
        ("[b-a]", "the range from 'b' to 'a' is empty; exchange its ends"),
        (r"[\w-z]", r"a range cannot begin with `\w`"),
        (r"[a-\w]", "a range has a character at each end"),
        (r"[\D]", r"`\D` does not go into a class; list what it may hold"),
        ("\x00", "XML does not allow this character"),
        (r"\x0", r"`\x` is not what XSD has, too"),
        ("\\", r"is not what XSD has, too"),
        ("(" * 30 + "a" + ")" * 30, "groups are nested deeper than 20"),
        ("a" * 1001, "longer than 1000 characters"),
        ("(a+b?)*", "repeats what repeats already: there are so many ways to match one text"),
        ("([a-z]+ ?)+x", "repeats what repeats already"),
        ("(a|[a-c])*", "repeats what repeats already"),
        ("(a?){40}a{40}", ""),
        (5, "a pattern is a str, not int"),
    ],
    ids=ascii,
)  # fmt: skip
def test_what_xsd_cannot_say_or_nobody_can_match_in_time_is_refused(pattern: Any, reason: str) -> None:
    with pytest.raises(ContractError) as error:
        contract(pattern)
    assert reason in error.value.reason
    assert len(error.value.reason) < 2000


def test_a_long_text_that_nearly_matches_takes_no_time() -> None:
    cls = contract(r"[a-z0-9]+(-[a-z0-9]+)*")
    assert not takes(cls, "a-" * 20_000)
    assert takes(cls, "a-" * 20_000 + "a")
