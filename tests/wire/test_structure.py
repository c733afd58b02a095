"""Limits on structure: the quick look at the bytes never lets through what a look at the tree would refuse."""

from __future__ import annotations

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from lxml import etree

from agentserver.errors import WireError
from agentserver.wire import Element, ParseLimits, StrictParser, canonical
from agentserver.wire.structure import MAX_REPEATED, StructureCheck

SMALL = ParseLimits(depth=3, elements=6, attributes=2, name_chars=12, namespaces=3)

names = st.sampled_from(["a", "bb", "local", "abcdefghijkl", "abcdefghijklm", "é" * 7, "xmlns-not"])
uris = st.sampled_from(["", "u:1", "u:12345", "u:'12'34", "u:x=y/z", "urn:a=b'c", "urn:123456789"])
values = st.sampled_from(["", "=", "xmlns=''", "x" * 20, "a=b c=d"])


@st.composite
def trees(draw: st.DrawFn, depth: int = 0) -> Element:
    uri = draw(uris)
    element = etree.Element(f"{{{uri}}}{draw(names)}" if uri else draw(names))
    for _ in range(draw(st.integers(0, 3))):
        uri = draw(uris)
        element.set(f"{{{uri}}}{draw(names)}" if uri else draw(names), draw(values))
    element.text = draw(values)
    if depth < 4:
        element.extend(draw(st.lists(trees(depth + 1), max_size=2)))
    return element


def depth_of(element: Element) -> int:
    return 1 + max((depth_of(child) for child in element), default=0)


def faults(root: Element, limits: ParseLimits) -> set[str]:
    """Look at every element, as plainly as can be."""
    found = set()
    elements = list(root.iter())
    every_name = [name for element in elements for name in (element.tag, *element.attrib)]
    if depth_of(root) > limits.depth:
        found.add("too-deep")
    if len(elements) > limits.elements:
        found.add("too-many-elements")
    if any(len(element.attrib) > limits.attributes for element in elements):
        found.add("too-many-attributes")
    if any(len(name) > limits.name_chars for name in every_name):
        found.add("name-too-long")
    if sum(1 for _ in etree.iterwalk(root, events=("start-ns",))) > limits.namespaces:
        found.add("too-many-namespaces")
    return found


def verdict(root: Element, data: bytes, limits: ParseLimits = SMALL) -> set[str]:
    try:
        StructureCheck(limits).check(root, data)
    except WireError as exc:
        return {exc.code}
    return set()


@settings(max_examples=400, deadline=None)
@given(trees())
def test_the_verdict_is_that_of_a_look_at_every_element(tree: Element) -> None:
    data = etree.tostring(tree, encoding="utf-8")
    try:
        root = etree.fromstring(data)
    except etree.XMLSyntaxError:  # lxml writes some trees in a way that nobody reads
        reject()
    found, expected = verdict(root, data), faults(root, SMALL)
    assert (bool(found), found <= expected) == (bool(expected), True)


@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize("blanks", ["", " ", "\n"])
def test_a_long_uri_is_found_however_it_is_declared(quote: str, blanks: str) -> None:
    uri = "u:'/=x" * 5 if quote == '"' else "u:/=x" * 5
    data = f"<p:a xmlns:p{blanks}={blanks}{quote}{uri}{quote}/>".encode()
    with pytest.raises(WireError, match="element name") as caught:
        StructureCheck(SMALL).check(etree.fromstring(data), data)
    assert caught.value.code == "name-too-long"


def repeated(root: Element) -> int:
    """Count the characters of declarations that C14N may write, as plainly as can be."""
    count = 0
    for element in root.iter("*"):
        uris = {etree.QName(name).namespace for name in (element.tag, *element.keys())} - {None}
        count += sum(len(str(uri)) + len(' xmlns:p=""') for uri in uris)
    return count


@given(trees(), st.integers(1, 40))
@settings(max_examples=300, deadline=None)
def test_declarations_that_would_be_repeated(root: Element, message_bytes: int) -> None:
    codes = verdict(root, etree.tostring(root), ParseLimits(message_bytes=message_bytes))
    most = message_bytes * MAX_REPEATED
    assert codes in (set(), {"too-many-namespaces"})
    assert codes or repeated(root) <= most
    assert not codes or repeated(root) * 1.1 > most


def test_ten_thousand_elements_of_ubl_are_not_too_many_declarations() -> None:
    uri = "urn:oasis:names:specification:ubl:schema:xsd:Common{}Components-2"
    declarations = "".join(
        f' xmlns:{name}="{uri.format(name)}"' for name in ("Basic", "Aggregate", "Extension")
    )
    data = f"<r{declarations}>{'<Basic:a/>' * 9_990}</r>".encode()
    root = StrictParser().parse(data)
    assert len(canonical(root)) > 5 * len(data)
