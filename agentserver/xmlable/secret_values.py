"""What is secret in an instance of a contract, as the texts that Python would write it as.

An error of a handler shows values as Python writes them: `Decimal('1.50')` where the XML has `+1.5`. Takes an outline
and a value that should follow it, whatever a handler did to it since; gives texts. Never raises: what a value's own
code raises is passed over. Where a union or a collection holds something secret somewhere, all of it counts; so does
what stands in place of a dataclass that does, and is none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final

from lxml import etree

from agentserver.xmlable.outline import Field, Record
from agentserver.xmlable.secrets import all_texts, secret_names

_MAX_VALUES: Final = 20_000
"""Values to look at: a handler may have put an instance into itself."""
_COLLECTIONS: Final = (list, tuple, set, frozenset)


def value_texts(root: Field, value: object) -> list[str]:
    """Give the texts of the secret values in an instance, each once.

    Args:
        root: The outline of its contract.
        value: The instance.
    """
    texts: dict[str, None] = {}
    secretive: dict[int, bool] = {}  # by the id of a field: whether something below it is secret
    waiting: list[tuple[Field, Any, bool]] = [(root, value, False)]
    looked_at = 0
    while waiting and looked_at < _MAX_VALUES:
        looked_at += 1
        field, found, is_item = waiting.pop()
        if id(field) not in secretive:
            secretive[id(field)] = bool(secret_names(field))
        if not secretive[id(field)]:
            continue
        if field.secret or not isinstance(field.content, Record) or field.content.kind != "class":
            texts.update(dict.fromkeys(leaf_texts(found)))
        elif _has_fields(found, field.content):
            waiting += [(child, _attribute(found, child.name), False) for child in field.content.fields]
        elif field.many and not is_item and isinstance(found, _COLLECTIONS):
            waiting += [(field, item, True) for item in _items(found)]
        else:
            texts.update(dict.fromkeys(leaf_texts(found)))
    return list(texts)


def _has_fields(value: object, record: Record) -> bool:
    own = getattr(type(value), "__dataclass_fields__", {})
    return all(field.name in own for field in record.fields)


def leaf_texts(value: object) -> Iterator[str]:
    """Give the texts of every value in `value`, whatever it is made of."""
    waiting = [value]
    seen: dict[int, object] = {}
    while waiting and len(seen) < _MAX_VALUES:
        found = waiting.pop()
        if found is None or id(found) in seen:
            continue
        seen[id(found)] = found  # held, so that no other takes its id
        if isinstance(found, etree._Element):  # noqa: SLF001  # the only name that lxml has for the type
            yield from all_texts(found)
        elif dataclasses.is_dataclass(found) and not isinstance(found, type):
            waiting += [_attribute(found, field.name) for field in dataclasses.fields(found)]
        elif isinstance(found, (*_COLLECTIONS, Mapping)):
            waiting += _items(found)
        else:
            yield from _forms(found)


def _items(value: object) -> list[Any]:
    try:
        if isinstance(value, Mapping):
            return [part for entry in value.items() for part in entry]
        return list(value) if isinstance(value, _COLLECTIONS) else []
    except BaseException:  # noqa: BLE001  # an edge: the collection's own code
        return []


def _attribute(value: object, name: str) -> Any:
    try:
        return getattr(value, name, None)
    except BaseException:  # noqa: BLE001  # an edge: the class's own code
        return None


def _forms(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield str.__str__(value)
        return
    if isinstance(value, bytes):
        yield repr(bytes(value))[2:-1]
        yield value.hex()
        yield value.decode("utf-8", "replace")
        return
    if isinstance(value, Enum):
        yield from (value.name, *_forms(value.value))
        return
    for write in (str, repr):
        try:
            yield write(value)
        except BaseException:  # noqa: BLE001, S112  # an edge: the value's own code
            continue
