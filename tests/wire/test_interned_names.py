"""Names that libxml2 interns: forgotten by the thread that read them, and no poison for what comes later."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from lxml import etree

from agentserver.errors import WireError
from agentserver.wire import ParseLimits, RootsParser, StrictParser, canonical, recover, whole_roots
from agentserver.wire.interned_names import MAX_NAMES, forget_names, interned_names
from agentserver.wire.parser import new_parser
from tests.bad_input import new_names
from tests.wire.samples import MESSAGE, verdict

FEW = 100
"""More than what any document of these tests needs, when all others are forgotten."""


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    forget_names()
    yield
    forget_names()


def learn(count: int, number: int = 0) -> etree._Element:
    return etree.fromstring(new_names(number, count), new_parser())


def test_names_are_forgotten() -> None:
    learn(1_000)
    assert interned_names() > 1_000
    forget_names()
    assert interned_names() < FEW


def test_too_many_names_are_forgotten_without_being_asked() -> None:
    parser, most = StrictParser(), 0
    for number in range(20):
        parser.parse(new_names(number, 5_000))
        most = max(most, interned_names())
    assert most <= MAX_NAMES


@pytest.mark.parametrize(
    "bad",
    [
        new_names(0, 1_000)[:-1],
        new_names(0, 1_000) + b"<" + b"n" * 30_000 + b"/>",
        b"<r>" + new_names(0, 1_000) + b"<" + b"n" * 300 + b"/></r>",
        b'<r xmlns="urn:a&amp;b">' + new_names(0, 1_000) + b"</r>",
    ],
    ids=["not well-formed", "two roots", "a long name", "a bad namespace"],
)
def test_a_bad_message_leaves_no_names(bad: bytes) -> None:
    assert "accept" != verdict(bad, parser=StrictParser(ParseLimits(elements=5_000)))
    assert interned_names() < FEW


@pytest.mark.parametrize(
    "work",
    [
        whole_roots,
        lambda data: recover(data, ParseLimits()),
        lambda data: RootsParser().parse(data),
    ],
    ids=["whole_roots", "recover", "roots"],
)
def test_what_looks_at_bad_messages_leaves_no_names(work: Callable[[bytes], object]) -> None:
    with suppress(WireError):
        work(new_names(0, 1_000) + b"<a>")
    assert interned_names() < FEW


def test_trees_stay_whole() -> None:
    root, other = learn(50), learn(50, 1)
    form = canonical(root)
    forget_names()
    assert form == canonical(root)
    root[0].tag = "renamed"
    new = etree.fromstring(b"<new/>", new_parser())
    new.append(root)
    new.append(other[0])
    copy = etree.fromstring(canonical(new))
    del root, other
    forget_names()
    assert (b"<n1x0></n1x0>", 50) == (canonical(new[1]), len(copy[0]))
    assert canonical(copy) == canonical(new)


def test_parsers_that_were_used_before_do_not_bring_the_names_back() -> None:
    parser = new_parser()
    learn(1_000)
    etree.fromstring(MESSAGE, parser)
    forget_names()
    assert canonical(etree.fromstring(MESSAGE)) == canonical(etree.fromstring(MESSAGE, parser))
    assert interned_names() < FEW


def test_other_threads_keep_theirs() -> None:
    learned, forgotten, counts = threading.Event(), threading.Event(), list[int]()

    def other() -> None:
        learn(1_000)
        learned.set()
        forgotten.wait(10)
        counts.append(interned_names())

    thread = threading.Thread(target=other)
    thread.start()
    learned.wait(10)
    forget_names()
    forgotten.set()
    thread.join()
    assert counts[0] > 1_000


def test_the_default_parser_of_a_program_stays() -> None:
    own, before = etree.XMLParser(remove_blank_text=True), etree.get_default_parser()
    etree.set_default_parser(own)
    try:
        forget_names()
        assert own is etree.get_default_parser()
    finally:
        etree.set_default_parser(before)


@pytest.mark.slow
def test_b20_so_many_names_that_libxml2_would_take_no_more_do_not_poison_the_parser() -> None:
    parser, filler = StrictParser(), b"n" * 80
    for number in range(
        450
    ):  # 400 MB of names; libxml2 takes no new one when it has kept a certain number of bytes
        names = b"".join(b"<n%dx%d%s/>" % (number, each, filler) for each in range(9_990))
        assert "accept" == verdict(b"<r>" + names + b"</r>", parser=parser)
    assert "accept" == verdict(b"<never><seen/></never>", parser=parser)
