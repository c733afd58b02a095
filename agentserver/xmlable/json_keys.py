"""The keys of JSON objects: which field each stands for.

A field's key is its name in Python. What an XSD of somebody else's holds may have one name twice, as an attribute and
as an element, or in two namespaces: an attribute is then `@name`, and an element its whole name in Clark notation.
The text of an element that has attributes as well is `#text`. No name in XML begins with these signs, so no key is
taken twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from agentserver.xmlable.outline import Content, Field, Record, Text

TEXT_KEY: Final = "#text"
"""The key of an element's own text, when it has attributes as well."""


def keyed(fields: Sequence[Field]) -> dict[str, Field]:
    """Give the fields by key, in their order."""
    names = Counter(map(_name, fields))
    found: dict[str, Field] = {}
    for field in fields:
        key = _name(field)
        if names[key] > 1:
            key = f"@{key}" if field.attribute else field.tag
        found[next(key for key in _numbered(key) if key not in found)] = field
    return found


def fields_by_key(record: Record) -> dict[str, Field]:
    """Give the fields of an object by key; those of a dict's entry are always `key` and `value`."""
    if record.kind == "entry":
        return dict(zip(("key", "value"), record.fields, strict=True))
    return keyed(record.fields)


def _name(field: Field) -> str:
    return field.name or field.local_name


def _numbered(key: str) -> Iterator[str]:
    yield key
    number = 2
    while True:
        yield f"{key}#{number}"
        number += 1


def is_repeated(field: Field) -> bool:
    """Tell whether the field is an array, whatever its length."""
    return bool(field.many) or field.most != 1


def key_and_value(entries: Record) -> tuple[Field, Field]:
    """Give the fields of a dict's entries."""
    entry = entries.fields[0].content
    assert isinstance(entry, Record), "the entries of a dict are records"
    key, value = entry.fields
    return key, value


def is_object(content: Content) -> bool:
    """Tell whether a dict is an object in JSON: its keys are strings that XML keeps as they are."""
    if not isinstance(content, Record) or content.kind != "entries":
        return False
    key = key_and_value(content)[0].content
    return isinstance(key, Text) and key.base == "string"
