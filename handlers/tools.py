"""An agent that uses tools: one reply of its model asks for several things at once, and the answers are put together.

The model writes text, as models do, with a call wherever it wants one: `<Add><A>1.5</A><B>2</B></Add>`. The agent
gives the text back as it is. The pump finds the calls in it, holds each to its contract and sends it to the one among
the agent's peers that takes it; what stands around them is left out. So the agent knows no tool by name. With `join`,
the pump waits until each call is answered, or cannot be any more, and calls the agent once, on the thread on which
it asked, with all the answers in the order of the calls; the model is asked once more, and what it says then is the
answer.

The model here is a script, so that the sample runs anywhere: `Solver` takes whatever has `complete`. In organism.yaml:

    - name: solver
      agent: true
      peers: [calculator.add, calculator.multiply]
      join: true
      on_refusal: handlers.tools.conclude    # where none of the calls was answered
      handles:
        - {payload_class: handlers.tools.Task, handler: handlers.tools.solve}
        - {payload_class: handlers.calculator.Result, handler: handlers.tools.conclude}
"""

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from agentserver import HandlerMetadata, HandlerResponse, Huh, SystemError_, xmlify
from handlers.calculator import Result

MAX_TASKS: Final = 1_000
"""Tasks that wait for answers; of more, the oldest are forgotten."""

_calls: Final = re.compile(r"<(?:Add|Multiply)>")


@xmlify
@dataclass
class Task:
    """Asks for something to be worked out."""

    text: str


@xmlify
@dataclass
class Solved:
    """Says what came out."""

    text: str


class Model(Protocol):
    """What a language model is for this agent."""

    async def complete(self, conversation: Sequence[str]) -> str:
        """Give the next text of a conversation: of the user, of the model, of the tools, of the model..."""


class ScriptedModel:
    """A model that says the same each time: three calls, and then what came of them."""

    first: Final = (
        "The parts first, all at once:\n\n"
        "<Add><A>1.5</A><B>2</B></Add>\n"
        "<Multiply><A>6</A><B>7</B></Multiply>\n"
        "<Add><A>0.1</A><B>0.2</B></Add>\n\n"
        "I put them together when they are there."
    )

    async def complete(self, conversation: Sequence[str]) -> str:
        """Give the calls, or the sentence about their answers."""
        if len(conversation) == 1:
            return self.first
        return f"The parts are {', '.join(conversation[2:])}."


class Solver:
    """The agent.

    Args:
        model: Says what to call, and what came out.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._open: OrderedDict[str, list[str]] = OrderedDict()  # conversations by thread, oldest first

    async def solve(self, payload: Task, metadata: HandlerMetadata) -> HandlerResponse | str:
        """Ask the model, and have done what it calls for."""
        conversation = [payload.text]
        reply = await self._model.complete(conversation)
        if not _calls.search(reply):
            return HandlerResponse.respond(Solved(reply))
        self._open[metadata.thread_id] = [*conversation, reply]
        while len(self._open) > MAX_TASKS:
            self._open.popitem(last=False)
        return reply

    async def conclude(
        self, payload: Result | Huh | SystemError_, metadata: HandlerMetadata
    ) -> HandlerResponse | None:
        """Show the model what came of its calls, and answer whoever set the task."""
        conversation = self._open.pop(metadata.thread_id, None)
        if conversation is None:  # forgotten
            return None
        answers = [_told(answer) for answer in metadata.answers]
        return HandlerResponse.respond(Solved(await self._model.complete([*conversation, *answers])))


def _told(answer: Result | Huh | SystemError_) -> str:
    return str(answer.value) if isinstance(answer, Result) else f"no answer ({answer.code})"


_solver: Final = Solver(ScriptedModel())
solve, conclude = _solver.solve, _solver.conclude
