"""Several root elements in one input: envelopes or payloads that stand one behind the other.

Takes bytes that are no single document, as a model writes when it calls three tools at once; gives the root elements.
They are parsed below one element more, and the limits are widened by that element. Well-formedness sees to it that
nothing in the bytes closes it: `</roots><roots>` would leave two roots.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any, Final

from lxml import etree

from agentserver.name_dictionary import with_own_names
from agentserver.wire.parser import StrictParser
from agentserver.wire.structure import Element, ParseLimits

_DECLARATION: Final = re.compile(rb"(?:\xef\xbb\xbf)?(?:<\?xml\s[^>]*\?>)?")
_OPEN: Final = b"<roots>"
_CLOSE: Final = b"</roots>"


def below_one_root(data: bytes) -> bytes:
    """Put all of `data` but its XML declaration and byte-order mark below one element; every line keeps its number."""
    declaration = _DECLARATION.match(data)
    if declaration is None:
        return _OPEN + data + _CLOSE
    return b"\n" * declaration[0].count(b"\n") + _OPEN + data[declaration.end() :] + _CLOSE


class RootsParser:
    """Parse inputs of several roots, which are under `limits` together. One at a time, as `StrictParser`."""

    __slots__ = ("_parser",)

    def __init__(self, limits: ParseLimits | None = None) -> None:
        self._parser = StrictParser((limits or ParseLimits()).around(len(_OPEN) + len(_CLOSE)))

    def parse(self, data: bytes) -> tuple[list[Element], bool]:
        """Return the root elements, none or more, and whether there was text between them.

        Raises:
            WireError: As `StrictParser.parse` does.
        """
        declaration = _DECLARATION.match(data)
        if declaration and declaration[0]:  # left out below, and as good or bad as of a single root
            self._parser.parse(declaration[0] + b"<roots/>")
        wrapper = self._parser.parse(below_one_root(data))
        roots = list(wrapper)
        texts = [wrapper.text, *(root.tail for root in roots)]
        for root in roots:
            root.tail = None
            wrapper.remove(root)
        return roots, any(text and not text.isspace() for text in texts)


class _Depth:
    """A parser's target that counts."""

    def __init__(self) -> None:
        self.depth = self.whole = 0

    def start(self, tag: str | bytes, attributes: object) -> None:
        self.depth += 1

    def end(self, tag: str | bytes) -> None:
        self.depth -= 1
        self.whole += self.depth == 1

    def close(self) -> None:
        """Say that there is no tree."""


def whole_roots(data: bytes) -> int:
    """Return how many root elements of an input that is not well-formed are whole before its first fault."""
    counted = _Depth()
    target: Any = counted  # it needs no texts and no comments, which the stubs want it to take
    parser = etree.XMLParser(
        target=target, encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False
    )
    with suppress(etree.LxmlError):
        with_own_names(etree.fromstring, below_one_root(data), parser)
    return counted.whole
