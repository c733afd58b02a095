"""An agent that uses tools: one reply of its model asks for several things at once, and the answers are put together.

The model writes text, as models do, with a call wherever it wants one: `<Add><A>1.5</A><B>2</B></Add>`. The agent
gives the text back as it is. The pump finds the calls in it, holds each to its contract and sends it to the one among
the agent's peers that takes it; what stands around them is left out. So the agent knows no tool by name. The answers
come back on the thread on which it asked, each with the id of its question; when the last is there, the model is asked
once more, and what it says then is the answer.

The model here is a script, so that the sample runs anywhere: `Solver` takes whatever has `complete`. In organism.yaml:

    - name: solver
      agent: true
      peers: [calculator.add, calculator.multiply]
      on_refusal: handlers.tools.note_refusal
      handles:
        - {payload_class: handlers.tools.Task, handler: handlers.tools.solve}
        - {payload_class: handlers.calculator.Result, handler: handlers.tools.note_result}
"""

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
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


@dataclass(slots=True)
class _Open:
    """A task whose answers are not all there."""

    conversation: list[str]
    calls: int
    answers: list[tuple[str, str]] = field(
        default_factory=list
    )  # the id of the question, and what came of it


class Solver:
    """The agent.

    Args:
        model: Says what to call, and what came out.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._open: OrderedDict[str, _Open] = OrderedDict()  # by thread, oldest first

    async def solve(self, payload: Task, metadata: HandlerMetadata) -> HandlerResponse | str:
        """Ask the model, and have done what it calls for."""
        conversation = [payload.text]
        reply = await self._model.complete(conversation)
        calls = len(_calls.findall(reply))
        if not calls:
            return HandlerResponse.respond(Solved(reply))
        self._open[metadata.thread_id] = _Open([*conversation, reply], calls)
        while len(self._open) > MAX_TASKS:
            self._open.popitem(last=False)
        return reply

    async def note_result(self, payload: Result, metadata: HandlerMetadata) -> HandlerResponse | None:
        """Note the answer of a tool; answer whoever set the task when it is the last."""
        return await self._note(str(payload.value), metadata)

    async def note_refusal(
        self, payload: Huh | SystemError_, metadata: HandlerMetadata
    ) -> HandlerResponse | None:
        """Note that a call came to nothing: the others are waited for all the same."""
        return await self._note(f"no answer ({payload.code})", metadata)

    async def _note(self, text: str, metadata: HandlerMetadata) -> HandlerResponse | None:
        task = self._open.get(metadata.thread_id)
        if task is None:  # forgotten, or answered
            return None
        task.answers.append((metadata.in_reply_to or "", text))
        if len(task.answers) < task.calls:
            return None
        del self._open[metadata.thread_id]
        answers = [answer for _, answer in sorted(task.answers, key=lambda answer: answer[0])]
        return HandlerResponse.respond(Solved(await self._model.complete([*task.conversation, *answers])))


_solver: Final = Solver(ScriptedModel())
solve, note_result, note_refusal = _solver.solve, _solver.note_result, _solver.note_refusal
