"""Strategies for outlines of every kind, and for documents that fit an outline."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st
from lxml import etree

from agentserver.xmlable.outline import Anything, Content, Field, Record, Text, Variants

NAMESPACES = ("", "{urn:a}", "{urn:b}")
WORDS = st.text("abcde ä<&", max_size=6)
LETTERS = st.text("abc", min_size=1, max_size=5)
INT = Text("int", "integer", name="int", lexical="[0-9]{1,9}")
FLAG = Text("Flag", "token", name="Flag", values=("on", "off"))

TEXTS: list[tuple[Text, st.SearchStrategy[str]]] = [
    (Text("str", "string"), WORDS),
    (Text("bool", "boolean"), st.sampled_from(["true", "0"])),
    (INT, st.integers(0, 10**9 - 1).map(str)),
    (Text("int", "integer", name="int", lexical="[0-9]{1,9}", at_least="3"), st.integers(3, 99).map(str)),
    (Text("integer", "integer", above="-5", at_most="5"), st.integers(-4, 5).map(str)),
    (Text("decimal", "decimal", below="10", fraction_digits=1), st.sampled_from(["1", "1.5", "-3.0"])),
    (Text("decimal", "decimal", total_digits=3), st.integers(0, 999).map(str)),
    (Text("positiveInteger", "positiveInteger"), st.integers(1, 10**20).map(str)),
    (Text("str", "string", min_length=1, max_length=5), LETTERS),
    (Text("str", "string", patterns=("[a-c]*", ".+")), LETTERS),
    (Text("Name", "string", name="Name", patterns=("[a-c]+",), max_length=9), LETTERS),
    (FLAG, st.sampled_from(FLAG.values)),
    (Text("Literal", "string", values=("a", "", " b")), st.sampled_from(["a", "", " b"])),
    (Text("date", "date", at_least="2020-01-01"), st.just("2024-02-29")),
    (Text("bytes", "base64Binary", max_length=3), st.just("AAAA")),
    (Text("int or Flag", "anySimpleType", any_of=(INT, FLAG)), st.sampled_from(["7", "on"])),
    (Text("Either", "anySimpleType", name="Either", any_of=(FLAG, INT)), st.sampled_from(["7", "on"])),
    (Text("ints", "anySimpleType", item=INT, max_length=2), st.sampled_from(["", "1", "1 2"])),
]
DOCS = st.sampled_from(["", "", "What it is.", "Two\nlines & <more>"])
OCCURRENCES = st.sampled_from([(1, 1), (0, 1), (0, None), (1, None), (2, 3)])


class _Names:
    """Numbers the names, so that no two global elements are called the same."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def next(self, prefix: str) -> str:
        return f"{prefix}{next(self._numbers)}"


@st.composite
def outlines(draw: st.DrawFn) -> Field:
    """Give the root of an outline; every record in it can be written in finite length."""
    names = _Names()
    namespace = draw(st.sampled_from(NAMESPACES))
    content = draw(records(names, namespace, 3))
    return Field(f"{namespace}Root", content, doc=draw(DOCS), secret=draw(st.booleans()))


@st.composite
def records(draw: st.DrawFn, names: _Names, namespace: str, depth: int) -> Record:
    name = draw(st.sampled_from(["", "Item", "Order", "int", "Order"]))
    record = Record("class", name, name, doc=draw(DOCS))
    attributes = draw(st.lists(attribute_fields(names, namespace), max_size=2))
    if draw(st.integers(0, 5)) == 0:
        record.text = draw(st.sampled_from(TEXTS))[0]
    else:
        record.fields += draw(st.lists(element_fields(names, namespace, depth), max_size=3))
        if draw(st.integers(0, 4)) == 0:
            record.fields.append(
                Field(namespace + names.next("Again"), record, least=0, most=None, many="list")
            )
    record.fields += attributes
    return record


@st.composite
def element_fields(draw: st.DrawFn, names: _Names, namespace: str, depth: int) -> Field:
    least, most = draw(OCCURRENCES)
    own = draw(st.sampled_from([namespace, namespace, namespace, *NAMESPACES]))
    return Field(
        own + names.next("F"),
        draw(contents(names, own if draw(st.booleans()) else namespace, depth - 1)),
        least=least,
        most=most,
        many="" if most == 1 else "list",
        doc=draw(DOCS),
        secret=draw(st.booleans()),
        nillable=draw(st.integers(0, 9)) == 0,
    )


@st.composite
def attribute_fields(draw: st.DrawFn, names: _Names, namespace: str) -> Field:
    text, values = draw(st.sampled_from(TEXTS))
    required = draw(st.booleans())
    return Field(
        draw(st.sampled_from(["", namespace, *NAMESPACES])) + names.next("a"),
        text,
        attribute=True,
        least=int(required),
        default=None if required else draw(st.none() | values),
        doc=draw(DOCS),
        secret=draw(st.booleans()),
    )


def contents(names: _Names, namespace: str, depth: int) -> st.SearchStrategy[Content]:
    text = st.sampled_from(TEXTS).map(lambda pair: pair[0])
    if depth <= 0:
        return text
    return st.one_of(
        text,
        text,
        st.just(Anything()),
        records(names, namespace, depth),
        unions(names, namespace, depth),
        collections(names, namespace, depth),
        dicts(names, namespace, depth),
    )


@st.composite
def unions(draw: st.DrawFn, names: _Names, namespace: str, depth: int) -> Variants:
    members = draw(st.lists(contents(names, namespace, depth - 1), min_size=2, max_size=3))
    return Variants([Field(namespace + names.next("V"), content) for content in members], doc=draw(DOCS))


@st.composite
def collections(draw: st.DrawFn, names: _Names, namespace: str, depth: int) -> Record:
    if draw(st.booleans()):
        item = Field(f"{namespace}Item", draw(contents(names, namespace, depth - 1)), least=0, most=None)
        return Record("items", fields=[item])
    parts = draw(st.lists(contents(names, namespace, depth - 1), min_size=1, max_size=3))
    fields = [Field(f"{namespace}Item{number}", part) for number, part in enumerate(parts, 1)]
    return Record("tuple", fields=fields)


@st.composite
def dicts(draw: st.DrawFn, names: _Names, namespace: str, depth: int) -> Record:
    value = draw(contents(names, namespace, depth - 1))
    key = Field(f"{namespace}Key", draw(st.sampled_from([INT, FLAG, Text("str", "string")])))
    entry = Record("entry", fields=[key, Field(f"{namespace}Value", value, least=draw(st.integers(0, 1)))])
    entries = Field(f"{namespace}Entry", entry, least=0, most=None, many="dict")
    return Record("entries", fields=[entries])


def values_of(text: Text) -> st.SearchStrategy[str]:
    """Give texts of a type of `TEXTS`."""
    return next(values for known, values in TEXTS if known == text)


def fill(draw: st.DrawFn, element: etree._Element, content: Content, depth: int = 0) -> etree._Element:
    """Write what fits `content` into an empty element."""
    if isinstance(content, Text):
        element.text = draw(values_of(content))
    elif isinstance(content, Anything):
        etree.SubElement(element, "{urn:any}Thing", x="1").text = "y"
    elif isinstance(content, Variants):
        member = draw(st.sampled_from(content.members))
        fill(draw, etree.SubElement(element, member.tag), member.content, depth + 1)
    else:
        _fill_record(draw, element, content, depth)
    return element


def _fill_record(draw: st.DrawFn, element: etree._Element, record: Record, depth: int) -> None:
    if record.text is not None:
        element.text = draw(values_of(record.text))
    for field in record.fields:
        most = 2 if field.most is None else field.most
        count = field.least if depth > 4 else draw(st.integers(field.least, max(field.least, most)))
        if field.attribute and count and isinstance(field.content, Text):
            element.set(field.tag, draw(values_of(field.content)))
        elif not field.attribute:
            for _ in range(1 if record.kind == "entries" and count else count):
                fill(draw, etree.SubElement(element, field.tag), field.content, depth + 1)


@st.composite
def documents(draw: st.DrawFn, root: Field) -> etree._Element:
    """Give a document that fits an outline whose texts are those of `TEXTS`."""
    return fill(draw, etree.Element(root.tag), root.content)


def said(root: Field) -> list[Any]:
    """Give all that a document can show of an outline, as values to compare; kinds, names and nouns are left out."""
    numbers: dict[Content, int] = {}
    waiting: list[Content] = []

    def content_said(content: Content) -> Any:
        if isinstance(content, Text):
            return text_said(content)
        if isinstance(content, Anything):
            return content
        if content not in numbers:
            numbers[content] = len(numbers)
            waiting.append(content)
        return numbers[content]

    def field_said(field: Field) -> Any:
        doc = field.doc or getattr(
            field.content, "doc", ""
        )  # of an element and its type alike, once is enough
        remarks = (doc, field.secret, field.nillable, field.default if field.attribute else None)
        return field.tag, field.attribute, field.least, field.most, remarks, content_said(field.content)

    found = [field_said(root)]
    for content in waiting:
        found.append((type(content).__name__, *_parts(content, field_said)))
    return found


def _parts(content: Content, field_said: Any) -> Iterator[Any]:
    if isinstance(content, Variants):
        yield content.doc
        yield from map(field_said, content.members)
    elif isinstance(content, Record):
        yield content.doc, content.kind == "entries", content.text and text_said(content.text)
        yield from map(field_said, sorted(content.fields, key=lambda field: field.attribute))


def text_said(text: Text) -> Any:
    """Give what a document can show of a text."""
    patterns = sorted(pattern for pattern in (text.lexical, *text.patterns) if pattern)
    bounds = (text.at_least, text.above, text.at_most, text.below)
    counts = (text.fraction_digits, text.total_digits, text.min_length, text.max_length)
    parts = [text_said(part) for part in text.any_of]
    return text.base, patterns, text.values, bounds, counts, parts, text.item and text_said(text.item)
