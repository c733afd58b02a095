"""The hashes of the file: the digest of a row, and the chain that the endings of a conversation form.

Pure functions over what the file holds, so that anybody can check it: take texts and bytes as they stand in its
columns, give hashes. Know no SQL and no message.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Final

_GENESIS: Final = b"agentserver history\n"

encoded: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
"""Write a list as JSON in ASCII: the same text for the same values, on every version of Python."""


def row_digest(message_id: str, about: str, data: bytes) -> bytes:
    """Return the digest of a row of `messages`: SHA-256 of the JSON of its id, its `about`, and its bytes.

    Both texts end where their JSON does, so that no two rows have the same input.
    """
    return sha256(f"{encoded(message_id)}{about}".encode() + data).digest()


def first_hash(conversation: str) -> bytes:
    """Return what stands before the first link of a conversation's chain."""
    return sha256(_GENESIS + conversation.encode("utf-8", "surrogatepass")).digest()


def next_hash(previous: bytes, about: str) -> bytes:
    """Return the hash of a link: SHA-256 of the one before it, 32 bytes, and of what it says.

    Args:
        previous: The hash at the place before; `first_hash` at place 1; the anchor behind what retention removed.
        about: `endings.about`. It holds its place and the digest of its row of `messages`, and so covers all of it.
    """
    return sha256(previous + about.encode()).digest()
