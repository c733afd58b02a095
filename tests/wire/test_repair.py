"""What is mended in a model's XML, what is left alone, and what recovering refuses."""

import contextlib
import re
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentserver.errors import WireError
from agentserver.wire import ParseLimits, RootsParser, StrictParser, canonical, recover, repair_safely
from tests.wire.samples import MESSAGE, is_linear, nested, with_attributes, with_elements
from tests.wire.strategies import SAFE_TEXT, STRAY, TEXT, documents, shape_of

LIMITS = ParseLimits()
DEEP = ParseLimits(depth=256)


@pytest.mark.parametrize(
    ("written", "mended", "repairs"),
    [
        (b"\xef\xbb\xbf<a/>", b"<a/>", ("bom",)),
        (b"\n <?xml version='1.0'?><a/>", b"<?xml version='1.0'?><a/>", ("blanks",)),
        (b"\n <a/>", b"\n <a/>", ()),
        (b"Sure! Here it is: <a/>", b"<a/>", ("prose",)),
        (b"<a/> I hope that helps.", b"<a/>", ("prose",)),
        (b"```xml\n<a/>\n```", b"<a/>", ("fence",)),
        (b"```\n<a/>\n```\nDone.", b"<a/>", ("fence", "prose")),
        (b"Is 1 < 2 & 3? <a/>", b"<a/>", ("prose",)),
        (b"<a>AT&T</a>", b"<a>AT&amp;T</a>", ("ampersand",)),
        (b"<a>&copy;&nbsp;</a>", b"<a>&amp;copy;&amp;nbsp;</a>", ("ampersand",)),
        (b"<a>?a=1&b=2&copy=3</a>", b"<a>?a=1&amp;b=2&amp;copy=3</a>", ("ampersand",)),
        (b"<a x='1 & 2'/>", b"<a x='1 &amp; 2'/>", ("ampersand",)),
        (b"<a>1 < 2 <= 3</a>", b"<a>1 &lt; 2 &lt;= 3</a>", ("less-than",)),
        (b"<a>b[c[0]]>1</a>", b"<a>b[c[0]]&gt;1</a>", ("cdata-end",)),
        (b"<a>&amp;&#38;&#x26;&lt;</a>", b"<a>&amp;&#38;&#x26;&lt;</a>", ()),
        (b"<a><![CDATA[ & < ]]></a>", b"<a><![CDATA[ & < ]]></a>", ()),
        (b"<a><!-- & < ]]> --></a>", b"<a><!-- & < ]]> --></a>", ()),
        (b"<a><?p & < ]]> ?></a>", b"<a><?p & < ]]> ?></a>", ()),
        ("Voilà : <été>1</été>".encode(), "<été>1</été>".encode(), ("prose",)),
        (b"no XML at all", b"no XML at all", ()),
        (b"", b"", ()),
    ],
)
def test_safe_repair(written: bytes, mended: bytes, repairs: tuple[str, ...]) -> None:
    assert (mended, repairs) == (repair_safely(written).data, repair_safely(written).repairs)


@pytest.mark.parametrize(
    "data",
    [
        b"if x<y then <a/>",
        b"<a>x<y</a>",
        b'<a x="<b"/>',
        b"<a><b>1</b><b>2</b",
        b"<a>1</a><b x='",
        b"b>1</b><c>2</c>",
        b"Hi <!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",
        b"Hi <!DOCTYPE a><a>&</a>",
        b"<a><!-- open & </a>",
        b"<a><![CDATA[ open & </a>",
        "<été/><a>&</a></b>".encode(),
    ],
)
def test_safe_repair_does_not_make_these_well_formed(data: bytes) -> None:
    with pytest.raises(WireError):
        RootsParser().parse(repair_safely(data).data)


def test_safe_repair_keeps_every_root() -> None:
    roots, _ = RootsParser().parse(repair_safely("<été/><a>&</a>".encode()).data)
    assert ["été", "a"] == [root.tag for root in roots]


def test_every_truncation_stays_refused() -> None:
    message = MESSAGE.replace(b"Bob", b"AT&T")
    for end in range(len(message)):
        roots: list[object] = []
        with contextlib.suppress(WireError):
            roots = list(RootsParser().parse(repair_safely(message[:end]).data)[0])
        assert [] == roots, message[:end]


def in_disorder(document: str) -> st.SearchStrategy[str]:
    """Wrap a document as models do."""
    before = st.sampled_from(["", "Sure:\n", "\ufeff", "```xml\n", "1 < 2 & 3:\n", "```\n"])
    after = st.sampled_from(["", "\n```", "\n```\nDone & dusted.", " (4 < 5)", "\n"])
    return st.tuples(before, after).map(lambda around: around[0] + document + around[1])


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_safe_repair_never_changes_which_fields_exist(data: st.DataObject) -> None:
    broken = data.draw(documents(st.lists(TEXT | STRAY, max_size=3).map(" ".join)))
    clean = STRAY_IN_CONTENT.sub("", SECTIONS.sub("", broken))
    mended = repair_safely(data.draw(in_disorder(broken)).encode())
    assert shape_of(StrictParser().parse(clean.encode())) == shape_of(StrictParser().parse(mended.data))


SECTIONS = re.compile(r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>", re.DOTALL)
STRAY_IN_CONTENT = re.compile(r"&(?!#?\w+;)|&(?:copy|nbsp);|<(?![\w/])|\]\]>|<(?=3)|&#(?!\w)")


@given(documents())
@settings(max_examples=100, deadline=None)
def test_safe_repair_leaves_a_well_formed_document_alone(document: str) -> None:
    assert (document.encode(), ()) == (
        repair_safely(document.encode()).data,
        repair_safely(document.encode()).repairs,
    )


@given(
    st.binary(max_size=200)
    | st.text(st.sampled_from("<>&;!-[]?/'\"= abCDAT\x00é"), max_size=60).map(str.encode)
)
@settings(max_examples=500, deadline=None)
def test_safe_repair_takes_any_bytes(data: bytes) -> None:
    assert len(repair_safely(data).data) <= 5 * len(data)


HOSTILE = {
    "comments": b"<!--",
    "sections": b"<![CDATA[",
    "instructions": b"<?",
    "ampersands": b"&",
    "references": b"&#1",
    "less-than": b"<",
    "tags": b"<a ",
    "section ends": b"]]>",
    "fences": b"```",
    "blanks": b" ",
    "closed comments": b"<!---->",
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE.keys())
def test_safe_repair_is_linear(piece: bytes) -> None:
    assert is_linear(lambda size: partial(repair_safely, piece * (size // len(piece))), 100_000)


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (b"<a><b>1</b><b>2", b"<a><b>1</b><b>2</b></a>"),
        (b"<a><b>1</b><b>2</b", b"<a><b>1</b><b>2</b></a>"),
        (b"<a><b>1</a>", b"<a><b>1</b></a>"),
        (b"<a/><b>1", b"<a></a><b>1</b>"),
        (b"<a>1</a></b>", b"<a>1</a>"),
        (b"<?xml version='1.0'?><a>1", b"<a>1</a>"),
        (b"<a>x\xff</a>", "<a>x\ufffd</a>".encode()),
    ],
)
def test_recover_closes_and_drops(broken: bytes, expected: bytes) -> None:
    assert (expected, ("recovered",)) == (recover(broken, LIMITS).data, recover(broken, LIMITS).repairs)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"<a>" * 300, "too-large"),
        (b"<a>" * 100_000, "too-large"),
        (b"<a>" + b"&" * 200 + b"<b>" * 300, "syntax"),
        (b"<a>" + b"x" * (1 << 20), "too-large"),
        (b"<a " + b"n" * 60_000 + b"='1'/>", "too-large"),
        (with_attributes(65) + b"<b>", "too-many-attributes"),
        (with_elements(10_001) + b"<b>", "too-many-elements"),
        (b"<a xmlns='urn:%s'>" % (b"u" * 40_000) + b"<b/>" * 9_000, "name-too-long"),
        (b"<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;", "doctype"),
        (b"plain text", "syntax"),
        (b"", "syntax"),
        (b"<p:a xmlns:p='urn:&#xD800;'><b>", "not-utf8"),
        (b"<p:a xmlns:p='urn:&amp;amp;'><b>", "namespace-uri"),
    ],
)
def test_recover_refuses(data: bytes, code: str) -> None:
    with pytest.raises(WireError) as caught:
        recover(data, DEEP)
    assert code == caught.value.code


@pytest.mark.parametrize(
    "data",
    [
        b"<a>" + b"x" * 10_500_000 + b"</a><b/>",
        b"<a><![CDATA[" + b"x" * 10_500_000 + b"]]></a>",
        b"<a><!--" + b"x" * 10_500_000 + b"--></a>",
        b"<a><?p " + b"x" * 10_500_000 + b"?></a>",
    ],
    ids=["text", "section", "comment", "instruction"],
)
def test_recover_refuses_what_libxml2_would_cut(data: bytes) -> None:
    with pytest.raises(WireError) as caught:
        recover(data, ParseLimits(message_bytes=1 << 24))
    assert "too-large" == caught.value.code


@pytest.mark.parametrize("depth", [3, 64])
def test_recover_keeps_to_the_limits_that_the_message_has(depth: int) -> None:
    recovered = recover(nested(depth) + b"<b>", ParseLimits(depth=depth, elements=depth + 1))
    assert canonical(StrictParser(DEEP).parse(nested(depth))) + b"<b></b>" == recovered.data


@pytest.mark.parametrize("data", [b"<a x='1' x='2'><b>", b"<p:a><b>", b"<a>&#xD800;<b>", b"<a>&#1;<b>"])
def test_what_recover_gives_is_for_another_strict_parse(data: bytes) -> None:
    with pytest.raises(WireError):
        StrictParser().parse(recover(data, LIMITS).data)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_recover_gives_bytes_or_a_known_error(data: st.DataObject) -> None:
    document = data.draw(documents(SAFE_TEXT))
    cut = data.draw(st.integers(0, len(document)))
    inserted = data.draw(
        st.sampled_from(["", "<", "</", "<b>", "</b>", "&", "x='1'", "\0", "]]>", "<!--", "\x01"])
    )
    broken = (document[:cut] + inserted + document[cut + data.draw(st.integers(0, 5)) :]).encode()
    try:
        outcome = recover(broken, LIMITS).repairs
    except WireError as error:
        outcome = (error.code,)
    assert outcome[0] in ("recovered", "syntax", "doctype", "node-type", "namespace-uri", "too-large")
