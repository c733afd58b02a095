"""How deep, wide and long-named a parsed message may be, so that what comes after the parser cannot explode.

Exclusive C14N repeats names and sorts attributes: long names or many attributes would let 100 KB grow to 400 MB.
Takes a tree and the bytes that it was parsed from; raises `WireError`. The bytes tell cheaply what cannot be: a
limit that they rule out is not looked at in the tree, which spares most messages a walk over their elements.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from lxml import etree

from agentserver.errors import WireError

Element: TypeAlias = etree._Element  # noqa: SLF001  # the only name that lxml has for the type

_XML_NAMESPACE: Final = "{http://www.w3.org/XML/1998/namespace}"
_RUNS: Final = bytes(0x20 if byte in b" \t\r\n<>=\"'/" else 0x61 for byte in range(256))
"""Turns what ends a name into blanks and all else into one letter, so that a long name is a run of that letter."""
_DECLARED_URI: Final = re.compile(rb"[^=<>]*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)')")
_DECLARATION_CHARS: Final = len(' xmlns:p=""')
MAX_REPEATED: Final = 8
"""How many times as long as the longest message the declarations may be together that C14N repeats on each element."""


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """Inclusive bounds on one message. See `agentserver.config.Limits` for each."""

    message_bytes: int = 1_048_576
    depth: int = 64
    elements: int = 10_000
    attributes: int = 64
    name_chars: int = 256
    namespaces: int = 64

    def harmless_bytes(self) -> int:
        """Return the size up to which no message can break a limit on its structure."""
        return min(
            7 * self.depth,  # <a></a> a level
            4 * self.elements,  # <a/>
            5 * self.attributes,  # _a=""
            self.name_chars - 1,  # {uri}name counts two braces that are not written
            8 * self.namespaces,  # xmlns=""
        )

    def around(self, wrapper_bytes: int = 0) -> ParseLimits:
        """Return the limits for what these are for inside one more element, whose tags are `wrapper_bytes` long."""
        return replace(
            self,
            message_bytes=self.message_bytes + wrapper_bytes,
            depth=self.depth + 1,
            elements=self.elements + 1,
        )


class StructureCheck:
    """Hold trees to limits.

    Args:
        limits: The limits.
    """

    __slots__ = ("_crowded", "_half_a_name", "_longest_run", "_too_deep", "limits")

    def __init__(self, limits: ParseLimits) -> None:
        self.limits = limits
        self._too_deep = etree.XPath(f"boolean({'/*' * (limits.depth + 1)})")
        self._crowded = etree.XPath(f"boolean(//*[@*[{limits.attributes + 1}]])")
        # of {uri}local, one part is at least half as long as the limit
        self._half_a_name = (limits.name_chars - 1) // 2
        self._longest_run = b"a" * max(self._half_a_name, 1)

    def check(self, root: Element, data: bytes) -> None:
        """Check a tree that was parsed strictly, without a DOCTYPE.

        Args:
            root: Its root.
            data: What it was parsed from.

        Raises:
            WireError: `too-deep`, `too-many-namespaces`, `too-many-elements`, `too-many-attributes` or `name-too-long`.
        """
        limits = self.limits
        namespaces, ends = data.count(b"xmlns"), data.count(b"</")
        if ends >= limits.depth and self._too_deep(root):
            raise WireError(f"nested deeper than {limits.depth} elements", code="too-deep")
        if namespaces > limits.namespaces and _namespace_count(root) > limits.namespaces:
            raise WireError(
                f"more than {limits.namespaces} namespace declarations", code="too-many-namespaces"
            )
        elements = data.count(b"<") - ends
        if namespaces and self._may_repeat_much(data, elements):
            self._check_repeated(root)
        if elements > limits.elements:
            self._count_elements(root)
        # each ` xmlns=` takes one `=` that is no attribute's; counting less would let text hide attributes
        if data.count(b"=") - data.count(b" xmlns=") > limits.attributes and self._crowded(root):
            raise WireError(
                f"more than {limits.attributes} attributes on one element", code="too-many-attributes"
            )
        if self._may_hold_long_names(data):
            self._check_names(root)

    def check_thoroughly(self, root: Element, data: bytes) -> None:
        """Check a tree that need not be what the bytes say, as a recovering parser made it.

        Raises:
            WireError: As from `check`; `node-type`, when an entity reference is left.
        """
        self.check(root, data)
        if self._too_deep(root):
            raise WireError(f"nested deeper than {self.limits.depth} elements", code="too-deep")
        if self._crowded(root):
            raise WireError(
                f"more than {self.limits.attributes} attributes on one element", code="too-many-attributes"
            )
        self._count_elements(root)
        self._check_names(root)
        self._check_repeated(root)

    def _count_elements(self, root: Element) -> None:
        for count, _ in enumerate(root.iter("*"), 1):
            if count > self.limits.elements:
                raise WireError(f"more than {self.limits.elements} elements", code="too-many-elements")

    def _may_repeat_much(self, data: bytes, elements: int) -> bool:
        """Whether all declarations on each element would be more than C14N may repeat; ten thousand of UBL are not."""
        declared = (_DECLARED_URI.match(declaration) for declaration in data.split(b"xmlns")[1:])
        uris = [len(found[1] or found[2] or b"") for found in declared if found]
        once = sum(uris) + len(uris) * _DECLARATION_CHARS
        return elements * once > self.limits.message_bytes * MAX_REPEATED

    def _check_repeated(self, root: Element) -> None:
        """Count the declarations that exclusive C14N writes on each element, as if none stood above it.

        It takes time for each of them as well, at 64 attributes of 64 namespaces more than a second a MiB.
        """
        left = self.limits.message_bytes * MAX_REPEATED
        for element in root.iter("*"):
            uris = {str(name).rpartition("}")[0] for name in (element.tag, *element.attrib)} - {""}
            left -= sum(map(len, uris)) + len(uris) * _DECLARATION_CHARS
            if uris and max(map(len, uris)) > self.limits.name_chars:
                raise WireError(
                    f"a name has more than {self.limits.name_chars} characters", code="name-too-long"
                )
            if left < 0:
                raise WireError(
                    "its canonical form would repeat namespace declarations "
                    f"for more than {MAX_REPEATED} times the longest message",
                    code="too-many-namespaces",
                )

    def _may_hold_long_names(self, data: bytes) -> bool:
        """Whether the bytes hold what may be half of a name that is too long: a local part, or a declared URI."""
        if self._longest_run in data.translate(_RUNS):
            return True
        declarations = data.split(b"xmlns")[1:]
        for declaration in declarations:
            declared = _DECLARED_URI.match(declaration)
            if declared and len(declared[1] or declared[2] or b"") >= self._half_a_name:
                return True
        return False

    def _check_names(self, root: Element) -> None:
        longest = self.limits.name_chars
        for element in root.iter():
            tag = element.tag
            if type(tag) is not str:
                raise WireError("an entity reference is left in the tree", code="node-type")
            if len(tag) > longest and _written(tag) > longest:
                raise WireError(f"an element name has more than {longest} characters", code="name-too-long")
            names = element.attrib.keys()
            if names and max(map(len, names)) > longest and max(map(_written, names)) > longest:
                raise WireError(f"an attribute name has more than {longest} characters", code="name-too-long")


def _written(name: str | bytes) -> int:
    """Return the length of a name without the URI that is never written: that of the prefix `xml`."""
    return len(str(name).removeprefix(_XML_NAMESPACE))


def _namespace_count(root: Element) -> int:
    return sum(1 for _ in etree.iterwalk(root, events=("start-ns",)))
