"""Messages as rows of the file, and back.

Takes and gives the values of columns; runs no SQL. The order of the parts of each `about` is that which `schema.py`
names them in.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii
from typing import Any, Final, NamedTuple

from agentserver.queues.protocol import DeadLetter, Frame, Joint, QueuedMessage, Record
from agentserver.queues.sqlite.chain import encoded, row_digest

_CANONICAL: Final = 1
_OUTBOUND: Final = 2
_PARTS: Final = 17
"""Of `messages.about`."""


class Row(NamedTuple):
    """A message that waits or is being handled, as the file has it.

    Args:
        seq: Its place in the order of all messages, by which all tables name it.
        digest: The digest of its row.
    """

    seq: int
    digest: bytes


def about_message(message: QueuedMessage, queued_at: float) -> str:
    """Return `messages.about`."""
    if _is_plain(message):
        flags = _CANONICAL * message.canonical + _OUTBOUND * message.outbound
        at = message.queued_at or queued_at
        return f"[{_text(message.sender)},{_text(message.thread_id)},null,{flags},{at!r}]"
    first_line = message.first_line
    return _array(
        [
            message.sender, message.thread_id, message.chain or None,
            _CANONICAL * message.canonical + _OUTBOUND * message.outbound, message.queued_at or queued_at,
            message.hop or None, message.parent_id, message.to_id, message.sent_on, message.in_reply_to,
            message.target, message.key, first_line if first_line != 1 else None, message.feedback or None,
            message.revived or None, message.repairs or None, message.joint,
        ]
    )  # fmt: skip


def _is_plain(message: QueuedMessage) -> bool:
    """Return whether nothing is to be said of a message behind the time at which it was put in."""
    return not (
        message.chain or message.hop or message.parent_id or message.to_id or message.sent_on
        or message.in_reply_to or message.target or message.key or message.first_line != 1 or message.feedback
        or message.revived or message.repairs or message.joint
    )  # fmt: skip


def message_row(message: QueuedMessage, queued_at: float) -> tuple[str, bytes, str, bytes]:
    """Return the columns `id`, `data`, `about` and `digest` of `messages`."""
    about = about_message(message, queued_at)
    return message.id, message.data, about, row_digest(message.id, about, message.data)


def about_ending(
    place: int, digest: bytes, attempt: int, record: Record, content: str | None, letter: str | None
) -> str:
    """Return `endings.about`, from which the hash of the link is made.

    Args:
        place: The how-manieth of its conversation to end.
        digest: Of its row of `messages`.
        attempt: How often it was tried before.
        record: What became of it.
        content: SHA-256 of its canonical form in hexadecimal, where that is not its bytes.
        letter: `chain.letter_digest` of its dead letter, where it was given up on.
    """
    _, outcome, _, _, thread_id, sender, to_id, listener, tag, code, began_at, ended_at = record
    if tag is not None and not (code or attempt or content or letter):
        return (
            f'[{place},"{digest.hex()}","{outcome}",{ended_at!r},{began_at!r},{_text(sender)},{_text(thread_id)},'
            f"{_text(to_id)},{_text(listener)},{_text(tag)}]"
        )
    return _array(
        [
            place, digest.hex(), outcome, ended_at, began_at, sender, thread_id, to_id, listener, tag, code or None,
            attempt or None, content, letter,
        ]
    )  # fmt: skip


def letter_columns(letter: DeadLetter, message: QueuedMessage) -> tuple[str | int | float | None, ...]:
    """Return the columns of `dead_letters` that `chain.letter_digest` takes, in its order."""
    words = (
        letter.stage, letter.code, letter.reason, letter.path, letter.sender, letter.thread_id, letter.to_id
    )  # fmt: skip
    return (
        *map(_storable, words), int(letter.exhausted), message.attempt, message.crashes, letter.died_at
    )  # fmt: skip


def message_of(
    id_: str, data: bytes, about: str, priority: int, deliver_at: float, attempt: int, crashes: int
) -> QueuedMessage:
    """Return the message that a row holds."""
    part: list[Any] = json.loads(about)
    part += [None] * (_PARTS - len(part))
    return QueuedMessage(
        id_, data, part[0], part[1], tuple(map(_frame, part[2] or ())), bool(part[3] & _CANONICAL),
        bool(part[3] & _OUTBOUND), queued_at=part[4], hop=part[5] or 0, parent_id=part[6], to_id=part[7],
        sent_on=part[8], in_reply_to=part[9], target=part[10], key=part[11], first_line=part[12] or 1,
        feedback=part[13] or 0, revived=part[14] or 0, repairs=tuple(part[15] or ()), joint=_joint(part[16]),
        attempt=attempt, priority=priority, deliver_at=deliver_at, crashes=crashes,
    )  # fmt: skip


def is_intact(id_: str, data: bytes, about: str, digest: bytes) -> bool:
    """Return whether a row is what was written."""
    return row_digest(id_, about, data) == digest


def _storable(text: str | None) -> str | None:
    """Return a text without what no UTF-8 can hold; it may quote what somebody else wrote."""
    return None if text is None else text.encode("utf-8", "backslashreplace").decode()


def _text(value: str | None) -> str:
    """Write a text, or null; as `encoded` does, only faster."""
    return "null" if value is None else encode_basestring_ascii(value)


def _array(parts: list[Any]) -> str:
    """Write an array, without what is null at its end."""
    while parts[-1] is None:
        parts.pop()
    return encoded(parts)


def _frame(part: list[Any]) -> Frame:
    return Frame(part[0], part[1], part[2], _joint(part[3]))


def _joint(part: list[Any] | None) -> Joint | None:
    return Joint(*part) if part is not None else None
