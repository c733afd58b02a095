"""The strict parser: what it takes, and the code with which it refuses the rest. Rows are of the bad-input battery."""

import gzip
import resource

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentserver.errors import WireError
from agentserver.wire import ParseLimits, StrictParser, canonical
from tests.wire.samples import MESSAGE, nested, verdict, with_attributes, with_elements

DEEP = ParseLimits(depth=256)

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BILLION_LAUGHS = f'<!DOCTYPE m [<!ENTITY l0 "lol">{LAUGHS}]>'.encode()
PARAMETER_BOMB = b'<!DOCTYPE m [<!ENTITY % a "aaaaaaaaaa"><!ENTITY % b "%a;%a;%a;%a;">%b;]><m/>'


@pytest.mark.parametrize("data", [BILLION_LAUGHS + b"<m>&l9;</m>", BILLION_LAUGHS + b'<m x="&l9;"/>'])
def test_b1_billion_laughs(data: bytes) -> None:
    assert "doctype" == verdict(data)


def test_b2_quadratic_blowup() -> None:
    entity = b'<!DOCTYPE m [<!ENTITY a "%s">]>' % (b"a" * 100_000)
    assert "doctype" == verdict(entity + b"<m>" + b"&a;" * 30_000 + b"</m>")


def test_b3_parameter_entity_bomb() -> None:
    assert "doctype" == verdict(PARAMETER_BOMB)


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE m [<!ENTITY e SYSTEM "file:///etc/hostname">]><m>&e;</m>',
        b'<!DOCTYPE m [<!ENTITY e SYSTEM "http://localhost:1/x">]><m>&e;</m>',
        b'<!DOCTYPE m [<!ENTITY e SYSTEM "file:///etc/hostname">]><m x="&e;"/>',
    ],
)
def test_b4_external_entity(data: bytes) -> None:
    assert "doctype" == verdict(data)


@pytest.mark.parametrize(
    "doctype",
    [b'<!DOCTYPE m SYSTEM "file:///x.dtd">', b'<!DOCTYPE m PUBLIC "-//X//Y" "http://localhost:1/x">'],
)
def test_b5_external_dtd(doctype: bytes) -> None:
    assert "doctype" == verdict(doctype + b"<m/>")


@pytest.mark.parametrize(
    "data",
    [
        b"<!DOCTYPE m><m/>",
        b"\xef\xbb\xbf<!DOCTYPE m><m/>",
        b'<?xml version="1.0"?> <!-- > --><?p > ?>\n<!DOCTYPE m><m/>',
        b'<!DOCTYPE m [<!ATTLIST m to CDATA "admin">]><m/>',
    ],
)
def test_b6_any_doctype(data: bytes) -> None:
    assert "doctype" == verdict(data)


def test_a_doctype_is_refused_before_its_declarations_are_read() -> None:
    assert "doctype" == verdict(b"<!DOCTYPE m [<!ENTITY broken")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"<!doctype m><m/>", "syntax"),
        (b"<!DOCTYPE m><!DOCTYPE m><m/>", "doctype"),
        (b"<m><!DOCTYPE m></m>", "syntax"),
        (b"<m/><!DOCTYPE m>", "syntax"),
    ],
)
def test_b7_misplaced_doctype(data: bytes, code: str) -> None:
    assert code == verdict(data)


@pytest.mark.parametrize("data", [b"<m><![CDATA[<!DOCTYPE m>]]></m>", b"<!-- <!DOCTYPE m> --><m/>"])
def test_b8_doctype_as_text(data: bytes) -> None:
    assert "accept" == verdict(data)


@pytest.mark.parametrize("data", [b"<m>&nbsp;</m>", b'<m x="&copy;"/>', b"<m>&e;</m>"])
def test_b9_undefined_entity(data: bytes) -> None:
    assert "syntax" == verdict(data)


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


@pytest.mark.parametrize(("depth", "code"), [(256, "accept"), (257, "syntax"), (100_000, "syntax")])
def test_b11_depth(depth: int, code: str) -> None:
    assert code == verdict(nested(depth), DEEP)


def test_b11_a_million_unclosed_elements() -> None:
    assert "syntax" == verdict(b"<a>" * 1_000_000, ParseLimits(depth=256, message_bytes=1 << 22))


@pytest.mark.parametrize(("depth", "code"), [(64, "accept"), (65, "too-deep"), (256, "too-deep")])
def test_depth_is_limited_below_what_libxml2_takes(depth: int, code: str) -> None:
    assert code == verdict(nested(depth))


@pytest.mark.parametrize(
    ("count", "code"), [(64, "accept"), (65, "too-many-attributes"), (10_000, "too-many-attributes")]
)
def test_b12_attributes(count: int, code: str) -> None:
    assert code == verdict(with_attributes(count))


def test_text_cannot_hide_attributes_from_their_count() -> None:
    data = b"<r>" + b"xmlns" * 200 + with_attributes(65) + b"</r>"
    assert "too-many-attributes" == verdict(data)


@pytest.mark.parametrize(("count", "code"), [(10_000, "accept"), (10_001, "too-many-elements")])
def test_b13_elements(count: int, code: str) -> None:
    assert code == verdict(with_elements(count))


@pytest.mark.parametrize(("size", "code"), [(1 << 20, "accept"), ((1 << 20) + 1, "too-large")])
def test_b14_size(size: int, code: str) -> None:
    assert code == verdict(b"<a>" + b"x" * (size - 7) + b"</a>")


@pytest.mark.parametrize(
    "data",
    [
        b"<a " + b" ".join(b'xmlns:p%d="urn:%d"' % (n, n) for n in range(65)) + b"/>",
        b"<r>" + b'<a xmlns:p="urn:p"/>' * 65 + b"</r>",
        b"".join(b'<a xmlns="urn:%d">' % n for n in range(200)) + b"</a>" * 200,
    ],
)
def test_b15_namespace_declarations(data: bytes) -> None:
    assert "too-many-namespaces" == verdict(data, DEEP)


def test_64_namespace_declarations_are_taken() -> None:
    assert "accept" == verdict(b"<a " + b" ".join(b'xmlns:p%d="urn:%d"' % (n, n) for n in range(64)) + b"/>")


@pytest.mark.parametrize(
    "data",
    [
        b'<r xmlns="urn:%s">' % (b"u" * 40_000) + b"<a/>" * 9_000 + b"</r>",
        b'<r xmlns:p="urn:%s" ' % (b"u" * 40_000) + b" ".join(b'p:a%d=""' % n for n in range(60)) + b"/>",
    ],
)
def test_b17_long_namespace_uri(data: bytes) -> None:
    assert "name-too-long" == verdict(data)


@pytest.mark.parametrize(("chars", "code"), [(256, "accept"), (257, "name-too-long"), (60_000, "syntax")])
def test_b18_long_element_name(chars: int, code: str) -> None:
    assert code == verdict(b"<" + b"n" * chars + b"/>")


def test_names_with_the_reserved_prefix_count_as_they_are_written() -> None:
    assert "accept" == verdict(b"<a xml:%s=''/>" % (b"n" * 240) + b" " * 200)


def test_b19_30000_attributes() -> None:
    assert "too-many-attributes" == verdict(with_attributes(30_000))


@pytest.mark.slow
def test_b20_many_new_names_take_bounded_memory() -> None:
    parser = StrictParser()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for document in range(40):
        parser.parse(b"<r>" + b"".join(b"<n%dx%d/>" % (document, n) for n in range(9_000)) + b"</r>")
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 128 * 1024


@pytest.mark.parametrize(
    "codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "cp037", "cp500"]
)
def test_b23_other_encodings(codec: str) -> None:
    data = '<?xml version="1.0"?><m>text</m>'.encode(codec)
    assert verdict(data) in ("not-utf8", "encoding", "syntax")


@pytest.mark.parametrize(
    "label", ["UTF-7", "ISO-2022-JP", "Shift_JIS", "iso-8859-1", "UTF-16", "GB18030", "utf8"]
)
@pytest.mark.parametrize("quote", ['"', "'"])
def test_b24_encoding_labels(label: str, quote: str) -> None:
    data = f"<?xml version='1.0' encoding={quote}{label}{quote}?><m>+ADw-b/+AD4-</m>"
    assert "encoding" == verdict(data.encode())
    assert "encoding" == verdict(b"\xef\xbb\xbf" + data.encode())


@pytest.mark.parametrize("label", ["utf-8", "UTF-8", "us-ascii"])
def test_utf8_labels_are_taken(label: str) -> None:
    assert "accept" == verdict(f'<?xml version="1.0" encoding="{label}"?><m/>'.encode())


@pytest.mark.parametrize(
    "bad", [b"\xff", b"\xc3", b"\xc0\xbc", b"\xe0\x80\xbc", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"]
)
def test_b25_invalid_utf8(bad: bytes) -> None:
    assert "not-utf8" == verdict(b"<m>" + bad + b"</m>")


@pytest.mark.parametrize(
    "data",
    [
        *(b"<m>" + bytes([n]) + b"</m>" for n in range(32) if n not in b"\t\n\r"),
        *(
            b"<m>&#0;</m>",
            b"<m>&#1;</m>",
            b"<m>&#x1f;</m>",
            b'<m x="&#0;"/>',
            b"<m/>\0",
            b"<m/>\0<m/>",
            b"\0<m/>",
        ),
    ],
)
def test_b26_control_characters(data: bytes) -> None:
    assert "syntax" == verdict(data)


@pytest.mark.parametrize("reference", [b"&#xD800;", b"&#x110000;", b"&#4294967361;", b"&#xDFFF;"])
def test_b27_references_to_no_character(reference: bytes) -> None:
    assert "syntax" == verdict(b"<m>" + reference + b"</m>")


@pytest.mark.parametrize("bad", ["\ufffe", "\uffff", "&#xFFFE;"])
def test_b28_non_characters(bad: str) -> None:
    assert "syntax" == verdict(f"<m>{bad}</m>".encode())


@pytest.mark.parametrize(
    ("declaration", "code"),
    [
        (b'version="1.1"', "xml-version"),
        (b"version='2.0'", "xml-version"),
        (b'version="1.0" standalone="maybe"', "syntax"),
        (b"", "syntax"),
    ],
)
def test_b29_declarations(declaration: bytes, code: str) -> None:
    assert code == verdict(b"<?xml " + declaration + b"?><m/>")


@pytest.mark.parametrize("blank", [b" ", b"\n", b"\t\r\n", b"\xc2\xa0", b"\xef\xbb\xbf\xef\xbb\xbf"])
def test_b30_blanks_before_the_declaration(blank: bytes) -> None:
    assert "syntax" == verdict(blank + b'<?xml version="1.0"?><m/>')


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "syntax"),
        (b" \r\n\t", "syntax"),
        (b'{"a": 1}', "syntax"),
        (b"plain text", "syntax"),
        (gzip.compress(b"<m/>" * 100), "not-utf8"),
    ],
)
def test_b31_no_xml(data: bytes, code: str) -> None:
    assert code == verdict(data)


def test_b32_every_prefix_of_a_message() -> None:
    codes = {verdict(MESSAGE[:end]) for end in range(len(MESSAGE))}
    assert {"syntax"} == codes


@pytest.mark.parametrize("data", [b"<a><b></a></b>", b"<a></A>", b"<a></b>", b"</a>", b"<a></a></a>"])
def test_b34_crossed_tags(data: bytes) -> None:
    assert "syntax" == verdict(data)


@pytest.mark.parametrize(
    "data", [b'<a x="1" x="2"/>', b'<a xmlns:p="urn:u" xmlns:q="urn:u" p:x="1" q:x="2"/>']
)
def test_b35_duplicate_attributes(data: bytes) -> None:
    assert "syntax" == verdict(data)


@pytest.mark.parametrize(
    "data", [b"<p:a/>", b'<a p:x="1"/>', b'<a xmlns:xml="urn:x"/>', b'<a xmlns:p=""/>', b"<:a/>", b"<a:b:c/>"]
)
def test_b36_bad_prefixes(data: bytes) -> None:
    assert "syntax" == verdict(data)


@pytest.mark.parametrize(
    "data", [b'<a xmlns="foo"/>', b'<a xmlns:p="foo"/>', b'<p:a xmlns:p="foo"/>', b'<a><b xmlns="../x"/></a>']
)
def test_b37_relative_namespace_uri(data: bytes) -> None:
    root = StrictParser().parse(data)
    with pytest.raises(WireError) as caught:
        canonical(root)
    assert "namespace-uri" == caught.value.code


@pytest.mark.parametrize("uri", ["a b", "http://[x", "urn:%zz", "é:x"])
def test_b37_invalid_namespace_uri(uri: str) -> None:
    assert "syntax" == verdict(f'<a xmlns:p="{uri}"/>'.encode())


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


@pytest.mark.parametrize("text", [b"AT&T", b"a & b", b"1 < 2", b"x<y", b"]]>", b"?a=1&b=2&copy=3"])
def test_b38_stray_markup_in_text(text: bytes) -> None:
    assert "syntax" == verdict(b"<m>" + text + b"</m>")


@pytest.mark.parametrize(
    "inside",
    [
        b"<![CDATA[x",
        b"<![CDATA[a<![CDATA[b]]>c]]>",
        b"<!-- x",
        b"<!-- a <!-- b --> c -->",
        b"<?p x",
        b"<!-- -- -->",
    ],
)
def test_b39_unterminated_or_nested_sections(inside: bytes) -> None:
    assert "syntax" == verdict(b"<m>" + inside + b"</m>")


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
