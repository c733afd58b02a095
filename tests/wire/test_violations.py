"""Violations in words: the place, what was found there, what was expected, and the line."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from agentserver.wire import (
    ParseLimits,
    Schema,
    StrictParser,
    Violation,
    first_violation,
    violations_of,
)
from tests.wire.samples import is_linear

XSD = """
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:x" targetNamespace="urn:x"
           elementFormDefault="qualified">
  <xs:element name="r"><xs:complexType>
    <xs:sequence>
      <xs:element name="a" type="xs:int"/>
      <xs:element name="b" minOccurs="0" maxOccurs="3"><xs:simpleType><xs:restriction base="xs:string">
        <xs:enumeration value="x"/><xs:enumeration value="y"/></xs:restriction></xs:simpleType></xs:element>
      <xs:element name="c" minOccurs="0"><xs:complexType><xs:simpleContent><xs:extension base="xs:decimal">
        <xs:attribute name="k" type="xs:int" use="required"/><xs:attribute name="f" fixed="1"/>
        <xs:attribute name="w"><xs:simpleType><xs:restriction base="xs:string"><xs:length value="2"/></xs:restriction>
        </xs:simpleType></xs:attribute>
        </xs:extension></xs:simpleContent></xs:complexType></xs:element>
      <xs:element name="d" minOccurs="0"><xs:simpleType><xs:restriction base="xs:string">
        <xs:minLength value="2"/><xs:maxLength value="3"/><xs:pattern value="[a-z']*"/></xs:restriction>
        </xs:simpleType></xs:element>
      <xs:element name="e" minOccurs="0"><xs:simpleType><xs:restriction base="xs:decimal">
        <xs:maxInclusive value="99"/><xs:minExclusive value="1"/><xs:fractionDigits value="2"/></xs:restriction>
        </xs:simpleType></xs:element>
      <xs:element name="f" minOccurs="0"><xs:simpleType><xs:list itemType="xs:int"/></xs:simpleType></xs:element>
      <xs:element name="g" minOccurs="0"><xs:simpleType><xs:union memberTypes="xs:int xs:boolean"/></xs:simpleType>
        </xs:element>
      <xs:element name="h" minOccurs="0"><xs:complexType/></xs:element>
      <xs:element name="i" minOccurs="0" fixed="foo" type="xs:string"/>
      <xs:element name="l" minOccurs="0"><xs:complexType><xs:choice><xs:element name="l1"/><xs:element name="l2"/>
        <xs:any namespace="##other"/></xs:choice></xs:complexType></xs:element>
      <xs:element name="m" minOccurs="0" type="M"/>
      <xs:element name="o" minOccurs="0" type="A"/>
      <xs:element name="s" minOccurs="0" type="Sized"/>
      <xs:element name="t" minOccurs="0" type="xs:string" nillable="true"/>
    </xs:sequence>
    <xs:attribute name="at" type="xs:int"/></xs:complexType>
    <xs:unique name="U"><xs:selector xmlns:x="urn:x" xpath="x:m/x:n"/><xs:field xmlns:x="urn:x" xpath="x:key"/>
      </xs:unique>
    <xs:key name="K"><xs:selector xmlns:x="urn:x" xpath="x:m/x:n"/><xs:field xmlns:x="urn:x" xpath="x:id"/></xs:key>
    <xs:keyref name="R" refer="K"><xs:selector xmlns:x="urn:x" xpath="x:m/x:n"/><xs:field xmlns:x="urn:x" xpath="x:to"/>
      </xs:keyref>
  </xs:element>
  <xs:complexType name="A" abstract="true"/>
  <xs:simpleType name="Sized"><xs:restriction base="xs:short"><xs:maxInclusive value="9"/></xs:restriction>
    </xs:simpleType>
  <xs:complexType name="M"><xs:sequence><xs:element name="n" maxOccurs="unbounded"><xs:complexType><xs:sequence>
    <xs:element name="key" type="xs:string"/><xs:element name="id" type="xs:string" minOccurs="0"/>
    <xs:element name="to" type="xs:string" minOccurs="0"/>
    <xs:element name="m" type="M" minOccurs="0"/>
  </xs:sequence></xs:complexType></xs:element></xs:sequence></xs:complexType>
</xs:schema>
"""
SCHEMA = etree.XMLSchema(etree.fromstring(XSD))
N1, N2 = "<n><key>1</key><id>1</id></n>", "<n><key>1</key><id>2</id></n>"


def violation(data: bytes, schema: Schema = SCHEMA) -> Violation:
    found = first_violation(
        schema, StrictParser(ParseLimits(elements=200_000, message_bytes=1 << 24)).parse(data)
    )
    assert found is not None
    return found


def of(content: str) -> Violation:
    """Return what `content` breaks in a document whose second line it is."""
    return violation(f'<r xmlns="urn:x">\n{content}\n</r>'.encode())


def paths(content: str, most: int = 5) -> list[str]:
    """Return the places of the faults of `content`, whether the document is small or large."""
    small = f'<r xmlns="urn:x">\n{content}\n</r>'.encode()
    large = small.replace(b"</r>", b" " * 10_000 + b"</r>")
    limits = ParseLimits(elements=200_000, message_bytes=1 << 24)
    trees = [(data, StrictParser(limits).parse(data)) for data in (small, large)]
    found = [[each.path for each in violations_of(SCHEMA, tree, data, most=most)] for data, tree in trees]
    assert found[0] == found[1]
    return found[0]


@pytest.mark.parametrize(
    ("content", "places"),
    [
        ("<a>1</a>", []),
        ("<a>x</a>", ["r/a"]),
        ("<a>x</a><b>z</b><b>x</b><b>z</b><d>toolong</d>", ["r/a", "r/b[1]", "r/b[3]", "r/d"]),
        ('<a>x</a><c f="2" w="www">z</c>', ["r/a", "r/c/@w", "r/c/@f", "r/c/@k", "r/c"]),
        ("<a>x</a><f>1 x 2 y</f><g>z</g>", ["r/a", "r/f", "r/g"]),
        ("<a>x</a><u/><b>z</b>", ["r/a", "r/u"]),
        ("<a>x</a><m><n/><n><key>1</key><id>1</id><u/></n></m><s>z</s>",
         ["r/a", "r/m/n[1]", "r/m/n[1]", "r/m/n[2]/u", "r/s"]),
        (f"<a>1</a><m>{N1}{N1}{N1}</m>", ["r/m/n[2]", "r/m/n[2]", "r/m/n[3]", "r/m/n[3]"]),
        ("<a>x</a><h>t</h><l/>", ["r/a", "r/h", "r/l"]),
    ],
)  # fmt: skip
def test_several_faults(content: str, places: list[str]) -> None:
    assert places == paths(content)
    assert places[:2] == paths(content, most=2)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "r: found its end, expected <a>"),
        ("<b>x</b>", "r/b: found <b>, expected <a>"),
        ("<u/>", "r/u: found <u>, expected <a>"),
        ("<a>1</a><l><l1/><l2/></l>", "r/l/l2: found <l2>, expected no further element"),
        (
            "<a>1</a><l/>",
            "r/l: found its end, expected one of <l1>, <l2>, any element that is not in namespace 'urn:x'",
        ),
        ("<a>1</a><m><n/></m>", "r/m/n: found its end, expected <key>"),
        (
            "<a>1</a><a>2</a>",
            "r/a[2]: found <a>, expected at most 1 <a> here, then one of "
            "<b>, <c>, <d>, <e>, <f>, <g>, <h>, <i>, <l>, <m>, …",
        ),
        (
            "<a>1</a><b>x</b><b>y</b><b>x</b><b>y</b><t/>",
            "r/b[4]: found <b>, expected at most 3 <b> here, then one of "
            "<c>, <d>, <e>, <f>, <g>, <h>, <i>, <l>, <m>, <o>, …",
        ),
        ("<a>1</a><t>x</t><t>y</t>", "r/t[2]: found <t>, expected at most 1 <t> here"),
        ("<a>1</a><t>x</t><a>y</a>", "r/a[2]: found <a>, expected no further element"),
        ("<a>1</a><t>x</t><u/>", "r/u: found <u>, expected no further element"),
        ('<a xmlns="">1</a>', "r/a: found <a> in no namespace, expected <a> in namespace 'urn:x'"),
        ('<a xmlns="urn:y">1</a>', "r/a: found <a> in namespace 'urn:y', expected <a> in namespace 'urn:x'"),
        (
            '<a>1</a><l><q xmlns="urn:y"/></l>',
            "r/l/q: found <q> in namespace 'urn:y', expected an element that its schema declares",
        ),
        ("<a>1</a><o/>", "r/o: found <o>, which is abstract, expected one of the elements that stand for it"),
    ],
)
def test_elements(content: str, words: str) -> None:
    assert words == str(of(content))


INT = "a whole number from -2147483648 to 2147483647 (xs:int)"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("<a>x</a>", f"r/a: found 'x', expected {INT}"),
        ("<a/>", f"r/a: found '', expected {INT}"),
        ("<a>1<!-- -->x</a>", f"r/a: found '1x', expected {INT}"),
        ("<a>it's &lt; 5</a>", f'r/a: found "it\'s < 5", expected {INT}'),
        ("<a>1</a><b>x</b><b>z</b>", "r/b[2]: found 'z', expected one of 'x', 'y'"),
        ("<a>1</a><d>abcd</d>", "r/d: found 'abcd', of length 4, expected a length of at most 3"),
        ("<a>1</a><d>a</d>", "r/d: found 'a', of length 1, expected a length of at least 2"),
        ("<a>1</a><d>A'</d>", "r/d: found \"A'\", expected a value that matches [a-z']*"),
        ("<a>1</a><e>100</e>", "r/e: found '100', expected at most 99"),
        ("<a>1</a><e>1</e>", "r/e: found '1', expected more than 1"),
        ("<a>1</a><e>2.345</e>", "r/e: found '2.345', expected at most 2 digits behind the point"),
        ("<a>1</a><f>1 x 2</f>", "r/f: found '1 x 2', expected a list of xs:int"),
        (
            "<a>1</a><g>z</g>",
            "r/g: found 'z', expected a value of one of the types that its schema allows here",
        ),
        ("<a>1</a><s>z</s>", "r/s: found 'z', expected a value of type Sized"),
        ("<a>1</a><i>fo</i>", "r/i: found 'fo', expected the fixed value 'foo'"),
        ("<a><b/></a>", "r/a: found the element <b>, expected text alone"),
        ("<a>1</a><h>t</h>", "r/h: found the text 't', expected nothing in it"),
        ("<a>1</a><h><x/></h>", "r/h: found the element <x>, expected nothing in it"),
        ("<a>1</a><h><h/></h>", "r/h: found the element <h>, expected nothing in it"),
        ("<a>1</a>t", "r: found the text 't', expected elements alone"),
        (
            '<a>1</a><t xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true">s</t>',
            "r/t: found the text 's', expected nothing in it, as it says that it is nil",
        ),
    ],
)
def test_values_and_texts(content: str, words: str) -> None:
    assert words == str(of(content))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("<a>1</a><c>1</c>", "r/c/@k: found nothing, expected this attribute, which is required"),
        ('<a>1</a><c k="x">1</c>', f"r/c/@k: found 'x', expected {INT}"),
        ('<a>1</a><c k="1" f="2">1</c>', "r/c/@f: found '2', expected the fixed value '1'"),
        ('<a>1</a><c k="1" w="2">1</c>', "r/c/@w: found '2', of length 1, expected a length of 2"),
        ('<a>1</a><c k="1" u="2">1</c>', "r/c/@u: found the attribute u, expected no attribute of that name"),
        ('<a y="1">1</a>', "r/a/@y: found the attribute y, expected no attribute of that name"),
        (
            '<a y:y="1" xmlns:y="urn:y">1</a>',
            "r/a/@y: found the attribute y, expected no attribute of that name",
        ),
    ],
)
def test_attributes(content: str, words: str) -> None:
    assert words == str(of(content))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (f"{N1}{N2}", "r/m/n[2]: found '1' a second time, expected a value that is there once (U)"),
        (
            f"{N1}<n><key>2</key></n>",
            "r/m/n[2]: found no value, expected one that tells it from its neighbours (K)",
        ),
        (
            f"{N1}<n><key>2</key><id>2</id><to>7</to></n>",
            "r: found a reference to '7', expected a value that is there as a key (R)",
        ),
    ],
)
def test_keys(content: str, words: str) -> None:
    assert words == str(of(f"<a>1</a><m>{content}</m>"))


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("<z/>", "z: found <z> in no namespace, expected a root element that its schema declares"),
        (
            '<z xmlns="urn:x"/>',
            "z: found <z> in namespace 'urn:x', expected a root element that its schema declares",
        ),
        ('<r xmlns="urn:x" at="x"/>', f"r/@at: found 'x', expected {INT}"),
    ],
)
def test_roots(document: str, words: str) -> None:
    assert words == str(violation(document.encode()))


def test_the_words_do_not_depend_on_what_was_wrong_before() -> None:
    """libxml2 keeps a log for each thread, in which the faults of other documents stand first."""
    large = '<r xmlns="urn:x">' + "<a>1</a>" * 2_000 + "</r>"
    assert "r/b" == of("<b>x</b>").path
    root = StrictParser().parse(large.encode())
    found = first_violation(SCHEMA, root, large.encode())
    assert found is not None
    assert "r/a[2]" == found.path


def test_a_long_path_is_cut_in_the_middle() -> None:
    content = "<n><key>1</key><m>" * 6 + "<n><key><x/></key></n>" + "</m></n>" * 6
    assert "r/m/n/m/…/m/n/m/n/key".count("/") > of(f"<a>1</a><m>{content}</m>").path.count("/")
    assert of(f"<a>1</a><m>{content}</m>").path == "r/m/n/m/…/n/m/n/key"


def test_a_long_value_is_cut() -> None:
    found = of(f"<a>{'9' * 1_000_000}</a>")
    assert f"{'9' * 80!r}…" == found.found
    assert len(str(found)) < 200


@pytest.mark.parametrize("size", [10, 100_000])
def test_what_is_expected_never_quotes_the_document(size: int) -> None:
    """Even of a value that is written as libxml2 ends its messages, and so long that it cuts them."""
    for end in (
        "' is not an element of the set {'secret'}.",
        "is less than ('secret').",
        "pattern 'secret'.",
    ):
        value = "s" * size + end
        for content in (f"<a>{value}</a>", f"<a>1</a><b>{value}</b>", f"<a>1</a><d>{value}</d>"):
            found = of(content)
            assert "secret" not in found.expected
            assert found.of_value


def test_the_line_is_that_of_the_element() -> None:
    assert 5 == violation(b'<r\n xmlns="urn:x">\n<a>1</a>\n\n<b>z</b></r>').line


def test_what_stands_inside_a_larger_tree_is_named_from_its_own_root() -> None:
    root = StrictParser().parse(b'<m><n/>\n<r xmlns="urn:x"><b/></r></m>')
    found = first_violation(SCHEMA, root[1])
    assert found is not None
    assert ("r/b", 2) == (found.path, found.line)
    assert root[1][0] is found.element


def test_the_element_and_the_attribute_are_given() -> None:
    found = of('<a>1</a><c k="x">1</c>')
    assert ("{urn:x}c", "k") == (found.element.tag, found.attribute)


NAMES = st.sampled_from(["a", "b", "c", "h", "l", "m", "n", "key", "u"])
TREES = st.recursive(
    st.builds(lambda name, text: f"<{name}>{text}</{name}>", NAMES, st.sampled_from(["", "1", "x"])),
    lambda below: st.builds(
        lambda name, inner: f"<{name}>{''.join(inner)}</{name}>", NAMES, st.lists(below, max_size=4)
    ),
    max_leaves=12,
)


@given(st.lists(TREES, max_size=6))
@settings(max_examples=300)
def test_the_place_is_the_one_that_libxml2_tells(content: list[str]) -> None:
    """Where the tree is small enough for libxml2 to tell its place itself."""
    root = StrictParser().parse(('<r xmlns="urn:x">\n' + "\n".join(content) + "\n</r>").encode())
    found = first_violation(SCHEMA, root)
    if SCHEMA.validate(root):
        assert found is None
        return
    assert found is not None
    log: Any = SCHEMA.error_log  # the stubs know no index
    first = log[0]
    assert root.getroottree().getpath(found.element) == first.path
    assert found.line == first.line


def test_many_faults_take_linear_time() -> None:
    def validation(count: int) -> Callable[[], object]:
        data = b'<r xmlns="urn:x"><a>1</a><m>' + b"<n><key>1</key><u/></n>" * count + b"</m></r>"
        return partial(
            first_violation, SCHEMA, StrictParser(ParseLimits(elements=1_000_000)).parse(data), data
        )

    assert is_linear(validation, 2_000)


def test_a_late_fault_takes_linear_time() -> None:
    def validation(count: int) -> Callable[[], object]:
        data = b'<r xmlns="urn:x"><a>1</a><m>' + b"<n><key>1</key></n>" * count + b"<n/></m></r>"
        data = data.replace(b"<key>1<", b"<key><", 1)
        return partial(
            first_violation, SCHEMA, StrictParser(ParseLimits(elements=1_000_000)).parse(data), data
        )

    assert is_linear(validation, 2_000)
