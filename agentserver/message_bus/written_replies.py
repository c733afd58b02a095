"""What handlers wrote as XML text, parsed as the policy of each listener allows; what was mended in it is counted.

Takes the bytes that a handler returned; gives the root elements and the names of the repairs, or raises `BadReply`.
Tells the log once of each listener and kind of repair. Knows no addresses and makes no messages.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final, get_args

from agentserver.config.model import RepairPolicy
from agentserver.errors import BadReply, WireError
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.steps import make_repair_step
from agentserver.wire import Element, ParseLimits, whole_roots

logger = logging.getLogger(__name__)

RECOVERED: Final = "recovered"
"""The repair that may drop and invent fields."""


class WrittenReplies:
    """Parse what handlers wrote.

    Args:
        limits: Bounds on one reply.
        policy: What is mended for listeners that say nothing of it themselves.
    """

    __slots__ = ("_counts", "_policy", "_steps")

    def __init__(self, limits: ParseLimits, policy: RepairPolicy) -> None:
        self._counts: dict[str, dict[str, int]] = {}
        self.adjust(limits, policy)

    def adjust(self, limits: ParseLimits, policy: RepairPolicy) -> None:
        """Take over other bounds and another policy; what was counted stays."""
        self._policy = policy
        self._steps = {each: make_repair_step(limits, each) for each in get_args(RepairPolicy)}

    @property
    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """How many replies of each listener were mended, by kind of repair; a copy."""
        return {listener: dict(kinds) for listener, kinds in self._counts.items()}

    def roots(
        self, state: MessageState, listener: str, written: bytes | str
    ) -> tuple[list[Element], tuple[str, ...]]:
        """Return the root elements of a reply, in order, and what was mended to get at them.

        Args:
            state: The message that it is the reply to; told of the repairs.
            listener: Who wrote it.
            written: The reply.

        Raises:
            BadReply: It cannot be parsed, not even as far as the policy goes.
        """
        row = state.target_listeners[0] if state.target_listeners else None
        policy = self._policy if row is None or row.repair is None else row.repair
        raw = written.encode("utf-8", "surrogatepass") if isinstance(written, str) else written
        parsed = self._steps[policy](MessageState(raw_bytes=raw, secret_names=state.secret_names))
        if parsed.failure is not None:
            raise BadReply(listener, f"malformed reply: {_place(raw, parsed)}") from parsed.failure
        repairs: tuple[str, ...] = parsed.metadata.get("repairs", ())
        if repairs:
            state.note(f"its reply was repaired: {', '.join(repairs)}")
            self._count(listener, repairs)
        roots = parsed.roots if parsed.roots is not None else [parsed.envelope_tree]
        return [root for root in roots if root is not None], repairs

    def _count(self, listener: str, repairs: tuple[str, ...]) -> None:
        kinds = self._counts.setdefault(listener, {})
        for kind in repairs:
            kinds[kind] = kinds.get(kind, 0) + 1
            if kinds[kind] == 1:
                fields = {"listener": listener, "repair": kind}
                logger.info("what it writes is repaired; told once", extra=fields)


def _place(raw: bytes, parsed: MessageState) -> str:
    """Say what is wrong with a reply, and with which of its payloads where some before it are whole."""
    failure = parsed.failure
    if not isinstance(failure, WireError) or failure.code != "syntax":
        return str(failure)
    before = whole_roots(raw)
    return f"payload {before + 1}: {failure}" if before else str(failure)
