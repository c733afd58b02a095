"""Threads: opaque ids of conversation branches. The call chain behind one is private to the pump.

A branch's id is a keyed hash (BLAKE2b, RFC 7693) of what led to it, so it is the same for the same path and nobody
without the key can tell or guess it. It ends with a keyed hash of the rest, by which the pump knows it again and nobody
else does. Ids have the form of UUIDs (RFC 9562, version 8).
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from hashlib import blake2b
from types import MappingProxyType
from typing import Final
from uuid import uuid4

_match_uuid: Final = re.compile(
    r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
).fullmatch

KEY_BYTES: Final = 32
TAG_DIGITS: Final = 8
"""Hexadecimal digits at the end of a branch's id that tell that it is one."""
_BLOCK_BYTES: Final = 4_096
"""Random bytes that are had at once."""
_UUID_BYTES: Final = 16
_VARIANT: Final[Mapping[str, str]] = MappingProxyType(dict(zip("0123456789abcdef", "89ab" * 4, strict=True)))


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

    __slots__ = ("_at", "_keyed", "_random", "_tagging")

    def __init__(self, key: bytes | None = None) -> None:
        self._random, self._at = "", 0
        key = key or secrets.token_bytes(KEY_BYTES)
        self._keyed = blake2b(digest_size=16, key=key)
        self._tagging = blake2b(digest_size=TAG_DIGITS // 2, key=key, person=b"thread tag")

    def new(self) -> str:
        """Return the id of a conversation that begins, in a fifth of the time of `new_thread_id`."""
        at, digits = self._at, self._random
        if at == len(digits):
            self._random, at = (digits := os.urandom(_BLOCK_BYTES).hex()), 0
        self._at = end = at + 2 * _UUID_BYTES
        return (
            f"{digits[at : at + 8]}-{digits[at + 8 : at + 12]}-4{digits[at + 13 : at + 16]}-"
            f"{_VARIANT[digits[at + 16]]}{digits[at + 17 : at + 20]}-{digits[at + 20 : end]}"
        )

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
