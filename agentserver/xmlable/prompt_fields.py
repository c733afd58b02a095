"""The fields of a message as lines for a language model.

Takes an outline, gives one line for each field: its tag or attribute, how often it stands there, its type, what the
type is held to, how it is written where that does not show, and what it means. What is in a record follows, indented,
where the record first occurs. Every line is one line, whoever wrote its words.
"""

from __future__ import annotations

from collections.abc import Iterator

from agentserver.xmlable.json_keys import is_repeated
from agentserver.xmlable.outline import Content, Field, Record, Variants
from agentserver.xmlable.outline_walk import prefixes
from agentserver.xmlable.wording import constraint_words, count_words, one_line, text_words, type_words

_MAX_WORDS = 300


class FieldLines:
    """Writes the lines.

    Args:
        root: The outline.
        levels: How deep records are written out.
        doc_characters: How much of a field's doc is shown.

    Attributes:
        unopened: How many records were not written out, known at the end.
    """

    __slots__ = ("_doc_characters", "_levels", "_prefixes", "_root", "_seen", "unopened")

    def __init__(self, root: Field, levels: int, doc_characters: int) -> None:
        self._root, self._levels, self._doc_characters = root, levels, doc_characters
        self._prefixes = {namespace: prefix for prefix, namespace in prefixes(root).items()}
        self._seen: set[Content] = set()
        self.unopened = 0

    def lines(self) -> Iterator[str]:
        """Give the lines, in the order of the document."""
        content = self._root.content
        if isinstance(content, Record) and content.kind == "class":
            yield from self._record(content, 0)
        else:
            yield from self._field(self._root, 0)

    def _record(self, record: Record, level: int) -> Iterator[str]:
        self._seen.add(record)
        if record.text is not None:
            yield f"{_indent(level)}- its text: {_joined(*text_words(record.text))}"
        if record.model:
            yield f"{_indent(level)}- its elements are: {one_line(record.model, _MAX_WORDS)}"
        for field in record.fields:
            yield from self._field(field, level)

    def _field(self, field: Field, level: int) -> Iterator[str]:
        name = f"attribute {self._tag(field)}" if field.attribute else f"<{self._tag(field)}>"
        records = list(dict.fromkeys(_records(field.content)))
        new = [record for record in records if record not in self._seen and _is_worth_opening(record)]
        opened = new if level < self._levels else []
        self.unopened += len(new) - len(opened)
        above = "described above" if records and all(record in self._seen for record in records) else ""
        types = type_words(field, _record_words), constraint_words(field), self._shape(field.content), above
        each = ", an element for each" if is_repeated(field) else ""
        doc = self._doc(field.doc)
        yield f"{_indent(level)}- {name} ({count_words(field)}{each}): {_joined(*types)}{doc}"
        for record in opened:
            if record in self._seen:  # written out within the one before
                continue
            if len(records) > 1:
                yield f"{_indent(level + 1)}- {_record_words(record, field)}:{self._doc(record.doc)}"
            yield from self._record(record, level + 1 + (len(records) > 1))

    def _doc(self, doc: str) -> str:
        return f" -- {one_line(doc, self._doc_characters)}" if doc and self._doc_characters else ""

    def _tag(self, field: Field) -> str:
        prefix = self._prefixes.get(field.namespace) if field.namespace else None
        return f"{prefix}:{field.local_name}" if prefix else field.local_name

    def _shape(self, content: Content) -> str:
        """Say which elements a content is written as, where its type does not show it."""
        if isinstance(content, Variants):
            names = ", ".join(f"<{self._tag(member)}>" for member in content.members)
            return one_line(f"written as one of {names} in it", _MAX_WORDS)
        if not isinstance(content, Record) or content.kind == "class":
            return ""
        names = ", ".join(f"<{self._tag(field)}>" for field in content.fields)
        if content.kind == "tuple":
            return f"written as {names} in it"
        shape = f"each written as {names} in it"
        entry = content.fields[0].content
        if content.kind == "entries" and isinstance(entry, Record):
            shape += f", of {' and '.join(f'<{self._tag(field)}>' for field in entry.fields)}"
        return shape


def _joined(*words: str) -> str:
    return ", ".join(filter(None, words))


def _indent(level: int) -> str:
    return "  " * level


def _is_worth_opening(record: Record) -> bool:
    return bool(record.fields or record.model)


def _record_words(record: Record, field: Field) -> str:
    name = one_line(record.name or record.noun or field.local_name, _MAX_WORDS)
    return name if record.text is None else f"{name} ({_joined(*text_words(record.text))})"


def _records(content: Content) -> Iterator[Record]:
    """Give the records of classes in a content, through collections and unions."""
    if isinstance(content, Record) and content.kind == "class":
        yield content
    elif isinstance(content, Record | Variants):
        for field in content.members if isinstance(content, Variants) else content.fields:
            yield from _records(field.content)
