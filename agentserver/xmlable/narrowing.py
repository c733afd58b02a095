"""A simple type, held to less than it is.

A `Narrowing` is one constraint in three forms: a predicate on values for Python, facets for the outline, a phrase
for people. `narrowed` puts any number of them around a codec, so that reading and writing hold them alike.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentserver.xmlable.outline import Text
from agentserver.xmlable.simple import Simple


@dataclass(frozen=True, slots=True)
class Narrowing:
    """One constraint.

    Attributes:
        phrase: It in a few words, as `at least 5`.
        holds: Whether a value of the type is held to it; of a str, the text itself.
        facets: What it changes in the outline of the text.
        patterns: Further patterns for it.
    """

    phrase: str
    holds: Callable[[Any], bool]
    facets: Mapping[str, Any] = field(default_factory=dict)
    patterns: tuple[str, ...] = ()


def narrowed(codec: Simple, narrowings: Sequence[Narrowing]) -> Simple:
    """Give a codec that takes only what all the narrowings hold."""
    if not narrowings:
        return codec
    content = _content(codec.content, narrowings)
    noun = content.noun
    tests = tuple(narrowing.holds for narrowing in narrowings)
    parse_any, encode_any, textual = codec.parse, codec.encode, content.base == "string"

    def parse(text: str) -> Any:
        value = parse_any(text)
        for holds in tests:
            if not holds(value):
                raise ValueError(noun)
        return value

    def encode(value: Any) -> str:
        text = encode_any(value)
        for holds in tests:
            if not holds(text if textual else value):
                raise ValueError(noun)
        return text

    return Simple(content, parse, codec.admits, encode)


def _content(content: Text, narrowings: Sequence[Narrowing]) -> Text:
    facets: dict[str, Any] = {}
    patterns = content.patterns
    for narrowing in narrowings:
        facets |= narrowing.facets
        patterns += narrowing.patterns
    phrases = ", ".join(narrowing.phrase for narrowing in narrowings)
    return dataclasses.replace(content, noun=f"{content.noun}, {phrases}", patterns=patterns, **facets)
