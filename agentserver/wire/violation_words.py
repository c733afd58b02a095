"""What libxml2 says of a fault, in the words of this project: what was found, and what was expected.

Takes a `Fault` and its element; gives two texts. A value of the document stands in `found` alone, so that whoever
masks it has to look there only; what is expected comes from the schema. Namespaces are left out, but where an element
of the right name stands in the wrong one. Knows no places.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import MappingProxyType
from typing import Final, TypeAlias

from agentserver.wire.faults import Fault
from agentserver.wire.structure import Element

Words: TypeAlias = tuple[str, str]
"""What was found, and what was expected."""

_QUOTED_CHARS: Final = 80
_SHOWN_VALUES: Final = 8
_SHOWN_ELEMENTS: Final = 10
"""libxml2 names no more of them, and does not say that there are more."""
_TRUSTED_CHARS: Final = 32_000
"""A longer message holds a long value, and may be cut: what stands last may be the sender's."""

_NAMESPACE: Final = re.compile(r"\{[^{}]*\}")
_ELEMENT: Final = re.compile(r"(##other)?(?:\{([^{}]*)\})?([^\s,{}]+)")
_LAST_QUOTED: Final = re.compile(r"'([^']*)'\)?\.\s*\Z")
_TYPE: Final = re.compile(
    r" is not a valid value of the (?:local )?(atomic|list|union) type(?: '([^']*)')?\.\s*\Z"
)

_BUILT_IN: Final = MappingProxyType(
    {
        "xs:boolean": "true or false",
        "xs:decimal": "a decimal number",
        "xs:integer": "a whole number",
        "xs:byte": "a whole number from -128 to 127",
        "xs:short": "a whole number from -32768 to 32767",
        "xs:int": "a whole number from -2147483648 to 2147483647",
        "xs:long": "a whole number of at most 64 bits",
        "xs:unsignedByte": "a whole number from 0 to 255",
        "xs:unsignedShort": "a whole number from 0 to 65535",
        "xs:unsignedInt": "a whole number from 0 to 4294967295",
        "xs:unsignedLong": "a whole number from 0, of at most 64 bits",
        "xs:nonNegativeInteger": "a whole number from 0",
        "xs:positiveInteger": "a whole number from 1",
        "xs:float": "a number",
        "xs:double": "a number",
        "xs:date": "a date, as 2026-01-31",
        "xs:time": "a time, as 13:20:00",
        "xs:dateTime": "a date and a time, as 2026-01-31T13:20:00",
        "xs:duration": "a duration, as P1DT12H",
        "xs:base64Binary": "bytes in base64",
        "xs:hexBinary": "bytes in hexadecimal digits",
        "xs:anyURI": "a URI",
        "xs:language": "a language, as en-GB",
    }
)


def words_of(fault: Fault, element: Element) -> Words:
    """Say what was found and what was expected.

    Args:
        fault: What libxml2 found.
        element: The element that it is about.
    """
    kind = fault.kind.removeprefix("SCHEMAV_").removeprefix("CVC_")
    return _WORDS.get(kind, _other)(fault, element)


def quote(text: str) -> str:
    """Quote the beginning of `text`."""
    cut = "…" if len(text) > _QUOTED_CHARS else ""
    return f"{text[:_QUOTED_CHARS]!r}{cut}"


def _value(fault: Fault, element: Element) -> str:
    """Return the text that the fault is about: an attribute's, or all that stands in the element."""
    if fault.attribute:
        return str(element.get(fault.attribute, ""))
    return (element.text or "") + "".join(child.tail or "" for child in element)


def _last_quoted(fault: Fault) -> str:
    """Return what the schema says at the end of a message; empty when that cannot be told."""
    found = _LAST_QUOTED.search(fault.message) if len(fault.message) < _TRUSTED_CHARS else None
    return found[1] if found else ""


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _not_of_its_type(fault: Fault, element: Element) -> Words:
    found = quote(_value(fault, element))
    named = _TYPE.search(fault.message) if len(fault.message) < _TRUSTED_CHARS else None
    name = _local(named[2] or "") if named else ""
    base = fault.value_type.base if fault.value_type else ""
    known = next((each for each in (name, f"xs:{base}") if each in _BUILT_IN), "")
    expected = f"{_BUILT_IN[known]} ({known})" if known else f"a value of type {name}" if name else ""
    if fault.whole.endswith("DATATYPE_VALID_1_2_2"):
        return found, f"a list of {name}" if name else "a list of values, each of its type"
    if expected:
        return found, expected
    if named and named[1] == "union":
        return found, "a value of one of the types that its schema allows here"
    return found, "a value of the type that its schema allows here"


def _not_listed(fault: Fault, element: Element) -> Words:
    _, mark, listed = fault.message.rpartition(" is not an element of the set {")
    values = listed.strip().removesuffix("}.").split(", ")
    if not mark or len(fault.message) >= _TRUSTED_CHARS:
        return quote(_value(fault, element)), "one of the values that its schema lists"
    more = f" or {len(values) - _SHOWN_VALUES} more" if len(values) > _SHOWN_VALUES else ""
    return quote(_value(fault, element)), f"one of {', '.join(values[:_SHOWN_VALUES])}{more}"


def _bound(words: str, otherwise: str) -> Callable[[Fault, Element], Words]:
    """Make the words for a value outside of a bound, which stands last in the message."""

    def bound(fault: Fault, element: Element) -> Words:
        limit = _last_quoted(fault)
        return quote(_value(fault, element)), words.format(limit) if limit else otherwise

    return bound


def _pattern(fault: Fault, element: Element) -> Words:
    _, _, pattern = fault.message.rpartition(" is not accepted by the pattern ")
    found = quote(_value(fault, element))
    if not pattern or len(fault.message) >= _TRUSTED_CHARS:
        return found, "a value that matches its pattern"
    regex = pattern.strip()[1:-2]
    words = fault.value_type.pattern_words(regex) if fault.value_type else ""
    return found, words or f"a value that matches {regex}"


def _length(words: str) -> Callable[[Fault, Element], Words]:
    def length(fault: Fault, element: Element) -> Words:
        has, limit = re.match(r".*?has a length of '(\d+)'", fault.message), _last_quoted(fault)
        found = quote(_value(fault, element))
        return f"{found}, of length {has[1]}" if has else found, words.format(limit)

    return length


def _children(fault: Fault, element: Element) -> Words:
    """Tell of an element that does not belong, or of one that is missing."""
    _, mark, listed = fault.message.partition(" Expected is ")
    allowed = [match.groups() for match in _ELEMENT.finditer(listed.partition("( ")[2].rpartition(" )")[0])]
    if fault.message.startswith("Missing child"):
        return "its end", _one_of(allowed)
    tag = str(element.tag)
    namespace, local = tag[1:].partition("}")[0] if tag[0] == "{" else "", _local(tag)
    for other, uri, name in allowed:
        if name == local and not other and (uri or "") != namespace:
            return f"<{local}> in {_in_words(namespace)}", f"<{local}> in {_in_words(uri or '')}"
    follows = _one_of(allowed) if mark else "no further element"
    before = _run_before(element)
    if before and not any(name == local for _, _, name in allowed):
        return f"<{local}>", f"at most {before} <{local}> here{f', then {follows}' if mark else ''}"
    return f"<{local}>", follows


def _run_before(element: Element) -> int:
    """Count the elements of the same name that stand right before one: so many its schema has allowed there."""
    count = 0
    for sibling in element.itersiblings("*", preceding=True):
        if sibling.tag != element.tag:
            break
        count += 1
    return count


def _in_words(namespace: str) -> str:
    return f"namespace {quote(namespace)}" if namespace else "no namespace"


def _one_of(allowed: list[tuple[str | None, ...]]) -> str:
    names = [_allowed(*each) for each in allowed]
    if not names:
        return "another element"
    more = ", …" if len(names) >= _SHOWN_ELEMENTS else ""
    return names[0] if len(names) == 1 else f"one of {', '.join(names)}{more}"


def _allowed(other: str | None, uri: str | None, name: str | None) -> str:
    if name not in ("*", "##any", "any"):
        return f"<{name}>"
    if other:
        return f"any element that is not in {_in_words(uri or '')}"
    return f"any element in {_in_words(uri)}" if uri else "any element"


def _undeclared(fault: Fault, element: Element) -> Words:
    tag = str(element.tag)
    namespace = tag[1:].partition("}")[0] if tag[0] == "{" else ""
    kind = "a root element" if "root" in fault.message else "an element"
    return f"<{_local(tag)}> in {_in_words(namespace)}", f"{kind} that its schema declares"


def _no_text(expected: str) -> Callable[[Fault, Element], Words]:
    """Make the words for text, or an element, where there is to be none."""

    def no_text(fault: Fault, element: Element) -> Words:
        texts = (text for text in (element.text, *(child.tail for child in element)) if text and text.strip())
        if (
            len(element)
            and not fault.message.startswith("Character content")
            and "nilled" not in fault.message
        ):
            return f"the element <{_local(str(element[0].tag))}>", expected
        return f"the text {quote(next(texts, '').strip())}", expected

    return no_text


def _attribute_missing(fault: Fault, element: Element) -> Words:
    return "nothing", "this attribute, which is required"


def _attribute_unknown(fault: Fault, element: Element) -> Words:
    return f"the attribute {_local(fault.attribute)}", "no attribute of that name"


def _key(fault: Fault, element: Element) -> Words:
    message, name = fault.message, _local(_last_quoted(fault)) or "its key"
    values = message.partition("key-sequence [")[2].rpartition("] ")[0]
    if message.startswith("Duplicate"):
        return f"{_cut(values)} a second time", f"a value that is there once ({name})"
    if message.startswith("No match"):
        return f"a reference to {_cut(values)}", f"a value that is there as a key ({name})"
    if message.startswith("Not all fields"):
        return "no value", f"one that tells it from its neighbours ({_local(_quoted(message))})"
    return _other(fault, element)


def _quoted(message: str) -> str:
    found = re.search(r"'([^']*)'", message)
    return found[1] if found else ""


def _cut(text: str) -> str:
    return text if len(text) <= _QUOTED_CHARS else f"{text[:_QUOTED_CHARS]}…"


def _abstract(fault: Fault, element: Element) -> Words:
    return f"<{_local(str(element.tag))}>, which is abstract", "one of the elements that stand for it"


def _other(fault: Fault, element: Element) -> Words:
    """Give libxml2's own words, which may hold a value, as what was found."""
    text = _NAMESPACE.sub("", fault.message[:2_000]).strip()
    return text if len(text) <= 300 else f"{text[:300]}…", "what its schema allows"


_WORDS: Final = MappingProxyType(
    {
        "ELT_1": _undeclared,
        "WILDCARD": lambda fault, element: (
            f"the attribute {_local(fault.attribute)}",
            "one that its schema declares",
        ),
        "ELT_2": _abstract,
        "TYPE_2": _abstract,
        "ELT_3_2_1": _no_text("nothing in it, as it says that it is nil"),
        "ELT_5_2_2_1": _no_text("text alone"),
        "ELT_5_2_2_2_1": _bound("the fixed value {!r}", "its fixed value"),
        "ELT_5_2_2_2_2": _bound("the fixed value {!r}", "its fixed value"),
        "AU": _bound("the fixed value {!r}", "its fixed value"),
        "TYPE_3_1_1": _attribute_unknown,
        "TYPE_3_1_2": _no_text("text alone"),
        "COMPLEX_TYPE_2_1": _no_text("nothing in it"),
        "COMPLEX_TYPE_2_2": _no_text("text alone"),
        "COMPLEX_TYPE_2_3": _no_text("elements alone"),
        "COMPLEX_TYPE_3_2_1": _attribute_unknown,
        "COMPLEX_TYPE_3_2_2": _attribute_unknown,
        "COMPLEX_TYPE_4": _attribute_missing,
        "ELEMENT_CONTENT": _children,
        "DATATYPE_VALID_1_2_1": _not_of_its_type,
        "DATATYPE_VALID_1_2_2": _not_of_its_type,
        "DATATYPE_VALID_1_2_3": _not_of_its_type,
        "ENUMERATION_VALID": _not_listed,
        "PATTERN_VALID": _pattern,
        "LENGTH_VALID": _length("a length of {}"),
        "MINLENGTH_VALID": _length("a length of at least {}"),
        "MAXLENGTH_VALID": _length("a length of at most {}"),
        "MININCLUSIVE_VALID": _bound("at least {}", "at least its lower bound"),
        "MAXINCLUSIVE_VALID": _bound("at most {}", "at most its upper bound"),
        "MINEXCLUSIVE_VALID": _bound("more than {}", "more than its lower bound"),
        "MAXEXCLUSIVE_VALID": _bound("less than {}", "less than its upper bound"),
        "TOTALDIGITS_VALID": _bound("at most {} digits", "fewer digits"),
        "FRACTIONDIGITS_VALID": _bound("at most {} digits behind the point", "fewer digits behind the point"),
        "IDC": _key,
    }
)
