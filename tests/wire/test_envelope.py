"""Envelopes: what is put into one comes out of it as it was, whatever its names and its text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from agentserver.wire import (
    ENVELOPE_NS,
    Element,
    EnvelopeBuilder,
    ParseLimits,
    StrictParser,
    canonical,
    compact,
    envelope_schema,
    first_violation,
)
from tests.wire.strategies import documents

HOSTILE = [
    "</to><from>x",
    "<&\"'>",
    "]]>",
    "&amp;",
    'a" b="',
    "<!-- -->",
    "\r\n\t",
    "xmlns=\"\" xmlns='urn:x'",
    "é😀",
]
WIDE = ParseLimits(namespaces=1_000)


def written(message: Element) -> tuple[Element, Element]:
    """Return meta and payload of a message that was written and read again."""
    meta, payload = StrictParser(WIDE).parse(canonical(message))
    return meta, payload


def meta_of(message: Element) -> dict[str, str | None]:
    return {str(child.tag).removeprefix(f"{{{ENVELOPE_NS}}}"): child.text for child in written(message)[0]}


def filled_with(text: str) -> tuple[Element, Element]:
    message, root = EnvelopeBuilder().build("alice", "bob", "t-1", "Note")
    etree.SubElement(root, "Text").text = text
    return message, root


@pytest.mark.parametrize("text", HOSTILE)
def test_b46_names_are_escaped(text: str) -> None:
    message, _ = EnvelopeBuilder().build(text, text, text, "Note")
    assert {"from": text, "to": text, "thread": text} == meta_of(message)


@pytest.mark.parametrize("text", HOSTILE)
def test_b46_payload_text_is_escaped(text: str) -> None:
    message, _ = filled_with(text)
    assert text == written(message)[1].findtext("Text")
    assert {"from": "alice", "to": "bob", "thread": "t-1"} == meta_of(message)


def test_build_gives_a_valid_envelope_and_the_payload_inside_it() -> None:
    message, payload = filled_with("hello")
    assert message[1] is payload
    assert first_violation(envelope_schema(), StrictParser().parse(canonical(message))) is None


def test_what_build_gives_is_in_canonical_form_once_written() -> None:
    data = canonical(filled_with("hello")[0])
    assert data == canonical(StrictParser().parse(data))


def test_without_a_receiver_there_is_no_to() -> None:
    message, _ = EnvelopeBuilder().build("alice", None, "t-1", "Note")
    assert {"from": "alice", "thread": "t-1"} == meta_of(message)


def test_two_envelopes_of_one_pair_share_nothing() -> None:
    builder = EnvelopeBuilder()
    first, root = builder.build("alice", "bob", "t-1", "A")
    root.set("x", "1")
    builder.build("alice", "bob", "t-2", "B")[1].set("y", "2")
    assert "t-1" == meta_of(first)["thread"]
    assert b'<A xmlns="" x="1"></A>' in canonical(first)


def test_many_pairs_of_names_are_built_as_well() -> None:
    builder = EnvelopeBuilder()
    names = [f"n{n}" for n in range(3_000)]
    built = [meta_of(builder.build(name, None, "t", "A")[0])["from"] for name in names]
    assert names == built


@pytest.mark.parametrize("namespace", ["urn:n", "http://example.org/a?b='2'"])
def test_a_payload_in_a_namespace_has_it_as_the_default_one(namespace: str) -> None:
    message, root = EnvelopeBuilder().build("alice", "bob", "t-1", f"{{{namespace}}}Note")
    etree.SubElement(root, f"{{{namespace}}}Text").text = "x"
    assert [f"{{{namespace}}}Note", None, {None: namespace}] == [root.tag, root.prefix, root.nsmap]
    assert b"<Text>x</Text></Note></message>" == canonical(message)[-31:]
    assert first_violation(envelope_schema(), StrictParser().parse(canonical(message))) is None


def test_payloads_of_several_namespaces_between_one_pair() -> None:
    builder = EnvelopeBuilder()
    tags = ["A", "{urn:a}A", "{urn:b}A", "B", "{urn:a}B"]
    assert tags == [builder.build("alice", "bob", "t", tag)[1].tag for tag in tags]
    assert b'<A xmlns=""></A>' in canonical(builder.build("alice", "bob", "t", "A")[0])


def test_the_compact_form_declares_a_prefix_once_and_means_the_same() -> None:
    items = b"<n:b/>" * 100
    root = StrictParser().parse(b'<a xmlns:n="urn:n" xmlns:q="urn:q">' + items + b"q:x</a>")
    data = compact(root)
    assert (1, 100) == (data.count(b"xmlns:n="), canonical(root).count(b"xmlns:n="))
    assert b'xmlns:q="urn:q"' in data
    assert canonical(root) == canonical(StrictParser().parse(data))
    assert data == compact(StrictParser().parse(data))


def test_the_compact_form_of_a_part_keeps_prefixes_from_above() -> None:
    part = StrictParser().parse(b'<a xmlns:q="urn:q"><b>q:x</b>tail</a>')[0]
    assert b'<b xmlns:q="urn:q">q:x</b>' == compact(part)


@given(documents())
@settings(max_examples=150, deadline=None)
def test_any_compact_form_means_what_the_document_means(document: str) -> None:
    root = StrictParser().parse(document.encode())
    assert canonical(root) == canonical(StrictParser().parse(compact(root)))


def alone(payload: bytes) -> bytes:
    return canonical(StrictParser().parse(payload))


def wrapped(payload: bytes) -> Element:
    """Return the payload as it comes out of an envelope that was written."""
    message = EnvelopeBuilder().wrap("alice", "bob", "t-1", StrictParser().parse(payload))
    return written(message)[1]


@pytest.mark.parametrize(
    "payload",
    [
        b"<Note><Text>x</Text></Note>",
        b'<Note xmlns=""><Text>x</Text></Note>',
        b'<Note xmlns="urn:n"><Text>x</Text></Note>',
        b'<n:Note xmlns:n="urn:n"><Text>x</Text><n:Text/></n:Note>',
        b'<Note xmlns:n="urn:n" n:x="1" y="2"><Text n:x="3"/></Note>',
        b'<Note xmlns="urn:n"><Text xmlns="urn:t"><a xmlns=""><b/></a></Text></Note>',
        b'<n:Note xmlns:n="urn:n"><a xmlns="urn:a"/><b/></n:Note>',
        b'<Note xml:lang="en">text <b>and</b> tail</Note>',
        b'<Note xmlns:unused="urn:u">unused:name</Note>',
        b"<Note>xmlns= in text</Note>",
        b"<Note> xmlns:a= in text, xmlns:&lt;= too</Note>",
        '<ü:Nöte xmlns:ü="urn:n" xmlns:é="urn:e">é:x</ü:Nöte>'.encode(),
    ],
)
def test_a_wrapped_payload_means_what_it_meant(payload: bytes) -> None:
    assert alone(payload) == canonical(wrapped(payload))


@given(documents())
@settings(max_examples=150, deadline=None)
def test_any_wrapped_payload_means_what_it_meant(payload: str) -> None:
    data = payload.encode()
    assert alone(data) == canonical(wrapped(data))


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=30))
@settings(max_examples=100, deadline=None)
def test_any_text_comes_out_as_it_went_in(text: str) -> None:
    if any(ord(char) & 0xFFFE == 0xFFFE for char in text):
        return  # XML has no such characters
    message, _ = filled_with(text)
    assert text == (written(message)[1].findtext("Text") or "")


def test_wrap_copies() -> None:
    payload = StrictParser().parse(b"<r><Note/>tail</r>")[0]
    message = EnvelopeBuilder().wrap("alice", None, None, payload)
    assert "tail" == payload.tail
    assert message[1].tail is None
    assert {"from": "alice"} == meta_of(message)
