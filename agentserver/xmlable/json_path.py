"""The reader's errors in the words of JSON.

Takes a `BindingError` whose path names elements, `Order/Lines[2]/Price`, and gives one whose path names keys,
`Order/lines[2]/price`. A path that the outline cannot follow to its end, as one with its middle left out, is kept from
there on.
"""

from __future__ import annotations

import re
from typing import Final

from agentserver.errors import BindingError
from agentserver.xmlable.json_keys import fields_by_key, keyed
from agentserver.xmlable.json_place import Place
from agentserver.xmlable.outline import Content, Field, Record, Variants

_STEP: Final = re.compile(r"@?([^\[]*)(\[[0-9]+\])?")


def json_error(root: Field, error: BindingError) -> BindingError:
    """Give `error`, which the reader raised on a document of `root`, as one of its JSON notation."""
    place = Place(None, root.local_name, root.secret)
    content: Content | None = root.content
    steps = error.path.split("/")[1:]
    while steps and content is not None:
        step, *rest = steps
        found = _field(content, step)
        if found is None:
            break
        key, field = found
        position = _STEP.match(step)
        place = place.below(_key_of(content, key, field, step), field.secret)
        if position is not None and position[2] and not place.step.startswith("["):
            place = place.below(position[2], field.secret)
        content, steps = field.content, rest
    return BindingError("/".join([place.path(), *steps]), place.told(error.found), error.expected)


def _field(content: Content, step: str) -> tuple[str, Field] | None:
    if not isinstance(content, Record | Variants):
        return None
    match = _STEP.match(step)
    fields = keyed(content.members) if isinstance(content, Variants) else fields_by_key(content)
    for key, field in fields.items():
        if match is not None and field.local_name == match[1] and field.attribute == step.startswith("@"):
            return key, field
    return None


def _key_of(content: Content, key: str, field: Field, step: str) -> str:
    """Give the step of JSON for `field`; the wrappers of items and entries are no keys there."""
    kind = content.kind if isinstance(content, Record) else "class"
    if kind in ("items", "entries"):
        return step[step.find("[") :] if "[" in step else "[?]"
    if kind == "tuple":
        return f"[{field.local_name.removeprefix('Item')}]"
    return key
