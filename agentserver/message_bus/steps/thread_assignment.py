"""Every message gets a thread: a valid UUID stays, anything else is replaced, and that is noted.

Takes and gives `thread_id`. Knows nothing of conversations: who made the id is the pump's affair, and so is who may go
on with it. A message whose sender may not gets a thread of its own, on which it fails.
"""

from __future__ import annotations

from collections.abc import Callable

from agentserver.errors import ForeignThread, shorten
from agentserver.message_bus.guard import Step, guard
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.threads import is_thread_id, new_thread_id


def make_thread_assignment_step(
    replace: Callable[[str], str], check: Callable[[str, str], object] = lambda thread_id, sender: None
) -> Step:
    """Make the step that assigns threads.

    Args:
        replace: Gives the id that stands for one that is no UUID.
        check: Takes the thread and the sender of a message that the envelope alone vouches for; raises
            `ForeignThread` when they may not go on with it.
    """

    @guard("thread_assignment")
    def assign(state: MessageState) -> None:
        claim = state.thread_id
        if is_thread_id(claim):
            if state.claimed:
                keep_to_own(state)
            return
        state.thread_id = replace(claim) if claim else new_thread_id()
        state.note(
            f"thread id {shorten(claim)!r} is no UUID, replaced by {state.thread_id}"
            if claim
            else f"no thread id, given {state.thread_id}"
        )
        if state.claimed:
            keep_to_own(state)

    def keep_to_own(state: MessageState) -> None:
        try:
            check(state.thread_id or "", state.from_id or "")
        except ForeignThread:
            state.thread_id = new_thread_id()  # whoever listens on the other is not to be told of it
            raise

    return assign


thread_assignment_step = make_thread_assignment_step(lambda _: new_thread_id())
