"""Threads: opaque ids of conversation branches. The call chain behind one is private to the pump.

A branch's id is a keyed hash (BLAKE2b, RFC 7693) of what led to it, so it is the same for the same path and nobody
without the key can tell or guess it. Ids have the form of UUIDs (RFC 9562, version 8).
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

    __slots__ = ("_keyed",)

    def __init__(self, key: bytes | None = None) -> None:
        self._keyed = blake2b(digest_size=16, key=key or secrets.token_bytes(KEY_BYTES))

    def branch(self, thread_id: str, caller: str, callee: str) -> str:
        """Return the thread on which `callee` works for `caller`, who works on `thread_id`."""
        return self._derive(f"{thread_id}\0{caller}\0{callee}")

    def replace(self, claim: str) -> str:
        """Return the thread that stands for an id that is no UUID: always the same for the same text."""
        return self._derive(f"claim\0{claim}")

    def _derive(self, text: str) -> str:
        keyed = self._keyed.copy()
        keyed.update(text.encode("utf-8", "surrogatepass"))
        digits = keyed.hexdigest()
        return f"{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
