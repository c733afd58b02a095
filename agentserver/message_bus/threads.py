"""Threads: opaque ids of conversation branches. The call chain behind one is private to the pump.

A branch's id is a keyed hash (BLAKE2b, RFC 7693) of what led to it, so it is the same for the same path and nobody
without the key can tell or guess it. It ends with a keyed hash of the rest, by which the pump knows it again and nobody
else does. Ids have the form of UUIDs (RFC 9562, version 8).
"""

from __future__ import annotations

import re
import secrets
from hashlib import blake2b
from typing import Final
from uuid import uuid4

_match_uuid: Final = re.compile(
    r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
).fullmatch

KEY_BYTES: Final = 32
TAG_DIGITS: Final = 8
"""Hexadecimal digits at the end of a branch's id that tell that it is one."""


def is_thread_id(text: str | None) -> bool:
    """Return whether `text` is a UUID in its canonical form, in either case."""
    return text is not None and _match_uuid(text) is not None


def new_thread_id() -> str:
    """Return the id of a conversation that begins."""
    return str(uuid4())


class Threads:
    """Derive thread ids under one key.

    Args:
        key: Secret of this organism, up to 64 bytes; random when left out, so that ids differ between runs.
    """

    __slots__ = ("_keyed", "_tagging")

    def __init__(self, key: bytes | None = None) -> None:
        key = key or secrets.token_bytes(KEY_BYTES)
        self._keyed = blake2b(digest_size=16, key=key)
        self._tagging = blake2b(digest_size=TAG_DIGITS // 2, key=key, person=b"thread tag")

    def branch(self, thread_id: str, caller: str, callee: str) -> str:
        """Return the thread on which `callee` works for `caller`, who works on `thread_id`."""
        digits = self._digits(f"{thread_id}\0{caller}\0{callee}")
        untagged = f"{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-a{digits[17:20]}-{digits[20:24]}"
        return untagged + self._tag(untagged)

    def is_branch(self, thread_id: str) -> bool:
        """Return whether an id was derived by `branch` under this key; one in 4 billion others passes for such."""
        lowered = thread_id.lower()
        return lowered[14:15] == "8" and lowered[19:20] == "a" and self._tag(lowered[:28]) == lowered[28:]

    def replace(self, claim: str) -> str:
        """Return the thread that stands for an id that is no UUID: always the same for the same text. No branch."""
        digits = self._digits(f"claim\0{claim}")
        return f"{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-b{digits[17:20]}-{digits[20:]}"

    def _digits(self, text: str) -> str:
        keyed = self._keyed.copy()
        keyed.update(text.encode("utf-8", "surrogatepass"))
        return keyed.hexdigest()

    def _tag(self, untagged: str) -> str:
        tagging = self._tagging.copy()
        tagging.update(untagged.encode("utf-8", "surrogatepass"))
        return tagging.hexdigest()
