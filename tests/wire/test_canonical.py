"""The canonical form: the same for what means the same, and stable."""

import pytest
from hypothesis import given, settings

from agentserver.wire import StrictParser, canonical
from tests.wire.strategies import documents


def form(data: bytes) -> bytes:
    return canonical(StrictParser().parse(data))


@given(documents())
@settings(max_examples=150, deadline=None)
def test_a_canonical_form_is_its_own_canonical_form(document: str) -> None:
    first = form(document.encode())
    assert first == form(first)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (b"<a/>", b"<a></a>"),
        (b"<a y='2' x='1'/>", b'<a x="1" y="2"></a>'),
        (b"<?xml version='1.0'?>\n<a/>\n", b"<a></a>"),
        (b"<a><!-- x --><?p?></a>", b"<a></a>"),
        (b"<a><![CDATA[<&]]></a>", b"<a>&lt;&amp;</a>"),
        (b"<a>\r\n</a>", b"<a>\n</a>"),
        (b'<a xmlns:unused="urn:x"/>', b"<a></a>"),
        (b'<p:a xmlns:p="urn:x"><p:b/></p:a>', b'<p:a xmlns:p="urn:x"><p:b></p:b></p:a>'),
        (b'<a xmlns="urn:x"><b xmlns=""/></a>', b'<a xmlns="urn:x"><b xmlns=""></b></a>'),
        (b'<a xmlns=""><b xmlns=""/></a>', b"<a><b></b></a>"),
        (b'<p:a xmlns:p="urn:x" xmlns="urn:y"><b xmlns=""/></p:a>', b'<p:a xmlns:p="urn:x"><b></b></p:a>'),
        (b"<a>&#9;&#13;</a>", b"<a>\t&#xD;</a>"),
    ],
)
def test_form(written: bytes, expected: bytes) -> None:
    assert expected == form(written)


def test_a_part_of_a_document_keeps_its_meaning() -> None:
    root = StrictParser().parse(b'<a xmlns="urn:x" xmlns:p="urn:p" xmlns:u="urn:u"><p:b><c/></p:b></a>')
    assert b'<p:b xmlns:p="urn:p"><c xmlns="urn:x"></c></p:b>' == canonical(root[0])


def test_the_tree_stays_as_it_is() -> None:
    root = StrictParser().parse(b"<a><b/>tail</a>")
    canonical(root[0])
    assert "tail" == root[0].tail
