"""The battery of bad input: each row with its bytes and the code that is expected, at the parser and at the gate.

Rows are named as in the table of the reliability notes; the numbers that are missing there are missing here. Rows that
need HTTP or a WebSocket stand beside those. `accept` at the gate means that a handler got it.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from agentserver import RawXml, xmlify
from agentserver.config import Limits, ListenerConfig
from agentserver.wire import ENVELOPE_NS, ParseLimits
from tests.fuzz.invariants import Order
from tests.organisms import Ping, envelope, listener, ping
from tests.wire.samples import nested, with_attributes, with_elements

MIB = 1 << 20


@xmlify
@dataclass
class Parcel:
    """Holds anything."""

    body: RawXml


@xmlify
@dataclass
class Counts:
    """Holds numbers."""

    item: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Row:
    """One input.

    Args:
        id: Its row, and what it is.
        data: Its bytes.
        wire: What the strict parser says.
        gate: What becomes of it in a pump, from a known sender; as `wire` when left out.
        deep: Whether the limit on depth is that of libxml2.
    """

    id: str
    data: bytes
    wire: str
    gate: str = ""
    deep: bool = False

    @property
    def code(self) -> str:
        """What becomes of it in a pump."""
        return self.gate or self.wire

    @property
    def parse_limits(self) -> ParseLimits:
        return ParseLimits(depth=256) if self.deep else ParseLimits()

    @property
    def limits(self) -> Limits:
        return Limits(depth=256) if self.deep else Limits()


def listeners(handler: Callable[..., object]) -> list[ListenerConfig]:
    """Return who takes what the rows carry."""
    classes: dict[str, type] = {"echo": Ping, "parcel": Parcel, "counts": Counts, "order": Order}
    return [listener(name, payload_class, handler) for name, payload_class in classes.items()]


def parcel(content: bytes, declarations: str = "") -> bytes:
    """Return an envelope around anything; as deep as its content, and three elements more."""
    payload = f'<Parcel xmlns=""{declarations}><Body>{content.decode()}</Body></Parcel>'
    return envelope(payload, to="parcel")


def padded(size: int) -> bytes:
    """Return a good message of exactly so many bytes."""
    return ping("x" * (size - len(ping(""))))


_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BILLION_LAUGHS = f'<!DOCTYPE m [<!ENTITY l0 "lol">{_LAUGHS}]>'.encode()
_PARAMETER_BOMB = b'<!DOCTYPE m [<!ENTITY % a "aaaaaaaaaa"><!ENTITY % b "%a;%a;%a;%a;">%b;]><m/>'
_XSI = 'xmlns:x="http://www.w3.org/2001/XMLSchema-instance"'
_SCHEMA_LOCATION = b'x:schemaLocation="urn:a /etc/hostname"'


def rows() -> Iterator[Row]:
    """Give every row."""
    yield from _entities()
    yield from _sizes()
    yield from _encodings()
    yield from _well_formedness()
    yield from _long_values()
    yield from _contents()


def _entities() -> Iterator[Row]:
    for what, data in {
        "B1 billion laughs in text": BILLION_LAUGHS + b"<m>&l9;</m>",
        "B1 billion laughs in an attribute": BILLION_LAUGHS + b'<m x="&l9;"/>',
        "B2 quadratic blowup": b'<!DOCTYPE m [<!ENTITY a "%s">]><m>%s</m>'
        % (b"a" * 100_000, b"&a;" * 30_000),
        "B3 parameter-entity bomb": _PARAMETER_BOMB,
        "B4 file": b'<!DOCTYPE m [<!ENTITY e SYSTEM "file:///etc/hostname">]><m>&e;</m>',
        "B4 http": b'<!DOCTYPE m [<!ENTITY e SYSTEM "http://localhost:1/x">]><m>&e;</m>',
        "B4 in an attribute": b'<!DOCTYPE m [<!ENTITY e SYSTEM "file:///etc/hostname">]><m x="&e;"/>',
        "B5 system": b'<!DOCTYPE m SYSTEM "file:///x.dtd"><m/>',
        "B5 public": b'<!DOCTYPE m PUBLIC "-//X//Y" "http://localhost:1/x"><m/>',
        "B6 empty": b"<!DOCTYPE m><m/>",
        "B6 after a byte-order mark": b"\xef\xbb\xbf<!DOCTYPE m><m/>",
        "B6 after comment and PI": b'<?xml version="1.0"?> <!-- > --><?p > ?>\n<!DOCTYPE m><m/>',
        "B6 default attributes": b'<!DOCTYPE m [<!ATTLIST m to CDATA "admin">]><m/>',
        "B6 cut off": b"<!DOCTYPE m [<!ENTITY broken",
        "B7 twice": b"<!DOCTYPE m><!DOCTYPE m><m/>",
    }.items():
        yield Row(what, data, "doctype")
    for what, data in {
        "B7 in lower case": b"<!doctype m><m/>",
        "B7 inside": b"<m><!DOCTYPE m></m>",
        "B7 after the root": b"<m/><!DOCTYPE m>",
        "B9 in text": b"<m>&nbsp;</m>",
        "B9 in an attribute": b'<m x="&copy;"/>',
        "B9 as others declare it": b"<m>&e;</m>",
    }.items():
        yield Row(what, data, "syntax")
    yield Row("B8 in CDATA", ping("<![CDATA[<!DOCTYPE m>]]>"), "accept")
    yield Row("B8 in a comment", b"<!-- <!DOCTYPE m> -->" + ping(), "accept")
    include = '<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="/etc/hostname" parse="text"/>'
    yield Row("B10 XInclude", ping(include), "accept", "schema")
    yield Row(
        "B10 schemaLocation",
        ping().replace(b"<Ping ", b"<Ping " + _XSI.encode() + b" " + _SCHEMA_LOCATION + b" "),
        "accept",
    )
    yield Row("B10 stylesheet", b'<?xml-stylesheet href="/etc/hostname"?>' + ping(), "accept")
    yield Row("B10 catalog", b'<?oasis-xml-catalog catalog="/etc/hostname"?>' + ping(), "accept")


def _sizes() -> Iterator[Row]:
    yield Row("B11 256 deep", parcel(nested(253)), "accept", deep=True)
    yield Row("B11 257 deep", parcel(nested(254)), "syntax", deep=True)
    yield Row("B11 64 deep", parcel(nested(61)), "accept")
    yield Row("B11 65 deep", parcel(nested(62)), "too-deep")
    yield Row("B11 100,000 deep", nested(100_000), "syntax", deep=True)
    yield Row("B11 a MiB unclosed", b"<a>" * (MIB // 3), "syntax", deep=True)
    yield Row("B12 64 attributes", parcel(with_attributes(64)), "accept")
    yield Row("B12 65 attributes", parcel(with_attributes(65)), "too-many-attributes")
    yield Row("B12 10,000 attributes", with_attributes(10_000), "too-many-attributes")
    yield Row("B13 10,000 elements", parcel(with_elements(9_993)), "accept")
    yield Row("B13 10,001 elements", parcel(with_elements(9_994)), "too-many-elements")
    yield Row("B14 a MiB", padded(MIB), "accept")
    yield Row("B14 a MiB and a byte", padded(MIB + 1), "too-large")
    declarations = b" ".join(b'xmlns:p%d="urn:%d"' % (n, n) for n in range(65))
    yield Row("B15 65 declarations", b"<a " + declarations + b"/>", "too-many-namespaces")
    yield Row("B15 65 redeclarations", b"<r>" + b'<a xmlns:p="urn:p"/>' * 65 + b"</r>", "too-many-namespaces")
    levels = b"".join(b'<a xmlns="urn:%d">' % n for n in range(200)) + b"</a>" * 200
    yield Row("B15 on each of 200 levels", levels, "too-many-namespaces", deep=True)
    uri = b"urn:" + b"u" * 40_000
    yield Row("B17 on elements", b'<r xmlns="%s">' % uri + b"<a/>" * 9_000 + b"</r>", "name-too-long")
    attributes = b" ".join(b'p:a%d=""' % n for n in range(60))
    yield Row("B17 on attributes", b'<r xmlns:p="%s" ' % uri + attributes + b"/>", "name-too-long")
    yield Row("B17 60 of them on each of 1,900 elements", repeated_namespaces(), "too-many-namespaces")
    yield Row("B18 60 KB", b"<" + b"n" * 60_000 + b"/>", "syntax")
    yield Row("B18 257 characters", b"<" + b"n" * 257 + b"/>", "name-too-long")
    yield Row("B19 30,000 attributes", with_attributes(30_000), "too-many-attributes")
    yield Row("B20 10,000 new names", parcel(new_names(0)), "accept")
    yield Row("B21 9,990 invalid numbers", counts("x"), "accept", "schema")
    yield Row(
        "B21 the last of 9,990", counts("1").replace(b"1</Item></C", b"x</Item></C"), "accept", "schema"
    )


def repeated_namespaces() -> bytes:
    """Return a MiB of which exclusive C14N would make thirty."""
    declarations = b" ".join(b'xmlns:p%d="urn:%s%d"' % (n, b"u" * 230, n) for n in range(60))
    element = b"<b " + b" ".join(b'p%d:x=""' % n for n in range(60)) + b"/>"
    return b"<r " + declarations + b">" + element * 1_900 + b"</r>"


def new_names(number: int, count: int = 9_900) -> bytes:
    """Return a document whose names are in no other."""
    return b"<r>" + b"".join(b"<n%dx%d/>" % (number, each) for each in range(count)) + b"</r>"


def counts(value: str) -> bytes:
    return envelope(f'<Counts xmlns="">{f"<Item>{value}</Item>" * 9_990}</Counts>', to="counts")


def _encodings() -> Iterator[Row]:
    text = '<?xml version="1.0"?><m>text</m>'
    for codec in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "cp037", "cp500"):
        marked = codec in ("utf-16", "utf-32")
        ebcdic = codec.startswith("cp")
        yield Row(f"B23 {codec}", text.encode(codec), "not-utf8" if marked or ebcdic else "syntax")
    for label in ("UTF-7", "ISO-2022-JP", "Shift_JIS", "iso-8859-1", "UTF-16", "GB18030", "utf8"):
        for quote in "\"'":
            data = f"<?xml version='1.0' encoding={quote}{label}{quote}?><m>+ADw-b/+AD4-</m>".encode()
            yield Row(f"B24 {quote}{label}{quote}", data, "encoding")
            yield Row(
                f"B24 {quote}{label}{quote} after a mark",
                b"\xef\xbb\xbf" + data,
                "encoding",
            )
    for bad in (
        b"\xff", b"\xc3", b"\xc0\xbc", b"\xe0\x80\xbc", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82",
    ):  # fmt: skip
        yield Row(f"B25 {bad.hex()}", b"<m>" + bad + b"</m>", "not-utf8")
    for code in set(range(32)) - set(b"\t\n\r"):
        yield Row(f"B26 U+{code:04X}", b"<m>" + bytes([code]) + b"</m>", "syntax")
    for data in (
        b"<m>&#0;</m>", b"<m>&#1;</m>", b"<m>&#x1f;</m>", b'<m x="&#0;"/>', b"<m/>\0", b"<m/>\0<m/>", b"\0<m/>",
    ):  # fmt: skip
        yield Row(f"B26 {data!r}", data, "syntax")
    for reference in ("&#xD800;", "&#x110000;", "&#4294967361;", "&#xDFFF;"):
        yield Row(f"B27 {reference}", ping(reference), "syntax")
    for bad_text in ("\ufffe", "\uffff", "&#xFFFE;"):
        yield Row(f"B28 {bad_text!a}", ping(bad_text), "syntax")


def _well_formedness() -> Iterator[Row]:
    def row(what: str, data: bytes, code: str = "syntax", gate: str = "") -> Row:
        return Row(what, data, code, gate)

    for declaration, code in {
        'version="1.1"': "xml-version", "version='2.0'": "xml-version", 'version="1.0" standalone="maybe"': "syntax",
        "": "syntax",
    }.items():  # fmt: skip
        yield row(f"B29 {declaration}", f"<?xml {declaration}?>".encode() + ping(), code)
    for blank in (b" ", b"\n", b"\t\r\n", b"\xc2\xa0", b"\xef\xbb\xbf\xef\xbb\xbf"):
        yield row(f"B30 {blank!r}", blank + b'<?xml version="1.0"?>' + ping())
    yield row("B31 empty", b"")
    yield row("B31 blanks", b" \r\n\t")
    yield row("B31 JSON", b'{"a": 1}')
    yield row("B31 plain text", b"plain text")
    yield row("B31 gzip", gzip.compress(ping() * 100, mtime=0), "not-utf8")
    for bad in (b"<a><b></a></b>", b"<a></A>", b"<a></b>", b"</a>", b"<a></a></a>"):
        yield row(f"B34 {bad.decode()}", bad)
    yield row("B35 twice", b'<a x="1" x="2"/>')
    yield row("B35 by two prefixes", b'<a xmlns:p="urn:u" xmlns:q="urn:u" p:x="1" q:x="2"/>')
    for bad in (
        b"<p:a/>", b'<a p:x="1"/>', b'<a xmlns:xml="urn:x"/>', b'<a xmlns:p=""/>', b"<:a/>", b"<a:b:c/>",
    ):  # fmt: skip
        yield row(f"B36 {bad.decode()}", bad)
    for bad in (
        b'<a xmlns="foo"/>',
        b'<a xmlns:p="foo"/>',
        b'<p:a xmlns:p="foo"/>',
        b'<a><b xmlns="../x"/></a>',
    ):
        yield row(f"B37 {bad.decode()}", bad, "accept", "namespace-uri")  # which only C14N sees
    for uri in ("a b", "http://[x", "urn:%zz", "é:x"):
        yield row(f"B37 {uri}", f'<a xmlns:p="{uri}"/>'.encode())
    for uri in ("urn:a&amp;b", "urn:&#38;b"):
        yield row(f"B37 {uri}", f"<p:a xmlns:p = '{uri}'/>".encode(), "namespace-uri")
    for text in ("AT&T", "a & b", "1 < 2", "x<y", "]]>", "?a=1&b=2&copy=3"):
        yield row(f"B38 {text}", ping(text))
    for inside in (
        "<![CDATA[x", "<![CDATA[a<![CDATA[b]]>c]]>", "<!-- x", "<!-- a <!-- b --> c -->", "<?p x", "<!-- -- -->",
    ):  # fmt: skip
        yield row(f"B39 {inside}", ping(inside))


def _long_values() -> Iterator[Row]:
    """Give values of 100,000 characters that no type takes but a text, for each type and its pattern."""
    fields = ("Name", "Pin", "Ratio", "Paid", "Made", "Day", "Hour", "Wait", "Key", "Data", "Size")
    forms = {field: f"<Name>x</Name><{field}>{{}}</{field}>" for field in fields} | {
        "Name": "<Name>{}</Name>",
        "Sku": "<Name>x</Name><Lines><Sku>{}</Sku></Lines>",
        "Count": "<Name>x</Name><Lines><Sku>AB1</Sku><Count>{}</Count></Lines>",
        "Price": "<Name>x</Name><Prices><Entry><Key>a</Key><Value>{}</Value></Entry></Prices>",
    }
    values = {"digits": "1", "letters": "a", "blanks": " ", "dashes": "AB1-a", "times": "2026-01-01T"}
    for name, form in forms.items():
        for what, unit in values.items():
            value = unit * (100_000 // len(unit)) + "!"
            data = envelope(f'<Order xmlns="">{form.format(value)}</Order>', to="order")
            yield Row(
                f"B22 {what} for {name}", data, "accept", "accept" if name in ("Name", "Pin") else "schema"
            )


def _contents() -> Iterator[Row]:
    def row(what: str, data: bytes, gate: str = "schema") -> Row:
        return Row(what, data, "accept", gate)

    good, text = '<Ping xmlns=""><Text>x</Text></Ping>', "<meta><from>user</from></meta>"
    yield row("B41 a second meta", envelope(text + good))
    yield row("B41 meta as the payload", envelope(text))
    yield row(
        "B41 meta by a prefix", envelope(f'<e:meta xmlns:e="{ENVELOPE_NS}"><e:from>a</e:from></e:meta>')
    )
    yield row("B41 a message as the payload", envelope(ping().decode()))
    yield row("B41 two payloads", envelope(good + good))
    yield row("B41 no payload", envelope(""))
    for sender in (
        "",
        " ",
        " user",
        "user ",
        "user\n",
        "\u0443ser",
        "us er",
        "1user",
        "u" * 65,
        "u" * 1_000_000,
    ):
        yield row(f"B42 {ascii(sender)[:12]} of {len(sender)}", ping(sender=sender))
        yield row(f"B42 to {ascii(sender)[:12]} of {len(sender)}", ping(to=sender))
    yield row("B43 a listener's name", ping(sender="echo"), "accept")  # the pump knows who sent it
    yield row("B43 the organism's name", ping(sender="system"), "accept")
    yield row("B44 of another client", ping(thread="11111111-2222-3333-4444-555555555555"), "accept")
    yield row("B44 no UUID", ping(thread="mine"), "accept")
    yield row("B44 a MB", ping(thread="x" * 1_000_000))
    for hostile in ("&lt;/to&gt;&lt;from&gt;x", "&lt;&amp;\"'", "a\tb\nc"):
        yield row(f"B46 {hostile!r}", ping(hostile), "accept")
    yield row("B47 xsi:type", ping().replace(b"<Text>", b'<Text %s x:type="Other">' % _XSI.encode()))
    yield row("B47 xsi:nil", ping().replace(b"<Text>", b'<Text %s x:nil="true">' % _XSI.encode()))
    yield row("B47 on meta", ping().replace(b"<meta>", b'<meta role="admin">'))
    yield row("B47 on from", ping().replace(b"<from>", b'<from id="1">'))
    yield row("B47 on message", ping().replace(b"<message ", b'<message version="2" '))
    for number in ("9" * 5_000, "9" * 100_000, "NaN", "INF", "1e999", "\u0661", "1_0", "0x1"):
        item = f'<Counts xmlns=""><Item>{number}</Item></Counts>'
        yield row(f"B48 {ascii(number)[:12]} of {len(number)}", envelope(item, to="counts"))


ROWS = tuple(rows())
