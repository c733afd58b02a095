"""Check a configuration's values against their shape, and put pydantic's errors into plain words with places.

All errors are told, each once: not those of a value that was already found unreadable. What a message quotes
is the value as written in the file, never what an environment variable held, which may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from types import MappingProxyType
from typing import TYPE_CHECKING

from pydantic import ValidationError

from agentserver.config.fault_log import FaultLog, did_you_mean, quote
from agentserver.config.resilience import FAILURES
from agentserver.config.scalars import plain_value
from agentserver.config.schedules import EVERY_WORDS, NAME_WORDS
from agentserver.config.shape import KEYS, FileShape
from agentserver.config.tree import Document, ListNode, MapNode, Path, ScalarNode, dotted

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_EXPECTED = MappingProxyType(
    {
        "int_type": "a whole number",
        "float_type": "a number",
        "finite_number": "a finite number",
        "bool_type": "true or false",
        "string_type": "text",
        "list_type": "a list",
        "dict_type": "a mapping (key: value)",
        "model_type": "a mapping (key: value)",
        "literal_error": "{expected}",
        "greater_than_equal": "at least {ge}",
        "greater_than": "more than {gt:g}",
        "less_than_equal": "at most {le}",
        "string_too_short": "text that is not empty",
        "string_too_long": "at most {max_length} characters",
        "string_pattern_mismatch": "a letter, then up to 63 letters, digits, '.', '_' or '-'",
        "too_short": "at least one item",
        "failure": f"{', '.join(FAILURES)} or an exception class, as ConnectionError",
        "too_long": "at most {max_length} items",
        "every": EVERY_WORDS,
        "schedule_name": NAME_WORDS,
        "rate": "a rate as 10/s, 90/min, 100/h or 5/day, or a mapping with per_s and burst",
    }
)
"""What was expected, by pydantic's type of error; the braces name its context."""


class ShapeCheck:
    """Check values against `FileShape`.

    Args:
        document: Gives the places and the words as written.
        unreadable: Paths of values that already have their fault.
        faults: Takes the errors.
    """

    def __init__(self, document: Document, unreadable: Collection[Path], faults: FaultLog) -> None:
        self._document = document
        self._unreadable = unreadable
        self._faults = faults

    def check(self, values: object) -> FileShape | None:
        """Check `values`; None when there were errors, which are then in the log."""
        try:
            return FileShape.model_validate(values)
        except ValidationError as exc:
            for error in exc.errors(include_url=False, include_input=False):
                self._note(error)
            return None

    def _note(self, error: ErrorDetails) -> None:
        path, kind = error["loc"], error["type"]
        if path in self._unreadable:
            return
        if kind == "extra_forbidden":
            self._faults.add(self._document.key_place(path), _unknown_key(path))
        elif kind == "missing":
            self._faults.add(self._document.value_place(path), _missing_key(path))
        else:
            self._faults.add(self._document.value_place(path), self._wrong_value(path, error))

    def _wrong_value(self, path: Path, error: ErrorDetails) -> str:
        if error["type"] == "too_short" and path == ("listeners",):
            return "no listeners; an organism needs at least one"
        context = error.get("ctx", {})
        expected = _EXPECTED.get(error["type"], error["msg"]).format_map(context)
        message = f"found {as_written(self._document, path)}, expected {expected}"
        where = f"{dotted(path)}: " if path else ""
        return where + message + self._remedy(path, error)

    def _remedy(self, path: Path, error: ErrorDetails) -> str:
        node = self._document.node(path)
        if not isinstance(node, ScalarNode):
            return ""
        if error["type"] == "literal_error":
            return did_you_mean(node.text, re.findall("'([^']*)'", error["ctx"]["expected"]))
        if error["type"] == "failure":
            return did_you_mean(node.text, FAILURES)
        if error["type"] == "string_type":
            return "; put it in quotes" if node.text else "; give it a value or remove the key"
        if error["type"] in {"int_type", "float_type", "bool_type"}:
            unquoted = not node.plain and not isinstance(plain_value(node.text), str)
            return "; remove the quotes" if unquoted else ""
        return ""


def as_written(document: Document, path: Path) -> str:
    """Describe the value at `path` as the file has it, for the words after `found`."""
    node = document.node(path)
    if isinstance(node, ListNode):
        return "a list"
    if isinstance(node, MapNode):
        return "a mapping"
    if node is None or (node.plain and plain_value(node.text) is None):
        return "nothing"
    if "${" in node.text:
        return f"what {quote(node.text)} expands to"
    return quote(node.text) if isinstance(plain_value(node.text), str) or not node.plain else node.text


def _level(path: Path) -> tuple[str, ...]:
    """Drop the list indexes of a path: which kind of mapping it leads to."""
    return tuple(part for part in path if isinstance(part, str))


def _missing_key(path: Path) -> str:
    if path == ("listeners",):
        return "no listeners; an organism needs at least one"
    where = dotted(path[:-1])
    return f"{where + ': ' if where else ''}missing key {quote(str(path[-1]))}"


def _unknown_key(path: Path) -> str:
    level, key = _level(path[:-1]), str(path[-1])
    where = dotted(path[:-1])
    message = f"{where + ': ' if where else ''}unknown key {quote(key)}"
    near = did_you_mean(key, KEYS.get(level, ()))
    if near:
        return message + near
    homes = [".".join(home) for home, keys in KEYS.items() if key in keys and home != level]
    return f"{message}; it belongs under {quote(homes[0])}" if homes and homes[0] else message
