"""Names that libxml2 interns: they go with what was read, poison nothing, and parsers of others are left alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
from lxml import etree

from agentserver.errors import WireError
from agentserver.name_dictionary import MAX_NAMES, NameDictionary, count_of_names, with_own_names
from agentserver.wire import (
    EnvelopeBuilder,
    ParseLimits,
    RootsParser,
    StrictParser,
    canonical,
    compact,
    recover,
    whole_roots,
)
from agentserver.wire.parser import new_parser, parse_again
from agentserver.xmlable.foreign.element_copy import element_copy
from agentserver.xmlable.raw import detached
from tests.bad_input import new_names
from tests.wire.samples import MESSAGE, verdict

BAD = new_names(7, 1_000) + b"<a>"
MANY = new_names(8, 1_000)


def read(data: bytes) -> etree._Element:
    return StrictParser().parse(data)


@pytest.mark.parametrize(
    "work",
    [
        read,
        lambda data: RootsParser().parse(data),
        lambda data: recover(data, ParseLimits()),
        whole_roots,
        parse_again,
        lambda data: EnvelopeBuilder().wrap("a", "b", "t", read(data)),
        lambda data: compact(read(b'<r xmlns:p="u:">' + data + b"</r>")[0]),
        lambda data: detached(read(data)),
        lambda data: element_copy(read(data)),
        lambda data: with_own_names(deepcopy, read(data)),
    ],
    ids=[
        "strict",
        "roots",
        "recover",
        "whole_roots",
        "again",
        "wrap",
        "compact",
        "raw",
        "element_copy",
        "copy",
    ],
)
@pytest.mark.parametrize("data", [MANY, BAD], ids=["good", "bad"])
def test_the_names_of_a_message_do_not_stay_with_the_thread(
    work: Callable[[bytes], object], data: bytes
) -> None:
    work(b"<r><a/></r>")  # the names that the work itself uses
    before = count_of_names()
    with suppress(WireError):
        work(data)
    assert before == count_of_names()


def test_a_dictionary_is_given_up_when_there_are_too_many_names() -> None:
    names, parser = NameDictionary(), new_parser()
    crowded = [names.read(parser, new_names(number, 5_000))[1] for number in range(MAX_NAMES // 5_000 + 1)]
    assert [False, True] == [crowded[0], crowded[-1]]
    names.give_up()
    assert not names.read(new_parser(), MESSAGE)[1]


def test_a_parser_of_somebody_else_goes_on_where_it_was() -> None:
    fed = etree.XMLParser()
    pulled: Any = etree.XMLPullParser(("start",))
    for parser in (pulled, fed):
        parser.feed(b"<list><first>")
    strict = StrictParser()
    for data in (MESSAGE, BAD, MANY):
        verdict(data, parser=strict)
        with_own_names(etree.fromstring, MESSAGE)
    for parser in (pulled, fed):
        parser.feed(b"text</first><second third='4'/></list>")
    roots = [pulled.close(), fed.close()]
    tags = [element.tag for _, element in pulled.read_events()]
    del parser, pulled, fed, strict
    assert ["list", "first", "second"] == tags
    assert [b"<list><first>text</first><second third='4'/></list>".replace(b"'", b'"')] * 2 == list(
        map(etree.tostring, roots)
    )


def test_trees_of_several_dictionaries_mix() -> None:
    strict = StrictParser(ParseLimits(elements=50))
    root, other = strict.parse(new_names(1, 40)), read(new_names(2, 40))
    form = canonical(root)
    verdict(MANY, parser=strict)
    assert form == canonical(root)
    root[0].tag = "renamed"
    new = etree.fromstring(b"<new/>")
    new.append(root)
    new.append(other[0])
    copy = with_own_names(deepcopy, new)
    del root, other, strict
    assert (b"<n2x0></n2x0>", 40) == (canonical(new[1]), len(copy[0]))
    assert canonical(copy) == canonical(new)


@pytest.mark.parametrize("made", ["parsed", "copied", "built", "part"])
def test_a_prefix_that_only_a_value_uses_stays(made: str) -> None:
    data = b'<r xmlns:never7seen="u:n"><q>never7seen:x</q></r>'
    element = read(data)
    if made == "copied":
        element = detached(element)
    elif made == "built":
        element = etree.Element("r", nsmap={"never8seen": "u:n"})
        etree.SubElement(element, "q").text = "never8seen:x"
    elif made == "part":
        element = read(b"<outside>" + data + b"</outside>")[0]
    message = EnvelopeBuilder().wrap("a", "b", "t", element)
    prefix = (message[-1].findtext("q") or "").partition(":")[0]
    assert "u:n" == etree.fromstring(compact(message, parsed=True))[-1].nsmap[prefix]


def test_each_thread_has_its_own() -> None:
    strict, counts = StrictParser(), list[int]()
    strict.parse(MANY)

    def other() -> None:
        etree.fromstring(b"<a/>")
        before = count_of_names()
        strict.parse(MANY)
        with_own_names(etree.fromstring, MANY)
        counts.append(count_of_names() - before)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert counts[0] < 1_000
    assert "accept" == verdict(MESSAGE, parser=strict)


def test_the_default_parser_of_a_program_stays() -> None:
    own, before = etree.XMLParser(remove_blank_text=True), etree.get_default_parser()
    etree.set_default_parser(own)
    try:
        read(MANY)
        with_own_names(etree.fromstring, MESSAGE)
        assert own is etree.get_default_parser()
    finally:
        etree.set_default_parser(before)


def test_what_is_raised_comes_out_and_the_dictionary_of_the_thread_is_back() -> None:
    before = count_of_names()
    with pytest.raises(ZeroDivisionError):
        with_own_names(divmod, 1, 0)
    assert before == count_of_names()


@pytest.mark.slow
def test_b20_so_many_names_that_libxml2_would_take_no_more_do_not_poison_the_parser() -> None:
    parser, filler = StrictParser(), b"n" * 80
    for number in range(450):  # 400 MB of names: of one dictionary, libxml2 would take no new one by then
        names = b"".join(b"<n%dx%d%s/>" % (number, each, filler) for each in range(9_990))
        assert "accept" == verdict(b"<r>" + names + b"</r>", parser=parser)
    assert "accept" == verdict(b"<never><seen/></never>", parser=parser)
