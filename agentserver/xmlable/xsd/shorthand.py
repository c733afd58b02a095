"""The shapes by which a contract writes Python's collections, recognised in a schema.

A collection within a collection is a type in place whose one element is called `Item` and repeated; a tuple has
`Item1` and so on; a dict has entries of a key and a value, and says that each key stands there once. Gives records
their kinds, and nouns to what has none.
"""

from __future__ import annotations

from lxml import etree

from agentserver.xmlable.outline import Field, Record, Variants
from agentserver.xmlable.schema_document import XS


def has_unique_keys(declaration: etree._Element) -> bool:
    """Tell whether an element says, as that of a dict does, that the `Key` of each `Entry` is unique."""
    for unique in declaration.iterchildren(f"{{{XS}}}unique"):
        paths = [str(part.get("xpath")).rpartition(":")[2] for part in unique.iterchildren(f"{{{XS}}}*")]
        if paths == ["Entry", "Key"]:
            return True
    return False


def recognise(content: Record | Variants, *, has_unique_keys: bool) -> None:
    """Give a complete record or union its kind and noun; what is in it has been given its own.

    Args:
        content: It.
        has_unique_keys: Whether its element says that keys are unique.
    """
    if isinstance(content, Variants):
        content.noun = " | ".join(member.local_name for member in content.members)
    elif has_unique_keys and _has_entries(content):
        _make_dict(content)
    elif not (
        content.name or content.model or content.text or any(field.attribute for field in content.fields)
    ):
        _make_collection(content)


def _has_entries(record: Record) -> bool:
    if [field.local_name for field in record.fields] != ["Entry"]:
        return False
    entry = record.fields[0].content
    return isinstance(entry, Record) and [field.local_name for field in entry.fields] == ["Key", "Value"]


def _make_dict(record: Record) -> None:
    entry = record.fields[0]
    record.kind, entry.many = "entries", "dict"
    if isinstance(entry.content, Record):
        nouns = [field.content.noun for field in entry.content.fields]
        entry.content.kind, entry.content.noun = "entry", " to ".join(nouns)
    record.noun = f"dict of {entry.content.noun}"


def _make_collection(record: Record) -> None:
    fields = record.fields
    names = [field.local_name for field in fields]
    if names == ["Item"] and fields[0].most != 1:
        record.kind, record.noun = "items", f"list of {fields[0].content.noun}"
    elif names and names == [f"Item{number}" for number in range(1, len(names) + 1)]:
        record.kind, record.noun = "tuple", f"tuple of {', '.join(map(_noun, fields))}"


def _noun(field: Field) -> str:
    return f"list of {field.content.noun}" if field.many else field.content.noun
