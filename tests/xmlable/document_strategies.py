"""Strategies for documents, made from an outline alone: those that fit it, and those that nearly do.

What fits by the outline is not always valid: keys of a dict may come twice, and a class may refuse what its fields
take. Tests ask the XSD for its verdict.
"""

from __future__ import annotations

import re
from copy import deepcopy
from datetime import date
from decimal import Decimal

from hypothesis import strategies as st
from lxml import etree

from agentserver.xmlable.outline import Content, Field, Record, Text, Variants

_DEPTH = 4
_BLANKS = st.sampled_from(["", "", "", " ", "\n\t"])
_SAMPLES = {
    "string": st.text("ab \n<&é\U0001f600", max_size=5),
    "boolean": st.sampled_from(["true", "false", "1", "0"]),
    "base64Binary": st.sampled_from(["", "AA==", "AAA=", "AAAA", "A A A A", "AAAAAAA=", "AAAAAAAAAAAA"]),
    "date": st.dates().map(str),
    "dateTime": st.datetimes().map(lambda value: value.isoformat())
    | st.sampled_from(
        [
            "2024-01-01T00:00:00Z",
            "2024-01-01T00:00:00+00:00",
            "2024-01-01T01:00:00+01:00",
            "2024-01-01T00:00:00",
        ]
    ),
    "time": st.sampled_from(["00:00:00", "00:00:00Z", "00:00:00.0Z", "00:00:00+00:00", "12:30:00.5+01:00"]),
    "duration": st.sampled_from(["PT0S", "P1D", "PT24H", "-PT1.5S", "P99999999D", "PT1M", "PT60S"]),
    "token": st.sampled_from(
        ["12345678-1234-1234-1234-123456789abc", "12345678-1234-1234-1234-123456789ABC"]
    ),
    "double": st.floats().map(
        lambda value: {"inf": "INF", "-inf": "-INF", "nan": "NaN"}.get(repr(value), repr(value))
    )
    | st.sampled_from(["-0", "1e999", "1E5", ".5", "5.", "INF", "-INF", "NaN"]),
}
_ODD = st.sampled_from(
    [
        "",
        " ",
        "0",
        "-0",
        "1",
        "01",
        "+1",
        "1.0",
        "1.50",
        "-1",
        "9" * 20,
        "1e5",
        "NaN",
        "INF",
        "true",
        "a",
        "A",
        "ab",
    ]
) | st.sampled_from(
    ["a,b", "é", "2024-02-30", "2024-02-29", "24:00:00", "P1D", "AAA", "red", " red ", "x" * 30]
)


def texts(text: Text) -> st.SearchStrategy[str]:
    """Give texts that may fit; most do."""
    if text.values:
        return st.sampled_from(text.values)
    if text.patterns and text.base == "string":
        return st.from_regex(
            text.patterns[-1].replace("$", r"\$"), fullmatch=True, alphabet="abAB01., -@$[]\\^{}é"
        )
    if text.base == "integer":
        return _integers(text)
    if text.base == "decimal":
        return _decimals(text)
    bounded = [bound for bound in (text.at_least, text.above, text.at_most, text.below) if bound]
    if bounded and text.base == "date":
        return _near_dates(bounded)
    if bounded and text.base == "double":
        return st.sampled_from(bounded) | st.builds(
            lambda bound, by: repr(float(bound) + by), st.sampled_from(bounded), st.floats(-2, 2)
        )
    if text.base == "string" and (text.min_length or text.max_length):
        return st.text("ab é\U0001f600", min_size=text.min_length or 0, max_size=text.max_length)
    return _SAMPLES[text.base]


def _integers(text: Text) -> st.SearchStrategy[str]:
    low = int(text.at_least or text.above) if text.at_least or text.above else None
    high = int(text.at_most or text.below) if text.at_most or text.below else None
    numbers = st.integers(low, high) | st.sampled_from([0, 10, 16, 1000, 10_000])
    return numbers.flatmap(
        lambda number: st.sampled_from([str(number), f"{number:+}", f"{number:05}", f" {number}\n"])
    )


def _decimals(text: Text) -> st.SearchStrategy[str]:
    low = Decimal(text.at_least or text.above) if text.at_least or text.above else None
    high = Decimal(text.at_most or text.below) if text.at_most or text.below else None
    places = text.fraction_digits if text.fraction_digits is not None else 3
    numbers = st.decimals(low, high, places=places, allow_nan=False, allow_infinity=False)
    return numbers.flatmap(
        lambda number: st.sampled_from([f"{number:f}", f"{number:+f}", f"{number:f}".rstrip("0") or "0"])
    )


def _near_dates(bounds: list[str]) -> st.SearchStrategy[str]:
    def near(bound: str, days: int) -> str:
        ordinal = date.fromisoformat(bound).toordinal() + days
        return str(date.fromordinal(min(max(ordinal, 1), date.max.toordinal())))

    return st.builds(near, st.sampled_from(bounds), st.integers(-2, 2))


@st.composite
def documents(draw: st.DrawFn, root: Field) -> etree._Element:
    """Give a document that fits the outline."""
    element = etree.Element(root.tag)
    _fill(draw, element, root.content, 0)
    return element


def _fill(draw: st.DrawFn, element: etree._Element, content: Content, depth: int) -> None:
    if isinstance(content, Text):
        element.text = draw(texts(content))
        if content.base != "string":
            element.text = draw(_BLANKS) + (element.text or "") + draw(_BLANKS)
    elif isinstance(content, Record):
        for field in content.fields:
            if field.attribute:
                if field.least or draw(st.booleans()):
                    assert isinstance(field.content, Text)
                    element.set(field.tag, draw(texts(field.content)))
            else:
                for _ in range(draw(_count(field, depth))):
                    _fill(draw, etree.SubElement(element, field.tag), field.content, depth + 1)
    elif isinstance(content, Variants):
        texts_alone = [member for member in content.members if isinstance(member.content, Text)]
        member = draw(st.sampled_from((depth > _DEPTH and texts_alone) or content.members))
        _fill(draw, etree.SubElement(element, member.tag), member.content, depth + 1)
    else:
        etree.SubElement(element, draw(st.sampled_from(["any", "{urn:other}any"])), a="1").text = "x"


def _count(field: Field, depth: int) -> st.SearchStrategy[int]:
    most = min(field.most or field.least + 2, field.least + 2)
    return st.just(field.least) if depth > _DEPTH else st.integers(field.least, most)


@st.composite
def nearly_valid_documents(draw: st.DrawFn, root: Field) -> etree._Element:
    """Give a document that fits the outline but for one change or two, which may be harmless."""
    element = draw(documents(root))
    for _ in range(draw(st.integers(0, 2))):
        draw(st.sampled_from(_CHANGES))(draw, element)
    return element


def _any_element(draw: st.DrawFn, root: etree._Element) -> etree._Element:
    return draw(st.sampled_from(list(root.iter("*"))))


def _any_child(draw: st.DrawFn, root: etree._Element) -> tuple[etree._Element, etree._Element] | None:
    children = [child for child in root.iter("*") if child is not root]
    if not children:
        return None
    child = draw(st.sampled_from(children))
    parent = child.getparent()
    assert parent is not None
    return parent, child


def _a_leaf(draw: st.DrawFn, root: etree._Element) -> etree._Element:
    """Give an element that holds no elements; the root, if it holds remarks alone."""
    return draw(st.sampled_from([element for element in root.iter("*") if not len(element)] or [root]))


def _change_text(draw: st.DrawFn, root: etree._Element) -> None:
    _a_leaf(draw, root).text = draw(_ODD)


def _edit_text(draw: st.DrawFn, root: etree._Element) -> None:
    leaf = _a_leaf(draw, root)
    text, place = leaf.text or "", draw(st.integers(0, len(leaf.text or "")))
    leaf.text = (
        text[:place] + draw(st.text("0159.-+eZT :aA", max_size=2)) + text[place + draw(st.integers(0, 1)) :]
    )


def _remove(draw: st.DrawFn, root: etree._Element) -> None:
    found = _any_child(draw, root)
    if found is not None:
        found[0].remove(found[1])


def _double(draw: st.DrawFn, root: etree._Element) -> None:
    found = _any_child(draw, root)
    if found is not None:
        found[1].addnext(deepcopy(found[1]))


def _move(draw: st.DrawFn, root: etree._Element) -> None:
    found = _any_child(draw, root)
    if found is not None:
        parent, child = found
        parent.insert(draw(st.integers(0, len(parent) - 1)), child)


def _rename(draw: st.DrawFn, root: etree._Element) -> None:
    found = _any_child(draw, root)
    if found is not None:
        local = etree.QName(found[1]).localname
        names = [f"{{urn:a}}{local}", f"{{urn:b}}{local}", local, local.lower(), "Item", "Int", "Str"]
        found[1].tag = draw(st.sampled_from(names))


def _add_attribute(draw: st.DrawFn, root: etree._Element) -> None:
    names = ["a", "ab", "id", "xml:lang", "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"]
    name = draw(st.sampled_from(names)).replace("xml:", "{http://www.w3.org/XML/1998/namespace}")
    _any_element(draw, root).set(name, draw(st.sampled_from(["", "1", "a b"])))


def _change_attribute(draw: st.DrawFn, root: etree._Element) -> None:
    with_attributes = [element for element in root.iter("*") if element.attrib]
    if with_attributes:
        element = draw(st.sampled_from(with_attributes))
        name = draw(st.sampled_from(sorted(map(str, element.attrib))))
        if draw(st.booleans()):
            element.set(name, draw(_ODD))
        else:
            del element.attrib[name]


def _add_text(draw: st.DrawFn, root: etree._Element) -> None:
    element = _any_element(draw, root)
    text = draw(st.sampled_from([" ", "\n", "x", "\u00a0", "0"]))
    if len(element) and draw(st.booleans()):
        element[-1].tail = (element[-1].tail or "") + text
    else:
        element.text = (element.text or "") + text


def _add_remark(draw: st.DrawFn, root: etree._Element) -> None:
    element = _any_element(draw, root)
    remark = draw(st.sampled_from([etree.Comment("c"), etree.ProcessingInstruction("p")]))
    remark = deepcopy(remark)
    text, place = element.text or "", draw(st.integers(0, len(element.text or "")))
    if re.fullmatch(r"\s*", text[place:]) or not len(element):
        element.text, remark.tail = text[:place], text[place:]
        element.insert(0, remark)


def _add_element(draw: st.DrawFn, root: etree._Element) -> None:
    element = _any_element(draw, root)
    element.insert(
        draw(st.integers(0, len(element))),
        etree.Element(draw(st.sampled_from(["Bogus", "Item", "{urn:b}N"]))),
    )


_CHANGES = (
    _change_text, _edit_text, _remove, _double, _move, _rename, _add_attribute, _change_attribute, _add_text,
    _add_remark, _add_element,
)  # fmt: skip
