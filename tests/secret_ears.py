"""Ears at every place where a pump tells something: for tests that a secret is told at none of them."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from agentserver import MessageState, StreamPump
from agentserver.cli.logs import JsonFormatter, TextFormatter
from agentserver.cli.tally import Failure

MARK = "s3cr3t-m4rk3r"


class Ear(logging.Handler):
    """Hears every log record, at every level, as people and machines will read it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        for formatter in (JsonFormatter(), TextFormatter(), logging.Formatter()):
            self.heard.append(formatter.format(record))
        self.heard.append(repr(vars(record)))
        if record.exc_info and record.exc_info[1] is not None:
            self.heard += whole(record.exc_info[1])


@contextmanager
def listening() -> Iterator[Ear]:
    """Hear all logs while the block lasts."""
    ear, root = Ear(), logging.getLogger()
    level = root.level
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    try:
        yield ear
    finally:
        root.removeHandler(ear)
        root.setLevel(level)


def told(pump: StreamPump, states: Sequence[MessageState], ear: Ear) -> str:
    """Return all that was told of what a pump did: logs, errors with their causes, notes, dead letters, reprs."""
    said = [*ear.heard, repr(pump.dead_letters), repr(states)]
    for state in states:
        said += [
            str(state.error),
            repr(state),
            str(Failure.of(state)),
            repr(state.metadata.get("diagnostics")),
        ]
        said += [repr(state.delivery), repr(state.message), str(state.stage)]
        if state.failure is not None:
            said += whole(state.failure)
    said += [
        part for letter in pump.dead_letters for part in (letter.reason, repr(letter), str(letter.message))
    ]
    return "\n".join(said)


def whole(exc: BaseException) -> list[str]:
    """Return all that can be read off an exception: texts, fields, causes, and the variables of its frames."""
    said = ["".join(traceback.format_exception(exc)), repr(exc), repr(exc.args), repr(vars(exc))]
    frames = traceback.TracebackException.from_exception(exc, capture_locals=True)
    said.append("".join(frames.format()))
    for other in (exc.__cause__, exc.__context__):
        if other is not None:
            said += whole(other)
    return said


def heard(text: str, secret: str = MARK) -> str:
    """Return the first line of a text in which a secret, or a piece of it that somebody cut, stands; or nothing."""
    pieces = {secret[at : at + 8].lower() for at in range(len(secret) - 7)}
    return next((line for line in text.splitlines() if any(piece in line.lower() for piece in pieces)), "")
