"""What stands around every step: skip what has failed, keep the first failure, let a bug fail one message alone.

The contract of a step is `StepBody`: take a state, change it in place, raise a typed error. `guard` makes it a `Step`,
which is called with one state or, in the pipeline, goes over a batch of them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeAlias

from agentserver.errors import AgentServerError, StepFailed
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.raised import failure_by, log_raised
from agentserver.message_bus.secrecy import scrubber_of

logger = logging.getLogger(__name__)

StepBody: TypeAlias = Callable[[MessageState], None]
"""Change the state in place; raise an `AgentServerError` when the message cannot go on."""

Batch: TypeAlias = list[MessageState]
"""Messages that go through the pipeline together, as a stage costs the same for one as for fifty."""


class Step:
    """A guarded step. Call it with a state to get the state; `over` does the same for a batch."""

    __slots__ = ("_body", "name")

    def __init__(self, name: str, body: StepBody) -> None:
        self.name = name
        self._body = body

    def __call__(self, state: MessageState) -> MessageState:
        """Apply the step to one message."""
        return self.over([state])[0]

    def over(self, batch: Batch) -> Batch:
        """Apply the step to each message that has not failed."""
        body = self._body
        for state in batch:
            if state.error is None:
                try:
                    body(state)
                except AgentServerError as exc:
                    state.fail(self.name, without_frames(exc))
                except BaseException as exc:  # noqa: BLE001  # an edge: contracts run their authors' code, sys.exit and all
                    fail_by_bug(state, self.name, exc)
        return batch


def guard(name: str) -> Callable[[StepBody], Step]:
    """Make a step of a body. Use as `@guard("c14n")`."""
    return lambda body: Step(name, body)


def without_frames(failure: AgentServerError) -> AgentServerError:
    """Return a failure without the tracebacks of itself and its causes.

    Their frames lead to the batch, and that to the failure: such circles would keep every bad message, and what it was
    parsed from, until the garbage collector looks at everything, and make that take long.
    """
    error: BaseException | None = failure
    while error is not None and (error.__traceback__ or error.__context__):
        error.__traceback__ = error.__context__ = None
        error = error.__cause__
    return failure


def fail_by_bug(state: MessageState, step: str, exc: BaseException) -> None:
    """Fail a message whose step raised what no step should, and log where."""
    scrubber = scrubber_of(state)
    log_raised(logger, logging.ERROR, "step raised", exc, scrubber, step=step, thread_id=state.thread_id)
    state.fail_as_told(step, failure_by(exc, lambda text: StepFailed(step, text), scrubber))
