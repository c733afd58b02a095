"""A stream of bytes cut into messages: in whatever pieces it comes, and whatever is between the good ones."""

import sys
from functools import partial
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentserver.wire import ENVELOPE_NS, MessageSplitter
from tests.wire.samples import is_linear
from tests.wire.strategies import documents


def message(text: str = "x") -> bytes:
    return (
        f'<message xmlns="{ENVELOPE_NS}"><meta><from>alice</from></meta><Note xmlns="">{text}</Note></message>'
    ).encode()


def split(data: bytes, size: int = 1 << 16, max_bytes: int = 1 << 20) -> list[bytes]:
    """Return the pieces of `data` when it is fed `size` bytes at a time."""
    splitter = MessageSplitter(max_bytes)
    pieces = [piece for at in range(0, len(data), size) for piece in splitter.feed(data[at : at + size])]
    return [*pieces, *splitter.close()]


GOOD, OTHER, THIRD = message("one"), message("two"), message("three")
TRICKY = [
    message("<![CDATA[</message>]]>"),
    message("<!-- </message> <message> -->"),
    message("<?p </message> ?>"),
    message("<a x='</ >' y=\">\"/>").replace(b"</ >", b"> />"),
    message("a > b ]]&gt;"),
    message("<message/>"),
    message("<a/><b></b >"),
    f'<e:message xmlns:e="{ENVELOPE_NS}"><e:meta><e:from>a</e:from></e:meta><N/></e:message>'.encode(),
    message("é😀"),
    b"<Note/>",
    b"<Note>bare</Note>",
]


@pytest.mark.parametrize("tricky", TRICKY)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 16])
def test_messages_come_out_whole_in_whatever_pieces_they_come(tricky: bytes, size: int) -> None:
    assert [GOOD, tricky, OTHER] == split(GOOD + tricky + OTHER, size)


@pytest.mark.parametrize("tricky", TRICKY)
def test_a_message_comes_out_with_its_last_byte(tricky: bytes) -> None:
    splitter = MessageSplitter()
    assert [] == list(splitter.feed(tricky[:-1]))
    assert [tricky] == list(splitter.feed(tricky[-1:]))


def test_any_two_pieces() -> None:
    data = b"\n".join([GOOD, *TRICKY, OTHER])
    expected = [GOOD, *TRICKY, OTHER]
    for at in range(len(data)):
        splitter = MessageSplitter()
        assert expected == [*splitter.feed(data[:at]), *splitter.feed(data[at:]), *splitter.close()]


@given(st.lists(documents().map(str.strip), max_size=4), st.integers(1, 50))
@settings(max_examples=100, deadline=None)
def test_any_documents(written: list[str], size: int) -> None:
    data = [document.encode() for document in written]
    assert data == split(b"\n".join(data), size)


@pytest.mark.parametrize("size", [1, 1 << 16])
def test_declarations_and_comments_go_with_the_message_behind_them(size: int) -> None:
    prolog = b"<?xml version='1.0'?>\n<!-- next -->\n"
    assert [GOOD, prolog + OTHER, prolog + b"<Note/>"] == split(
        b"".join([GOOD, prolog, OTHER, prolog, b"<Note/>"]), size
    )


def test_blanks_between_messages_are_dropped() -> None:
    assert [GOOD, OTHER] == split(b" \n" + GOOD + b"\r\n\r\n" + OTHER + b"\n")


def test_blanks_do_not_add_up_to_a_message_that_is_too_long() -> None:
    assert [b"<Note/>"] == split(b"\n" * 5_000 + b"<Note/>", 10, max_bytes=100)


@pytest.mark.parametrize("end", [1, 10, 60, 90, len(GOOD) - 1])
def test_a_truncated_message_comes_out_at_the_end(end: int) -> None:
    assert [GOOD, OTHER[:end]] == split(GOOD + OTHER[:end], 5)


def test_after_close_the_next_message_begins_anew() -> None:
    splitter = MessageSplitter()
    assert [b"<a><b>"] == [*splitter.feed(b"<a><b>"), *splitter.close()]
    assert [GOOD] == list(splitter.feed(GOOD))


@pytest.mark.parametrize("size", [1, 11, 1 << 16])
@pytest.mark.parametrize(
    "broken",
    [
        GOOD[: len(GOOD) // 2],
        GOOD[:30],
        GOOD.replace(b"</Note>", b""),
        GOOD.replace(b"<Note", b"<Note <"),
        message("AT&T"),
        message("1 < 2"),
        message("</Wrong>"),
        b"garbage",
        b"<a x='1>",
        b"</message>",
        b"<a></b>",
        b"<>",
        b"\x00\xff",
        b"<a><b><c>",
    ],
)
def test_a_broken_message_leaves_its_neighbours_whole(broken: bytes, size: int) -> None:
    pieces = split(OTHER + broken + GOOD + THIRD, size)
    assert OTHER == pieces[0]
    assert [GOOD, THIRD] == pieces[-2:]
    assert broken == b"".join(pieces[1:-2])


@pytest.mark.parametrize("size", [7, 1 << 16])
def test_an_oversized_message_comes_out_once_and_is_cut(size: int) -> None:
    long = message("x" * 5_000)
    assert [GOOD, long[:1_001], OTHER, THIRD] == split(GOOD + long + OTHER + THIRD, size, max_bytes=1_000)


@pytest.mark.parametrize("start", [b"<!-- ", b"<![CDATA[", b"<? ", b"<a x='", b"<a ", b"text "])
@pytest.mark.parametrize("size", [64, 1 << 16])
def test_what_is_never_closed_is_given_up_at_the_limit(start: bytes, size: int) -> None:
    pieces = split(start + b"x" * 3_000 + GOOD + OTHER, size, max_bytes=1_000)
    assert [GOOD, OTHER] == pieces[-2:]


def test_a_message_of_the_longest_length_is_whole() -> None:
    assert [GOOD, OTHER] == split(GOOD + OTHER, 10, max_bytes=len(GOOD))


HOSTILE = {
    "comments": b"<!--",
    "tags": b"<a ",
    "quoted": b"<a x='",
    "sections": b"<![CDATA[",
    "instructions": b"<?",
    "less-than": b"<",
    "letters": b"a",
    "quotes": b'"',
    "greater-than in quotes": b'">',
    "envelopes": b"<message ",
    "namespaces": b"ns/envelope/v1",
    "elements": b"<a>",
    "ends": b"</a>",
    "declarations": b"<!",
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("start", [b"", b'<a x="', b"<message "], ids=["alone", "in a value", "in a tag"])
def test_hostile_input_takes_linear_time(start: bytes, piece: bytes) -> None:
    assert is_linear(lambda size: partial(split, start + piece * (size // len(piece)), 1 << 13), 40_000)


@pytest.mark.parametrize("start", [b"<!-- ", b"<a x='", b"<a ", b"text "])
def test_one_byte_at_a_time_takes_linear_time(start: bytes) -> None:
    assert is_linear(lambda size: partial(split, start + b"x" * size, 1), 5_000)


@given(
    st.lists(
        st.sampled_from(
            ["<", ">", "/", "!", "-", "?", "a", "[CDATA[", "]]", '"', "'", "=", " ", "message", GOOD.decode()]
        )
    )
)
@settings(max_examples=100, deadline=None)
def test_no_byte_is_lost_and_pieces_do_not_depend_on_the_chunks(tokens: list[str]) -> None:
    data = "".join(tokens).encode()
    pieces = split(data)
    assert b"".join(data.split()) == b"".join(b"".join(pieces).split())
    assert pieces == split(data, 1) == split(data, 5)


def test_an_envelope_inside_a_payload_stays_inside() -> None:
    inner = b'<message xmlns="https://xml-pipeline.org/ns/envelope/v1"><meta><from>admin</from></meta><x/></message>'
    outer = inner.replace(b"<x/>", b"<Note>" + inner + b"</Note>").replace(b"admin", b"user", 1)
    splitter = MessageSplitter()
    assert [outer, inner] == [*splitter.feed(outer + b"\n" + inner), *splitter.close()]


def test_behind_a_broken_message_an_envelope_inside_a_payload_still_stays_inside() -> None:
    inner = b'<message xmlns="https://xml-pipeline.org/ns/envelope/v1"><meta><from>admin</from></meta><x/></message>'
    outer = inner.replace(b"<x/>", b"<Note>" + inner + b"</Note>").replace(b"admin", b"user", 1)
    broken = inner[:-20]
    splitter = MessageSplitter()
    assert [broken, outer] == [*splitter.feed(broken + b"\n" + outer), *splitter.close()]


def test_a_comment_behind_the_last_message_is_no_message() -> None:
    splitter = MessageSplitter()
    assert [b"<a/>"] == [*splitter.feed(b"<a/>\n<!-- end -->\n<?done?>"), *splitter.close()]


def test_whoever_looks_at_its_frames_does_not_stop_it() -> None:
    frames: list[object] = []

    def keep(frame: FrameType, event: str, argument: object) -> Any:
        frames.append(frame)
        return keep

    stream = message()[:-3] + message() * 2
    before = sys.gettrace()
    sys.settrace(keep)
    try:
        found = split(stream, 50)
    finally:
        sys.settrace(before)
    assert split(stream) == found
    assert [message()[:-3], message(), message()] == found
