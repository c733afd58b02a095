"""The line of an element in the bytes that were sent."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from agentserver.wire import StrictParser, line_of, place_of
from tests.wire.samples import is_linear
from tests.wire.strategies import documents


@pytest.mark.parametrize(
    ("place", "line"),
    [((0,), 1), ((0, 0), 2), ((0, 1), 3), ((0, 1, 0), 4), ((0, 2), 6), ((1,), 7), ((1, 0), 8)],
)
def test_elements_of_several_roots(place: tuple[int, ...], line: int) -> None:
    data = b"<a>\n<b/>\n<c>\n<d></d>\n</c>\n<e/></a>\n<f>\n<g/></f>"
    assert line == line_of(data, place)


@pytest.mark.parametrize("place", [(2,), (0, 3), (0, 0, 0), (0, 1, 1), (0, 0, 0, 5)])
def test_an_element_that_is_not_there_has_no_line(place: tuple[int, ...]) -> None:
    assert 0 == line_of(b"<a>\n<b/>\n<c>\n<d></d>\n</c>\n<e/></a>\n<f>\n<g/></f>", place)


@pytest.mark.parametrize(
    "before",
    [
        b"<?xml version='1.0'?>\n<a>",
        b"\xef\xbb\xbf\n<a>",
        b"<!-- <x>\n -->\n<a>",
        b"<a><!-- <x> -->",
        b"<a><![CDATA[<x>]]>",
        b"<a><?p <x> ?>",
        b"<a y='<'>".replace(b"<'", b">'"),
        b'<a y="/>">',
        b"<a y='a' z='>' >text > text ]]",
        b"<a\n>",
        b"<p:a xmlns:p='u'>",
    ],
)
def test_what_looks_like_a_tag_is_none(before: bytes) -> None:
    assert before.count(b"\n") + 2 == line_of(before + b"\n<b/>", (0, 0))


def test_a_start_tag_of_several_lines_counts_with_its_last_as_libxml2_has_it() -> None:
    data = b"<a\n x='1'\n>\n<b\n/></a>"
    assert [3, 5] == [line_of(data, (0,)), line_of(data, (0, 0))]
    assert ["3", "5"] == [str(element.sourceline) for element in StrictParser().parse(data).iter()]


def test_lines_beyond_those_that_libxml2_counts() -> None:
    assert 140_001 == line_of(b"<a>" + b"\n" * 70_000 + b"<b/>" + b"\n" * 70_000 + b"<c/>\n</a>", (0, 1))


@given(documents())
@settings(max_examples=200)
def test_the_lines_are_those_of_the_parser(document: str) -> None:
    data = document.encode()
    root = StrictParser().parse(data)
    for element in root.iter():
        assert str(element.sourceline) == str(line_of(data, (0, *place_of(element, root))))


def test_the_time_is_linear() -> None:
    assert is_linear(
        lambda count: lambda: line_of(b"<a>" + b"<b>\n</b>" * count + b"</a>", (0, count - 1)), 5_000
    )
