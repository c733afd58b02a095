"""Which failures of a handler a configuration means by its words: `error`, `timeout`, `crashed`, exception classes.

Takes what a message failed with; says what may help. A message that breaks a contract is as bad the next time, so
nothing that tells of one is ever meant.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentserver.errors import (
    AgentServerError,
    BindingError,
    ContractError,
    GateError,
    HandlerFailed,
    HandlerTimedOut,
)


def is_meant(failure: AgentServerError | None, on: Sequence[str]) -> bool:
    """Return whether a failure is a handler's own, and one of those that are named.

    Args:
        failure: What a message failed with.
        on: Words, as `config.resilience` has them.
    """
    raised: type[BaseException]
    if type(failure) is HandlerTimedOut:
        kind, raised = "timeout", TimeoutError
    elif type(failure) is not HandlerFailed:
        return False
    elif failure.raised is None:
        return "crashed" in on
    else:
        raised = failure.raised
        if issubclass(raised, ContractError | BindingError | GateError):
            return False
        kind = "error" if issubclass(raised, Exception) else "crashed"
    return kind in on or any(_is_named(cls, on) for cls in raised.__mro__)


def _is_named(cls: type, on: Sequence[str]) -> bool:
    return cls.__name__ in on or f"{cls.__module__}.{cls.__qualname__}" in on
