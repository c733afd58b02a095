r"""JSON Schema (2020-12) of a contract's JSON notation.

What the schema refuses `from_json` refuses, too. The other way round there are things that JSON Schema has no words
for, which the reader alone checks: bounds of decimals written as strings, and their digits; bounds of floats beyond
2**53; patterns of numbers; bounds of dates and times, and days that no calendar has; more than
`MAX_INT_DIGITS` digits; characters that XML has not; one key twice in an array of entries; the lengths of base64 to
the octet; what is within a string of XML; letters beyond ASCII in `\d` and `\w` of foreign schemas, and their content
models; checks of the class's own.
Takes an outline, gives plain values for `json.dumps`, the same in every run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote

from agentserver.xmlable.json_keys import (
    TEXT_KEY,
    fields_by_key,
    is_object,
    is_repeated,
    key_and_value,
    keyed,
)
from agentserver.xmlable.json_schema_texts import Schema, text_schema
from agentserver.xmlable.json_texts import json_value
from agentserver.xmlable.outline import Anything, Field, Record, Text, Variants

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
"""The dialect that the schemas are written in."""


def json_schema(root: Field, title: str = "", description: str = "") -> dict[str, Any]:
    """Write the JSON Schema of a document's JSON notation.

    Args:
        root: The outline of the document.
        title: Its title; the root's name when left out.
        description: What it is for; the doc of the root when left out.
    """
    return _Writer(root).document(title, description)


class _Writer:
    """One schema in the making. Records are defined once and referred to, so that they may hold themselves."""

    __slots__ = ("_definitions", "_names", "_root", "_waiting")

    def __init__(self, root: Field) -> None:
        self._root = root
        self._names: dict[Record, str] = {}
        self._definitions: dict[str, Schema] = {}
        self._waiting: list[Record] = []

    def document(self, title: str, description: str) -> Schema:
        """Write the whole."""
        schema: Schema = {"$schema": DIALECT, "title": title or self._root.local_name}
        text = description or self._root.doc or getattr(self._root.content, "doc", "")
        if text:
            schema["description"] = text
        schema |= {
            key: value for key, value in self._field(self._root).items() if key != "description" or not text
        }
        while self._waiting:  # not recursion: foreign outlines are hundreds of levels deep
            record = self._waiting.pop()
            self._definitions[self._names[record]] = self._object(record)
        if self._definitions:
            schema["$defs"] = {name: self._definitions[name] for name in self._names.values()}
        return schema

    def _field(self, field: Field) -> Schema:
        """Write the schema of one value of a field, with what is said of the field."""
        schema = self._content(field)
        if field.doc:
            schema["description"] = field.doc
        if field.nillable:
            schema = _or_null(schema)
        if field.secret:
            schema["writeOnly"] = True
        elif field.default is not None and isinstance(field.content, Text):
            with suppress(ValueError):  # a default of somebody else's that is none
                schema["default"] = json_value(field.content, field.default)
        return schema

    def _content(self, field: Field) -> Schema:
        content = field.content
        if isinstance(content, Text):
            return text_schema(content)
        if isinstance(content, Anything):
            return {"type": "string", "contentMediaType": "application/xml"}
        if isinstance(content, Variants):
            return {"oneOf": [self._variant(key, member) for key, member in keyed(content.members).items()]}
        if content.kind == "class":
            return {"$ref": f"#/$defs/{quote(self._name(content, field))}"}
        return self._collection(content)

    def _name(self, record: Record, field: Field) -> str:
        if record not in self._names:
            taken, wish, number = set(self._names.values()), record.name or field.local_name, 1
            name = wish
            while name in taken:
                number += 1
                name = f"{wish}{number}"
            self._names[record] = name
            self._waiting.insert(0, record)
        return self._names[record]

    def _variant(self, key: str, member: Field) -> Schema:
        return _object({key: self._field(member)}, [key])

    def _collection(self, record: Record) -> Schema:
        if record.kind == "tuple":
            parts = [self._optional(field) for field in record.fields]
            return {"type": "array", "prefixItems": parts, "items": False, "minItems": len(parts)}
        if not is_object(record):
            if record.kind == "items":
                return self._array(record.fields[0])
            entry = record.fields[0].content
            assert isinstance(entry, Record), "the entries of a dict are records"
            return {"type": "array", "items": self._object(entry)} | _counts(record.fields[0], "Items")
        key, value = key_and_value(record)
        keys = {word: kept for word, kept in self._field(key).items() if (word, kept) != ("type", "string")}
        return (
            {"type": "object"}
            | ({"propertyNames": keys} if keys else {})
            | {"additionalProperties": self._optional(value)}
            | _counts(record.fields[0], "Properties")
        )

    def _array(self, field: Field) -> Schema:
        return {"type": "array", "items": self._content_of_items(field)} | _counts(field, "Items")

    def _content_of_items(self, field: Field) -> Schema:
        schema = self._content(field)
        return _or_null(schema) if field.nillable else schema

    def _optional(self, field: Field) -> Schema:
        schema = self._field(field)
        return schema if field.least else _or_null(schema)

    def _object(self, record: Record) -> Schema:
        properties = {key: self._property(field) for key, field in fields_by_key(record).items()}
        required = [key for key, field in fields_by_key(record).items() if field.least]
        if record.text is not None:
            properties[TEXT_KEY] = text_schema(record.text)
            required.append(TEXT_KEY)
        return ({"description": record.doc} if record.doc else {}) | _object(properties, required)

    def _property(self, field: Field) -> Schema:
        if not is_repeated(field):
            return self._optional(field)
        schema = self._array(field)
        if field.doc:
            schema["description"] = field.doc
        if field.secret:
            schema["writeOnly"] = True
        return schema


def _object(properties: Schema, required: list[str]) -> Schema:
    schema: Schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return schema | {"additionalProperties": False}


def _counts(field: Field, of: str) -> Schema:
    return dict(_bounds_of(field, of))


def _bounds_of(field: Field, of: str) -> Iterator[tuple[str, int]]:
    if field.least:
        yield f"min{of}", field.least
    if field.most is not None:
        yield f"max{of}", field.most


def _or_null(schema: Schema) -> Schema:
    """Let null pass, too."""
    about = ("description", "default", "writeOnly")
    kind = schema.get("type")
    if isinstance(kind, str):
        return {**schema, "type": [kind, "null"]}
    if isinstance(kind, list):
        return schema if "null" in kind else {**schema, "type": [*kind, "null"]}
    if "const" in schema:
        return {
            ("enum" if word == "const" else word): ([kept, None] if word == "const" else kept)
            for word, kept in schema.items()
        }
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    inner = {word: kept for word, kept in schema.items() if word not in about}
    if list(inner) in (["anyOf"], ["oneOf"]):
        ((word, branches),) = inner.items()
        choices = {word: [*branches, {"type": "null"}]}
    else:
        choices = {"anyOf": [inner, {"type": "null"}]}
    return choices | {word: kept for word, kept in schema.items() if word in about}
