"""Every message gets a thread: a valid UUID stays, anything else is replaced, and that is noted.

Takes and gives `thread_id`. Knows nothing of conversations: who made the id is the pump's affair.
"""

from __future__ import annotations

from collections.abc import Callable

from agentserver.errors import shorten
from agentserver.message_bus.guard import Step, guard
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.threads import is_thread_id, new_thread_id


def make_thread_assignment_step(replace: Callable[[str], str]) -> Step:
    """Make the step that assigns threads.

    Args:
        replace: Gives the id that stands for one that is no UUID.
    """

    @guard("thread_assignment")
    def assign(state: MessageState) -> None:
        claim = state.thread_id
        if is_thread_id(claim):
            return
        state.thread_id = replace(claim) if claim else new_thread_id()
        state.note(
            f"thread id {shorten(claim)!r} is no UUID, replaced by {state.thread_id}"
            if claim
            else f"no thread id, given {state.thread_id}"
        )

    return assign


thread_assignment_step = make_thread_assignment_step(lambda _: new_thread_id())
