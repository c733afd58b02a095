"""What a handler is told about its message. The pump makes it for one call, and never reads it back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple, NoReturn

from agentserver.message_bus.sealed import Sealed, refuse_change, seal

_USAGE: Final = 4
"""The place of `usage_instructions`, which may hold what makes the text."""


class _Fields(NamedTuple):
    thread_id: str
    from_id: str
    own_name: str | None = None
    is_self_call: bool = False
    usage_instructions: Any = ""
    message_id: str = ""
    in_reply_to: str | None = None
    attempt: int = 0
    deadline: float = 0.0
    answers: tuple[Any, ...] = ()


@seal
class HandlerMetadata(_Fields, metaclass=Sealed):
    """What a handler is told about its message. Nobody can change it, nor its class.

    Args:
        thread_id: The thread that the message came on; opaque.
        from_id: Who sent it.
        own_name: The listener's own name, for agents; None for others.
        is_self_call: Whether the listener sent this to itself.
        usage_instructions: How to write to its peers, for agents: a card for each contract; empty for others.
        message_id: The message; opaque.
        in_reply_to: The message of this listener's own that it answers, so that parallel answers find their question.
        attempt: How often it was taken before; 0 for the first time.
        deadline: When an answer comes too late, in seconds since the epoch, UTC; 0 when nobody said.
        answers: For a listener that has them joined, what came of each of its questions, in their order: payloads, and
            a `Huh` or a `SystemError_` in the place of one that was not answered. Empty otherwise.
    """

    __slots__ = ()

    @property
    def usage_instructions(self) -> str:
        """How to write to its peers; the text is made when it is asked for."""
        held = tuple.__getitem__(self, _USAGE)
        return held if type(held) is str else str(held())

    def __iter__(self) -> Iterator[Any]:
        """Give the fields in order, with the text in its place."""
        for index, value in enumerate(tuple.__iter__(self)):
            yield self.usage_instructions if index == _USAGE else value

    def __repr__(self) -> str:
        """Tell all but the text, which is long."""
        told = (f"{name}={getattr(self, name)!r}" for name in self._fields if name != "usage_instructions")
        return f"HandlerMetadata({', '.join(told)})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        refuse_change(f"its metadata, {name}")

    def __delattr__(self, name: str) -> NoReturn:
        refuse_change(f"its metadata, {name}")
