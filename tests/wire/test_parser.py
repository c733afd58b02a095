"""The strict parser: what it takes, and the code for the rest. Its rows of the battery: `test_wire_battery.py`."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentserver.errors import WireError
from agentserver.wire import ParseLimits, StrictParser, canonical
from tests.wire.samples import nested, verdict, with_attributes, with_elements


@pytest.mark.parametrize(
    "data",
    [
        b'<m><i:include xmlns:i="http://www.w3.org/2001/XInclude" href="/etc/hostname" parse="text"/></m>',
        b'<m xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:schemaLocation="urn:a /etc/hostname"/>',
        b'<?xml-stylesheet href="/etc/hostname" encoding="latin-1"?><m/>',
        b'<?oasis-xml-catalog catalog="/etc/hostname"?><m/>',
    ],
)
def test_b10_nothing_is_fetched(data: bytes) -> None:
    root = StrictParser().parse(data)
    assert "" == "".join(map(str, root.itertext()))


@pytest.mark.parametrize(("depth", "code"), [(64, "accept"), (65, "too-deep"), (256, "too-deep")])
def test_depth_is_limited_below_what_libxml2_takes(depth: int, code: str) -> None:
    assert code == verdict(nested(depth))


def test_text_cannot_hide_attributes_from_their_count() -> None:
    data = b"<r>" + b"xmlns" * 200 + with_attributes(65) + b"</r>"
    assert "too-many-attributes" == verdict(data)


def test_64_namespace_declarations_are_taken() -> None:
    assert "accept" == verdict(b"<a " + b" ".join(b'xmlns:p%d="urn:%d"' % (n, n) for n in range(64)) + b"/>")


def test_names_with_the_reserved_prefix_count_as_they_are_written() -> None:
    assert "accept" == verdict(b"<a xml:%s=''/>" % (b"n" * 240) + b" " * 200)


@pytest.mark.parametrize("label", ["utf-8", "UTF-8", "us-ascii"])
def test_utf8_labels_are_taken(label: str) -> None:
    assert "accept" == verdict(f'<?xml version="1.0" encoding="{label}"?><m/>'.encode())


@pytest.mark.parametrize(
    "data",
    [b'<a xmlns="urn:a&amp;b"/>', b"<p:a xmlns:p = 'urn:&#38;b'/>", b'<a><b xmlns:p="urn:a&amp;lt;"/></a>'],
)
def test_a_namespace_uri_that_libxml2_would_not_escape(data: bytes) -> None:
    assert "namespace-uri" == verdict(data)


@pytest.mark.parametrize(
    "data",
    [b'<a>xmlns="urn:a&amp;b"</a>', b"<a x=' xmlns=\"&amp;'/>", b"<a><![CDATA[<b xmlns='urn:&amp;'/>]]></a>"],
)
def test_what_only_looks_like_such_a_namespace_uri(data: bytes) -> None:
    assert "accept" == verdict(data)


def test_comments_do_not_split_text() -> None:
    assert "admin" == StrictParser().parse(b"<m>ad<!-- x --><?p?>min</m>").text


def test_a_byte_order_mark_is_taken() -> None:
    assert "accept" == verdict(b"\xef\xbb\xbf<?xml version='1.0'?><m/>")


def test_a_bad_message_leaves_the_parser_as_good_as_new() -> None:
    parser = StrictParser()
    for bad in (b"<a><b>", b"<p:a/>", b"<!DOCTYPE a><a/>", b"\xff"):
        with pytest.raises(WireError):
            parser.parse(bad)
    assert b"<a><b></b></a>" == canonical(parser.parse(b"<a><b/></a>"))


def test_an_error_says_the_line_once() -> None:
    with pytest.raises(WireError) as caught:
        StrictParser().parse(b"<a>\n<b>\n</a>")
    assert 3 == caught.value.line
    assert 1 == str(caught.value).count("(line 3)")
    assert "column" not in str(caught.value)


def test_an_error_text_is_bounded() -> None:
    with pytest.raises(WireError) as caught:
        StrictParser().parse(b"<" + b"n" * 40_000 + b"></m>")
    assert len(str(caught.value)) < 600


# a message that is short enough cannot break a limit, so that its structure need not be looked at

TINY = ParseLimits(depth=3, elements=6, attributes=4, name_chars=40, namespaces=3)
ATOMS = st.sampled_from(
    [
        *(
            "<a>",
            "</a>",
            "<a/>",
            "<a",
            ">",
            "/>",
            ' a=""',
            ' b=""',
            ' c=""',
            ' d=""',
            ' e=""',
            ' xmlns=""',
            "n",
        ),
        *(
            ' xmlns="u:"',
            ' xmlns:p="u:"',
            "<p:a",
            "</p:a>",
            ' p:b=""',
            " xml:",
            '=""',
            "<xml:a",
            "nnnnnnnnnnnnnnnn",
        ),
        *(' xmlns:q="u:"', "uuuuuuuuuuuuuuuuuu"),
    ]
)


def shortest_that_breaks(limits: ParseLimits) -> list[bytes]:
    """Return, for each limit, the shortest documents found that break it."""
    name = b"n" * limits.name_chars
    uri = b"u:" + b"u" * (limits.name_chars - 4)
    return [
        nested(limits.depth + 1),
        with_elements(limits.elements + 1),
        b"<a" + b"".join(b' %c=""' % (97 + n) for n in range(limits.attributes + 1)) + b"/>",
        b"<" + name + b"n/>",
        b"<a " + name + b'n=""/>',
        b"<xml:" + name + b"n/>",
        b'<a xmlns="' + uri + b'"/>',
        b"<r>" + b'<a xmlns="u:"/>' * (limits.namespaces + 1) + b"</r>",
        b"<a" + b"".join(b' xmlns:%c="u:"' % (97 + n) for n in range(limits.namespaces + 1)) + b"/>",
    ]


@pytest.mark.parametrize("data", shortest_that_breaks(TINY), ids=lambda data: data[:12].decode())
def test_the_shortest_document_that_breaks_a_limit_is_longer_than_what_is_harmless(data: bytes) -> None:
    assert "accept" != verdict(data, TINY)
    assert len(data) > TINY.harmless_bytes()


def is_within(data: bytes, limits: ParseLimits) -> bool:
    """Look at the structure of `data`, however short: trailing blanks make it too long to be harmless."""
    return verdict(data + b" " * (limits.harmless_bytes() + 1), limits) == "accept"


@given(st.lists(ATOMS, max_size=12).map("".join).map(str.encode))
@settings(max_examples=600, deadline=None)
def test_no_short_document_breaks_a_limit(data: bytes) -> None:
    for limits in (TINY, ParseLimits(2, 2, 2, 1, 8, 2), ParseLimits(1 << 20, 1, 1, 1, 30, 1)):
        if len(data) <= limits.harmless_bytes() and verdict(data, limits) == "accept":
            assert is_within(data, limits)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.integers(1, 60), st.integers(1, 9))
@settings(max_examples=100, deadline=None)
def test_harmless_bytes_hold_for_any_limits(
    depth: int, elements: int, attributes: int, name_chars: int, namespaces: int
) -> None:
    limits = ParseLimits(1 << 20, depth, elements, attributes, name_chars, namespaces)
    assert all(len(data) > limits.harmless_bytes() for data in shortest_that_breaks(limits))


@pytest.mark.parametrize(
    ("limits", "data"), [(ParseLimits(elements=3), b"<a><b/><b/></a>"), (ParseLimits(depth=2), nested(2))]
)
def test_a_message_at_a_limit_is_taken(limits: ParseLimits, data: bytes) -> None:
    assert "accept" == verdict(data, limits)
