"""Conversations whose time is up while nothing of them moves: a handler that waits, an answer that waits for others.

What goes along is looked at on its way, by `budget.py`. This looks at what is being handled, or is kept for a listener,
every so often, as long as there is any; a conversation that is over has its first message fail with `BudgetExceeded`,
and the others with `ConversationEnded`. What waits in the queue is looked at when it is taken. Where `budget.wall_s` is
not given, nothing is looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from agentserver.errors import BudgetExceeded
from agentserver.message_bus.budget import Budget
from agentserver.message_bus.dispatch import Dispatcher
from agentserver.message_bus.guard import Batch
from agentserver.message_bus.joining import Joins
from agentserver.message_bus.message_state import MessageState

MOST_S: Final = 1.0
"""Seconds between two looks, at most; a tenth of `budget.wall_s` where that is less."""
LEAST_S: Final = 0.05

STAGE: Final = "budget"


class Overdue:
    """Look at what is there, every so often.

    Args:
        budget: Knows whose time is up.
        dispatcher: Handles messages, or keeps them for listeners.
        joins: Keeps answers that wait for others.
        submit: Takes messages that have failed.
    """

    def __init__(
        self, budget: Budget, dispatcher: Dispatcher, joins: Joins, submit: Callable[[Batch], None]
    ) -> None:
        self._budget, self._dispatcher, self._joins, self._submit = budget, dispatcher, joins, submit
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Look from now on, until nothing is there; to be called when messages come in."""
        wall_s = self._budget.wall_s
        if self._timer is None and wall_s is not None:
            every_s = max(LEAST_S, min(MOST_S, wall_s / 10))
            self._timer = asyncio.get_running_loop().call_later(every_s, self._look)

    def stop(self) -> None:
        """Look no more, until it begins anew."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        handled, held = self._dispatcher.submitted(), self._joins.held()
        late: dict[MessageState, BudgetExceeded] = {}
        for state in (*handled, *held):
            failure = self._budget.overdue(state)
            if failure is not None:
                state.fail_as_told(STAGE, failure)
                late[state] = failure
        if late:
            self._dispatcher.cancel(late.__contains__, next(iter(late.values())))  # each has its own already
            self._submit(self._joins.withdraw(late.__contains__))
        if handled or held:
            self.begin()
