"""Mocks: what a listener's handlers are replaced by in a test. What a mock sends passes the same gate.

Takes what a mock is to answer; gives a handler that answers it, and remembers what it was called with. The listener
keeps its contracts, its permissions and its bounds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any

from agentserver.message_bus.message_state import HandlerMetadata, HandlerResponse


@dataclass(slots=True)
class Mock:
    """A handler that does what a test says.

    Args:
        answer: An exception, which it raises; a function of payload and metadata, which it calls, `async` or not; a
            `HandlerResponse`, bytes, text, None or a list, which it returns as a handler would; else a payload, which
            it responds with.

    Attributes:
        calls: The payloads and the metadata of its calls so far.
    """

    answer: Any
    calls: list[tuple[Any, HandlerMetadata]] = field(default_factory=list)

    @property
    def payloads(self) -> list[Any]:
        """The payloads of its calls so far."""
        return [payload for payload, _ in self.calls]

    async def __call__(self, payload: Any, metadata: HandlerMetadata) -> Any:
        """Answer one message."""
        self.calls.append((payload, metadata))
        answer = self.answer
        if isinstance(answer, BaseException):
            raise answer
        if callable(answer) and not isinstance(answer, type):
            answer = answer(payload, metadata)
            if isawaitable(answer):
                answer = await answer
        if isinstance(answer, list | tuple):
            return [_as_response(each) for each in answer]
        return _as_response(answer)


def _as_response(answer: Any) -> Any:
    if answer is None or isinstance(answer, HandlerResponse | bytes | str):
        return answer
    return HandlerResponse.respond(answer)
