"""For whom the bytes of a message claim to be, as far as a glance tells: so that a crowd for one keeps nobody else.

Takes bytes that nobody has looked at; gives the address of an envelope, or the root of a bare payload. It is a claim,
may be wrong, and decides nothing but whose turn it is in a long queue. Never raises, and parses nothing.
"""

from __future__ import annotations

import re
from typing import Final

LOOKED_AT_BYTES: Final = 2_048
MANY_WAIT: Final = 1_000
"""Messages in the queue before it matters who is next, so that looking costs nothing as long as it does not."""

_ROOT: Final = re.compile(rb"\s*+(?:<\?[^>]*+>\s*+)?<(?:[\w.-]++:)?([\w.-]{1,64})[\s/>]")
_TO: Final = re.compile(rb"<(?:[\w.-]++:)?to>\s*+([\w.-]{1,64})\s*+</")


def bound_for(data: bytes) -> str | None:
    """Return the claim, in lower case; None where there is none in sight."""
    root = _ROOT.match(data, 0, LOOKED_AT_BYTES)
    if root is None:
        return None
    if root[1] != b"message":
        return root[1].decode("ascii", "replace").lower()
    to = _TO.search(data, root.end(), LOOKED_AT_BYTES)
    return to[1].decode("ascii", "replace").lower() if to is not None else None
