"""What somebody else's code raised about a message: made a failure, and logged.

Takes the exception, and what takes the message's secrets out of a text. Without secrets, the failure has the exception
as its cause, and the log record has it whole, traceback and all. Neither has it where it could lead to a secret, or
where its text is longer than a log should hold. Never raises.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any

from agentserver.errors import AgentServerError, BadReply, told
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.secrecy import hidden, scrubber_of, scrubber_of_reply
from agentserver.xmlable.scrubbing import LEFT_OUT, MAX_SCRUBBED, Scrubber, bounded


def failure_by(
    exc: BaseException, make: Callable[[str], AgentServerError], *scrubbers: Scrubber | None
) -> AgentServerError:
    """Return the failure of a message about which somebody else's code raised.

    Args:
        exc: What it raised; the cause of the failure, unless there is something secret.
        make: Takes the exception's type and text, and gives the failure.
        scrubbers: What takes out what is secret; None for nothing.
    """

    def hide(text: str) -> str:
        for scrubber in filter(None, scrubbers):
            text = scrubber.scrub(text)
        return text

    failure = make(told(exc, hide))
    if not any(scrubbers):
        failure.__cause__ = exc
    return failure


def log_raised(
    logger: logging.Logger,
    level: int,
    event: str,
    exc: BaseException,
    scrubber: Scrubber | None,
    **fields: Any,
) -> None:
    """Log what somebody else's code raised about a message, with the traceback.

    For a message with secrets the traceback is a text in the field `exception`: the record itself must not lead to
    the frames, whose variables hold the payload. It is one, too, where it would be very long otherwise.
    """
    extra = log_fields(scrubber, **fields)
    if scrubber is None and not _is_long(exc):
        logger.log(level, event, exc_info=exc, extra=extra, stacklevel=2)
    else:
        logger.log(level, event, extra={**extra, "exception": _traceback(exc, scrubber)}, stacklevel=2)


def log_fields(scrubber: Scrubber | None, **fields: Any) -> dict[str, Any]:
    """Return the fields of a log line about a message, without the message's secrets."""
    if scrubber is None:
        return fields
    return {name: hidden(value, scrubber.scrub_quotes) for name, value in fields.items()}


def raised_in_reply(state: MessageState, listener: str, result: Any, exc: BaseException) -> AgentServerError:
    """Return the failure of a message in whose answer a payload's own code raised."""
    return failure_by(
        exc,
        lambda text: BadReply(listener, f"while writing its reply: {text}"),
        scrubber_of_reply(state, result),
        scrubber_of(state),
    )


def _is_long(exc: BaseException) -> bool:
    """Tell whether an exception, or one that led to it, has a text that no log should hold."""
    parts = exc.exceptions if isinstance(exc, BaseExceptionGroup) else ()
    chain = [exc, exc.__cause__, exc.__context__, *parts]
    return any(len(hidden(each, str)) > MAX_SCRUBBED for each in chain if each is not None)


def _traceback(exc: BaseException, scrubber: Scrubber | None) -> str:
    hide = scrubber.scrub if scrubber is not None else bounded
    text = hide("".join(traceback.format_exception(exc)))
    if text != LEFT_OUT:
        return text.rstrip("\n")
    places = "".join(traceback.format_tb(exc.__traceback__))
    return f"Traceback (most recent call last):\n{places}{type(exc).__name__}: {LEFT_OUT}"
