"""What is secret in JSON that claims to follow an outline, and an error about it without that.

Takes what `json.loads` gave, hostile or not. Secret are the values of secret fields; what stands under a key near to
such a field's name where the outline knows no such key; and whatever is of another shape than a place that holds a
secret asks for, as the secret may be in it. Keys that are near to no field may be secrets, too. Runs when something
failed, and never else. Never raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from agentserver.errors import BindingError
from agentserver.xmlable.concealment import holds_secrets
from agentserver.xmlable.found_values import without_secrets
from agentserver.xmlable.json_keys import fields_by_key, is_object, is_repeated, key_and_value, keyed
from agentserver.xmlable.json_place import JsonMisfit
from agentserver.xmlable.near_names import NearNames
from agentserver.xmlable.outline import Content, Field, Record, Variants
from agentserver.xmlable.scrubbing import Scrubber
from agentserver.xmlable.secret_values import leaf_texts
from agentserver.xmlable.secrets import secret_names
from agentserver.xmlable.strange_names import names_of

_MAX_VALUES: Final = 20_000
"""Values to look at; in what is larger, everything counts as secret."""


def json_fault(root: Field, data: Any, misfit: JsonMisfit) -> BindingError:
    """Give the error about data as it may be told.

    Args:
        root: The outline.
        data: The data, whole.
        misfit: What is wrong with them.
    """
    if not (root.secret or holds_secrets(root.content)):
        return BindingError(misfit.place.path(), misfit.found, misfit.expected)
    search = _Search(root)
    search.run(root, data)
    scrubber = Scrubber.of_everything() if search.unfinished else Scrubber(search.texts, search.names)
    path = misfit.place.path(lambda step: scrubber.finds_in(step.strip("[]…'\""), cut=True))
    return BindingError(path, without_secrets(misfit.found, scrubber), misfit.expected)


class _Search:
    """Look for secrets in data.

    Args:
        root: The outline.
    """

    def __init__(self, root: Field) -> None:
        self.texts: dict[str, None] = {}
        self.names: dict[str, None] = {}
        self.unfinished = False
        self._secret_names = NearNames(secret_names(root))
        self._known_names = names_of(root)
        self._secretive: dict[int, bool] = {}
        self._waiting: list[tuple[Content | None, Any]] = []

    def run(self, root: Field, data: Any) -> None:
        """Look at everything, with a bound."""
        self._take(root, data)
        for _ in range(_MAX_VALUES):
            if not self._waiting:
                return
            self._look(*self._waiting.pop())
        self.unfinished = True

    def _take(self, field: Field, data: Any, *, is_item: bool = False) -> None:
        if field.secret:
            self._keep(data)
        elif is_repeated(field) and not is_item and isinstance(data, list | tuple):
            for item in data:
                self._take(field, item, is_item=True)
        else:
            self._waiting.append((field.content, data))

    def _keep(self, data: Any) -> None:
        self.texts.update(dict.fromkeys(islice(leaf_texts(data), _MAX_VALUES)))

    def _look(self, content: Content | None, data: Any) -> None:
        if isinstance(data, Mapping):
            self._look_into_object(content, data)
        elif isinstance(data, list | tuple):
            self._look_into_array(content, data)
        elif self._hides(content):
            self._keep(data)

    def _hides(self, content: Content | None) -> bool:
        if content is None:
            return False
        if id(content) not in self._secretive:
            self._secretive[id(content)] = holds_secrets(content)
        return self._secretive[id(content)]

    def _look_into_array(self, content: Content | None, data: list[Any] | tuple[Any, ...]) -> None:
        record = content if isinstance(content, Record) else None
        if record is not None and record.kind == "tuple" and len(data) == len(record.fields):
            for field, item in zip(record.fields, data, strict=True):
                self._take(field, item)
        elif record is not None and record.kind in ("items", "entries") and not is_object(record):
            for item in data:
                self._take(record.fields[0], item, is_item=True)
        elif self._hides(content):
            self._keep(data)
        else:
            self._waiting += [(None, item) for item in data]

    def _look_into_object(self, content: Content | None, data: Mapping[Any, Any]) -> None:
        if isinstance(content, Record) and is_object(content):
            key, value = key_and_value(content)
            for name, item in data.items():
                self._take(key, name)
                self._take(value, item)
            return
        fields = _fields(content)
        if not fields and self._hides(content):
            self._keep(data)
            return
        for name, item in data.items():
            field = fields.get(name)
            if field is not None:
                self._take(field, item)
            elif not isinstance(name, str) or self._secret_names.has(name):
                self._keep(item)
            else:
                self._waiting.append((None, item))
            if field is None and isinstance(name, str) and not self._known_names.has(name):
                self.names[name] = None


def _fields(content: Content | None) -> Mapping[str, Field]:
    if isinstance(content, Variants):
        return keyed(content.members)
    if isinstance(content, Record) and content.kind in ("class", "entry"):
        return fields_by_key(content)
    return {}
