"""A contract as one page of Markdown, for people.

Takes an outline, gives the page: what the listener does, a table of fields for each record, with links between them,
and the example in XML and in JSON. Foreign outlines have hundreds of records: beyond `MAX_RECORDS` the page says
what it leaves out. Texts of others are escaped.
"""

from __future__ import annotations

import json
from typing import Final

from lxml import etree

from agentserver.errors import ContractError
from agentserver.xmlable.example import example_text
from agentserver.xmlable.json_keys import TEXT_KEY, keyed
from agentserver.xmlable.json_output import element_to_json
from agentserver.xmlable.markdown_escape import code, escaped, fenced, paragraphs, slug
from agentserver.xmlable.outline import Field, Record, Variants
from agentserver.xmlable.wording import constraint_words, count_words, text_words, type_words

MAX_RECORDS: Final = 40
"""Most records that have a section; a foreign schema has hundreds."""

MAX_FIELDS: Final = 150
"""Most fields of one record that are listed."""

_MAX_EXAMPLE: Final = 20_000
_MAX_DOC: Final = 500
_HEADER: Final = "| Element | JSON | Type | How often | Constraints | Meaning |\n|---|---|---|---|---|---|"


def markdown(root: Field, listener: str, description: str, schema: etree.XMLSchema | None = None) -> str:
    """Write the page of one contract.

    Args:
        root: The outline of the message.
        listener: Who takes it.
        description: What the listener does.
        schema: What the example must be allowed by, where it is more than the outline says.
    """
    return _Page(root, schema).text(listener, description)


class _Page:
    """One page in the making."""

    __slots__ = ("_left_out", "_root", "_schema", "_titles", "_waiting")

    def __init__(self, root: Field, schema: etree.XMLSchema | None) -> None:
        self._root, self._schema = root, schema
        self._titles: dict[Record, str] = {}
        self._waiting: list[tuple[Record, Field]] = []
        self._left_out: dict[Record, str] = {}

    def text(self, listener: str, description: str) -> str:
        """Write the page."""
        namespace = f" of the namespace {code(self._root.namespace)}" if self._root.namespace else ""
        parts = [f"# {escaped(listener)}: {escaped(self._root.local_name)}", paragraphs(description)]
        parts.append(f"The message is one element {code(f'<{self._root.local_name}>')}{namespace}.")
        content = self._root.content
        if self._root.doc and self._root.doc != getattr(content, "doc", ""):
            parts.append(paragraphs(self._root.doc))
        if isinstance(content, Record) and content.kind == "class":
            self._title(content, self._root)
        else:
            parts.append(_table([self._row(self._root.local_name, self._root)]))
        while self._waiting:
            parts.append(self._section(*self._waiting.pop(0)))
        if self._left_out:
            names = escaped(", ".join(list(self._left_out.values())[:MAX_RECORDS]), 1000)
            parts.append(
                f"Not described here: {len(self._left_out)} more records ({names}). The XSD has them all."
            )
        parts.append(self._examples())
        return "\n\n".join(part for part in parts if part) + "\n"

    def _title(self, record: Record, field: Field) -> str:
        """Give the heading of a record; empty when the page has no room for it."""
        if record in self._left_out:
            return ""
        if record not in self._titles:
            wish = record.name or field.local_name
            if len(self._titles) >= MAX_RECORDS:
                self._left_out[record] = wish
                return ""
            taken, title, number = {slug(title) for title in self._titles.values()}, wish, 1
            while slug(title) in taken:
                number += 1
                title = f"{wish} {number}"
            self._titles[record] = title
            self._waiting.append((record, field))
        return self._titles[record]

    def _record_words(self, record: Record, field: Field) -> str:
        title = self._title(record, field)
        return f"\0{title}\1" if title else record.name or field.local_name

    def _linked(self, words: str) -> str:
        """Escape words in which the names of records are marked, and make these links."""
        found = []
        for number, part in enumerate(words.replace("\1", "\0").split("\0")):
            found.append(f"[{escaped(part)}](#{slug('Record ' + part)})" if number % 2 else _kept(part))
        return "".join(found)

    def _section(self, record: Record, field: Field) -> str:
        fields = keyed(record.fields)
        rows = [self._row(key, each) for key, each in list(fields.items())[:MAX_FIELDS]]
        if record.text is not None:
            words, constraints = text_words(record.text)
            rows.append(
                _cells(["its text", code(TEXT_KEY), escaped(words), "required", escaped(constraints), ""])
            )
        parts = [f"## Record {escaped(self._titles[record])}", paragraphs(record.doc)]
        parts.append(_table(rows) if rows else "It has no fields.")
        if len(fields) > MAX_FIELDS:
            parts.append(f"Not listed here: {len(fields) - MAX_FIELDS} more fields. The XSD has them all.")
        if record.model:
            parts.append(f"Its elements are: {code(record.model[:_MAX_DOC])}.")
        return "\n\n".join(part for part in parts if part)

    def _row(self, key: str, field: Field) -> str:
        name = f"@{field.local_name}" if field.attribute else f"<{field.local_name}>"
        return _cells(
            [
                code(name),
                code(key),
                self._linked(type_words(field, self._record_words)),
                count_words(field),
                escaped(constraint_words(field)),
                escaped(field.doc or _doc_of(field), _MAX_DOC),
            ]
        )

    def _examples(self) -> str:
        try:
            text = example_text(self._root, schema=self._schema)
            if len(text) > _MAX_EXAMPLE:
                text = example_text(self._root, required_only=True, schema=self._schema)
        except ContractError as error:
            return f"There is no example: {escaped(str(error))}."
        if len(text) > _MAX_EXAMPLE:
            return "An example would be too long for this page."
        data = element_to_json(self._root, etree.fromstring(text))
        in_json = fenced(json.dumps(data, indent=2, ensure_ascii=False), "json")
        return f"## Example\n\n{fenced(text, 'xml')}\n\n## Example in JSON\n\n{in_json}"


def _kept(part: str) -> str:
    """Escape, and keep the blanks at the ends, which part words from links."""
    inner = escaped(part)
    return " " * (part[:1] == " ") + inner + " " * (part[-1:] == " " and bool(inner))


def _doc_of(field: Field) -> str:
    """Give the doc of a union; that of a record stands in its section."""
    return field.content.doc if isinstance(field.content, Variants) else ""


def _table(rows: list[str]) -> str:
    return "\n".join([_HEADER, *rows])


def _cells(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
