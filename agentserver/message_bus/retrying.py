"""Whether a message whose handler failed is tried again, and when.

Takes a failed state; gives the message as it shall wait, or says why it is given up. Knows no queue: attempt and due
time travel with the message, so that whoever takes it next, in this process or after a restart, goes on from there.

What a handler has sent before it failed cannot be taken back, and its next run may send something else under the same
ids. So a handler that has sent something already is not called again. Each call more counts as a message in the budget
of the conversation.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from copy import copy
from typing import Final

from agentserver.config import RetryConfig
from agentserver.message_bus.budget import Budget, is_ended
from agentserver.message_bus.failure_kinds import is_meant
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.raised import log_fields
from agentserver.message_bus.secrecy import scrubber_of
from agentserver.queues import QueuedMessage
from agentserver.wire import THREAD

logger = logging.getLogger(__name__)

GIVEN_UP: Final = "given_up"
"""Key of a state's metadata: why it was not tried again although its listener's policy says so."""


MAX_DOUBLINGS: Final = 1_000
"""Beyond, a float cannot hold it; `max_s` is reached long before."""


class Retrying:
    """Keep to the policies of listeners.

    Args:
        default: The policy for listeners that have none; None tries once.
        budget: What conversations may use.
        clock: Seconds since the epoch.
        random: A number from 0 to less than 1, for the jitter.
    """

    __slots__ = ("_budget", "_clock", "_random", "default")

    def __init__(
        self,
        default: RetryConfig | None,
        budget: Budget,
        clock: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self.default, self._budget = default, budget
        self._clock, self._random = clock, random

    def again(self, state: MessageState, message: QueuedMessage) -> QueuedMessage | None:
        """Return a message as it shall wait for its next attempt; None when this was the last.

        Args:
            state: The message, failed.
            message: As it waited.
        """
        if not state.target_listeners or state.stage != "dispatch":
            return None
        listener = state.target_listeners[0]
        policy = listener.retry or self.default
        if policy is None or message.attempt + 1 >= policy.attempts or not is_meant(state.failure, policy.on):
            return None
        if state.sent_early:
            state.metadata[GIVEN_UP] = "not tried again, as its handler had sent something already"
            return None
        if is_ended(state) or not self._budget.charge(message):
            state.metadata[GIVEN_UP] = "not tried again, as its conversation has used up its budget"
            return None
        pause_s = pause_before(policy, message.attempt + 1, self._random)
        following = copy(message)
        following.attempt, following.deliver_at = message.attempt + 1, self._clock() + pause_s
        if message.thread_id is None and _has_no_thread(state):
            following.thread_id = state.thread_id
        fields = log_fields(
            scrubber_of(state), listener=listener.name, message_id=message.id, thread_id=state.thread_id,
            attempt=message.attempt + 2, attempts=policy.attempts, due_in_s=round(pause_s, 3),
            due_at=round(following.deliver_at, 3), reason=state.error or "",
        )  # fmt: skip
        logger.info("a message is tried again", extra=fields)
        return following


def pause_before(policy: RetryConfig, attempt: int, random: Callable[[], float]) -> float:
    """Return the seconds to wait before an attempt; 1 is the second.

    Exponential backoff doubles `base_s` until `max_s`; a `base_s` beyond that stays. The jitter shortens it.
    """
    pause_s = policy.base_s
    if policy.backoff == "exponential" and pause_s < policy.max_s:
        pause_s = min(policy.max_s, pause_s * 2.0 ** min(attempt - 1, MAX_DOUBLINGS))
    return pause_s * (1.0 - policy.jitter * random())


def _has_no_thread(state: MessageState) -> bool:
    """Return whether the envelope names no thread, so that each run through the gate would give another."""
    tree = state.envelope_tree
    return tree is not None and len(tree) > 0 and tree[0].find(THREAD) is None
