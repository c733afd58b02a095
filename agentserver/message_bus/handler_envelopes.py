"""Envelopes that handlers write themselves: the payload and the address in them count, sender and thread do not.

Takes an element that a handler wrote; gives its payload, or raises `BadReply`. What it said of sender and thread is
compared with what is true: each difference is counted, and each listener told of in the audit once. Knows no addresses
and makes no messages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from agentserver.errors import BadReply
from agentserver.message_bus.audit import FALSE_CLAIM, audit
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.raised import log_fields
from agentserver.message_bus.secrecy import scrubber_of
from agentserver.message_bus.steps import payload_extraction_step
from agentserver.wire import FROM, MESSAGE, THREAD, Element

_is_plain: Final = re.compile(r"[A-Za-z0-9._-]{1,64}").fullmatch


class HandlerEnvelopes:
    """Take envelopes of handlers apart."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    @property
    def false_claims(self) -> Mapping[str, int]:
        """How often the handlers of each listener claimed another sender or thread than theirs; a copy."""
        return dict(self._counts)

    @property
    def total(self) -> int:
        """How often all of them did."""
        return sum(self._counts.values())

    def unwrap(self, state: MessageState, listener: str, root: Element) -> tuple[Element, str | None]:
        """Return the payload of an envelope and the address that it names; of anything else, itself.

        Args:
            state: The message that the handler was called with.
            listener: The handler's listener.
            root: What it wrote.

        Raises:
            BadReply: It is a bad envelope.
        """
        if root.tag != MESSAGE:
            return root, None
        part = MessageState(envelope_tree=root, from_id=listener, thread_id=state.thread_id)
        part.secret_names = state.secret_names
        payload_extraction_step(part)
        if part.failure is not None:
            raise BadReply(listener, f"malformed reply: {part.failure}") from part.failure
        if claims := part.metadata.get("false_claims", 0):
            self._count(state, listener, claims, root)
        assert part.payload_tree is not None
        return part.payload_tree, part.to_id

    def _count(self, state: MessageState, listener: str, claims: int, root: Element) -> None:
        known = self._counts.get(listener, 0)
        self._counts[listener] = known + claims
        if known:
            return
        message = state.message
        meta = {child.tag: child.text for child in root[0]}
        said = f"it said <from> {_shown(meta.get(FROM))} and <thread> {_shown(meta.get(THREAD))}"
        fields = log_fields(
            scrubber_of(state), detail=f"{said}; further ones of this listener are counted only"
        )
        audit(
            FALSE_CLAIM, fields["detail"], listener=listener, thread_id=state.thread_id,
            message_id=message.id if message is not None else None,
        )  # fmt: skip


def _shown(claim: str | None) -> str:
    """Quote a claim that is a name or an id; anything else may be whatever the handler got hold of."""
    if claim is None:
        return "nothing"
    return repr(claim) if _is_plain(claim) else "what is neither a name nor an id"
