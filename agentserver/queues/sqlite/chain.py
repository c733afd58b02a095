"""The hashes of the file: the digest of a row, and the chain that the endings of a conversation form.

Pure functions over what the file holds, so that anybody can check it: take texts and bytes as they stand in its
columns, give hashes. Know no SQL and no message.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from json.encoder import encode_basestring_ascii
from typing import Any, Final

_GENESIS: Final = b"agentserver history\n"

_JSON: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False)
_fast: Final[Any] = getattr(json.encoder, "c_make_encoder", None)
_parts: Final[Any] = _fast and _fast(
    None, _JSON.default, encode_basestring_ascii, None, ":", ",", False, False, True
)  # what `JSONEncoder.encode` makes anew for each call


def encoded(value: object) -> str:
    """Write a value as JSON in ASCII: the same text for the same value, on every version of Python."""
    return "".join(_parts(value, 0)) if _parts else _JSON.encode(value)


def row_digest(message_id: str, about: str, data: bytes) -> bytes:
    """Return the digest of a row of `messages`: SHA-256 of the JSON of its id, its `about`, and its bytes.

    Both texts end where their JSON does, so that no two rows have the same input.
    """
    return sha256((encode_basestring_ascii(message_id) + about).encode() + data).digest()


def first_hash(conversation: str) -> bytes:
    """Return what stands before the first link of a conversation's chain."""
    return sha256(_GENESIS + conversation.encode("utf-8", "surrogatepass")).digest()


def next_hash(previous: bytes, about: str, conversation: str | bytes) -> bytes:
    """Return the hash of a link: SHA-256 of the one before it, 32 bytes, of what it says, and of whose it is.

    Args:
        previous: The hash at the place before; `first_hash` at place 1; the anchor behind what retention removed.
        about: `endings.about`. It holds its place and the digest of its row of `messages`, and so covers all of it.
        conversation: Its name, or that in UTF-8, which begins where the JSON before it ended.
    """
    if isinstance(conversation, str):
        conversation = conversation.encode("utf-8", "surrogatepass")
    return sha256(previous + about.encode() + conversation).digest()


def letter_digest(columns: Sequence[str | int | float | bytes | None], canonical: bytes | None) -> str:
    """Return the digest of a row of `dead_letters`: SHA-256 of its JSON and of its canonical form, in hexadecimal.

    Args:
        columns: `stage`, `code`, `reason`, `path`, `sender`, `thread_id`, `to_id`, `exhausted`, `attempt`, `crashes`
            and `died_at`; not what is noted of it later.
        canonical: `canonical`.
    """
    return sha256(encoded((*columns, canonical is not None)).encode() + (canonical or b"")).hexdigest()
