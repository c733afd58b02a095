"""Which elements an example has where a foreign XSD allows no plain sequence.

Takes `Record.model`, the notation of a DTD, and the record's elements; gives those of the first alternative that
ends, in an order that the model allows. A model that says more than this notation can, as that text may stand among
the elements, is served as far as it can be read; what cannot be read at all gives what is required.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from agentserver.xmlable.outline import Field

Ends: TypeAlias = Callable[[Field], bool]

_TOKEN: Final = re.compile(r"\s*([(),|&?*+]|\{\d+,\d*\}|[^\s(),|&?*+{}]+)")


def chosen_names(model: str, fields: Sequence[Field], minimal: bool, ends: Ends, most: int) -> list[Field]:
    """Choose the elements of an example.

    Args:
        model: What is allowed.
        fields: The elements that occur in it.
        minimal: Whether to leave out what may be absent.
        ends: Tells whether an element can end.
        most: Most elements that are of use.
    """
    begin = model.find("(")
    if begin < 0:
        return [field for field in fields if field.least]
    tokens: list[str] = _TOKEN.findall(model[begin:])
    try:
        by_name = {field.local_name: field for field in reversed(fields)}
        return _Chooser(tokens, by_name, minimal, ends, most).group() or []
    except (LookupError, ValueError):
        return [field for field in fields if field.least]


class _Chooser:
    def __init__(
        self, tokens: list[str], fields: dict[str, Field], minimal: bool, ends: Ends, most: int
    ) -> None:
        self._tokens, self._fields, self._minimal, self._ends = tokens[::-1], fields, minimal, ends
        self._most = most

    def group(self) -> list[Field] | None:
        """Read one particle, and give the elements chosen for it; None when it cannot end."""
        name = self._tokens.pop()
        if name == "(":
            parts, sign = [self.group()], self._tokens.pop()
            while sign in (",", "|", "&"):
                parts.append(self.group())
                last, sign = sign, self._tokens.pop()
                if sign == ")" and last == "|":
                    return self._times(next((part for part in parts if part is not None), None))
            whole: list[Field] = []
            for part in parts:
                if part is None:
                    return self._times(None)
                whole += part
            return self._times(whole)
        field = self._fields.get(name)
        return self._times([field] if field is not None and self._ends(field) else None)

    def _times(self, chosen: list[Field] | None) -> list[Field] | None:
        """Read how often, and repeat as often as must be, or once."""
        least = 1
        sign = self._tokens[-1] if self._tokens else ""
        if sign[:1] and sign[:1] in "?*+{":
            self._tokens.pop()
            least = int(sign[1:].partition(",")[0]) if sign[0] == "{" else int(sign == "+")
        if least == 0:
            return chosen if chosen and not self._minimal else []
        return None if chosen is None else (chosen * min(least, self._most))[: self._most]
