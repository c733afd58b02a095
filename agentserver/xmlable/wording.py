"""Types, counts and constraints of an outline in words, for people and for language models.

Takes fields and contents, gives plain texts on one line, bounded in length, without any markup; who shows them
escapes them. Records of a class are worded by the caller, who may link to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from agentserver.errors import shorten
from agentserver.xmlable.json_keys import is_repeated
from agentserver.xmlable.outline import Anything, Content, Field, Record, Text, Variants
from agentserver.xmlable.regex.ecma import readable

RecordWords: TypeAlias = Callable[[Record, Field], str]
"""Words a record of a class that a field holds."""

_LONGEST: Final = 300
_LISTED: Final = 20
_UNITS: Final = (("base64Binary", "bytes"), ("hexBinary", "bytes"))


def one_line(text: str, limit: int = 10_000) -> str:
    """Give `text` without line breaks and other characters that do not print, cut to `limit` characters."""
    return shorten(" ".join("".join(char if char.isprintable() else " " for char in text).split()), limit)


def type_words(field: Field, record_words: RecordWords) -> str:
    """Word what a field holds: `list of int`, `one of Circle, Square`."""
    words = _content_words(field, field.content, record_words)
    return f"{field.many or 'list'} of {words}" if is_repeated(field) else words


def _content_words(field: Field, content: Content, record_words: RecordWords) -> str:
    if isinstance(content, Text):
        return text_words(content)[0]
    if isinstance(content, Anything):
        return one_line(content.noun, _LONGEST)
    if isinstance(content, Variants):
        return f"one of {', '.join(_member_words(member, record_words) for member in content.members)}"
    if content.kind == "class":
        return record_words(content, field)
    inner = [
        type_words(part, record_words) + ("" if _is_sure(part) else " or nothing") for part in content.fields
    ]
    if content.kind == "entries":
        entry = content.fields[0].content
        assert isinstance(entry, Record), "the entries of a dict are records"
        return f"dict of {' to '.join(type_words(part, record_words) for part in entry.fields)}"
    return f"tuple of {', '.join(inner)}" if content.kind == "tuple" else ", ".join(inner)


def _is_sure(part: Field) -> bool:
    return part.least > 0 or is_repeated(part)


def _member_words(member: Field, record_words: RecordWords) -> str:
    words = type_words(member, record_words)
    return words if isinstance(member.content, Record) else f"{member.local_name} ({words})"


def text_words(text: Text) -> tuple[str, str]:
    """Word a simple type: its name, and what its values are held to besides."""
    head, _, phrases = one_line(text.noun or text.base, _LONGEST).partition(", ")
    if "(" in head:  # a closed set, which lists its members there
        head, phrases = one_line(text.noun, _LONGEST), ""
    if text.name and text.base not in (head, "anySimpleType") and not text.lexical and not text.values:
        head = f"{head} ({text.base})"
    return head, phrases or shorten(", ".join(_facets(text)), _LONGEST)


def _facets(text: Text) -> Iterator[str]:
    if text.values and "(" not in text.noun:
        more = ", …" if len(text.values) > _LISTED else ""
        yield f"one of {', '.join(map(one_line, text.values[:_LISTED]))}{more}"
    for words, bound in (
        ("at least", text.at_least),
        ("more than", text.above),
        ("at most", text.at_most),
        ("less than", text.below),
    ):
        if bound:
            yield f"{words} {one_line(bound)}"
    if text.total_digits is not None:
        yield f"at most {text.total_digits} digits"
    if text.fraction_digits is not None:
        yield f"at most {text.fraction_digits} digits behind the point"
    yield from _lengths(text)
    for pattern in text.patterns:
        yield f"like {one_line(readable(pattern), _LONGEST)}"


def _lengths(text: Text) -> Iterator[str]:
    unit = "words" if text.item is not None else dict(_UNITS).get(text.base, "characters")
    if text.min_length is not None and text.min_length == text.max_length:
        yield f"exactly {text.min_length} {unit}"
        return
    if text.min_length:
        yield f"at least {text.min_length} {unit}"
    if text.max_length is not None:
        yield f"at most {text.max_length} {unit}"


def count_words(field: Field) -> str:
    """Word how often a field stands there."""
    least, most = field.least, field.most
    if not is_repeated(field):
        return "required" if least else "optional"
    if most is None:
        return f"at least {least}" if least else "any number"
    if least == most:
        return f"exactly {least}"
    return f"{least} to {most}" if least else f"at most {most}"


def constraint_words(field: Field) -> str:
    """Word what the values of a field are held to, its default, and that it is secret."""
    said = list(dict.fromkeys(_constraints(field.content)))
    if field.default is not None and not field.secret:
        said.append(f"{one_line(field.default, _LONGEST) or 'empty'} when absent")
    if field.nillable:
        said.append("may be nil")
    if field.secret:
        said.append("secret")
    return "; ".join(said)


def _constraints(content: Content) -> Iterator[str]:
    """Give the constraints of the texts in a content that has no section of its own."""
    if isinstance(content, Text):
        words = text_words(content)[1]
        if words:
            yield words
    elif isinstance(content, Variants):
        for member in content.members:
            for words in _constraints(member.content):
                yield f"{member.local_name}: {words}"
    elif isinstance(content, Record):
        if content.kind == "entry":
            for part, called in zip(content.fields, ("keys", "values"), strict=True):
                for words in _constraints(part.content):
                    yield f"{called}: {words}"
        elif content.kind != "class":
            for part in content.fields:
                if is_repeated(part) and (part.least or part.most is not None):
                    yield f"items: {count_words(part)}"
                for words in _constraints(part.content):
                    yield words if content.kind == "entries" else f"{_called(content, part)}: {words}"


def _called(content: Record, part: Field) -> str:
    return "items" if content.kind == "items" else part.local_name
