"""Logs on standard error: for a person on a terminal, as JSON lines otherwise.

Module loggers pass fields in `extra`: here they become `key=value` or JSON keys. A field `exception` is a traceback
that was made a text already. One record is one line, but for a traceback in text form, and holds no control
characters. The root logger is borrowed, and given back.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, TypeVar

import click

from agentserver.cli.log_writer import LogWriter
from agentserver.cli.terminal import is_terminal, paint, printable

F = TypeVar("F", bound=Callable[..., Any])

LogFormat: TypeAlias = Literal["auto", "text", "json"]

_LEVELS: Final = ("debug", "info", "warning", "error")
_COLOURS: Final = MappingProxyType(
    {"DEBUG": "dark_grey", "INFO": "green", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}
)
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def log_options(level: str) -> Callable[[F], F]:
    """Add `--log-level` and `--log-format` to a command, with a default level."""

    def add(function: F) -> F:
        with_format = click.option(
            "--log-format", type=click.Choice(["auto", "text", "json"]), default="auto", show_default=True,
            help="auto: text on a terminal, JSON lines otherwise.",
        )(function)  # fmt: skip
        return click.option("--log-level", type=click.Choice(_LEVELS), default=level, show_default=True)(
            with_format
        )

    return add


@contextmanager
def logging_to_stderr(level: str, log_format: LogFormat, *, never_waits: bool = False) -> Iterator[None]:
    """Send all logs to standard error while the block lasts.

    Args:
        level: The least level that is told.
        log_format: How a record is written.
        never_waits: Whether lines are dropped rather than waited for, where nobody reads them, as in a daemon.
    """
    stream = sys.stderr
    as_text = log_format == "text" or (log_format == "auto" and is_terminal(stream))
    handler: logging.Handler = LogWriter(stream) if never_waits else logging.StreamHandler(stream)
    handler.setFormatter(TextFormatter() if as_text else JsonFormatter())
    root = logging.getLogger()
    handlers_before, level_before = root.handlers[:], root.level
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    try:
        yield
    finally:
        handler.close()
        root.handlers[:] = handlers_before
        root.setLevel(level_before)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time`, `level`, `logger`, `event`, the fields, and `exception` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": _time(record).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        for name, value in _fields(record).items():
            line[f"{name}_" if name in line else name] = value
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """`12:00:01.123 WARNING  dead letter  code=no-listener reason="no listener takes <a>"`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the traceback below it."""
        time = _time(record).astimezone().strftime("%H:%M:%S.%f")[:-3]
        level = paint(f"{record.levelname:<8}", _COLOURS.get(record.levelname, "white"), sys.stderr)
        by_name = _fields(record)
        trace = by_name.pop("exception", None)
        if record.exc_info:
            trace = self.formatException(record.exc_info)
        fields = " ".join(
            f"{paint(name, 'cyan', sys.stderr)}={_told(value)}" for name, value in by_name.items()
        )
        line = f"{time} {level} {printable(record.getMessage())}{'  ' if fields else ''}{fields}"
        if trace is not None:
            line += "\n" + printable(str(trace), keep="\n\t")
        return line


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    if fields.get("event") == record.getMessage():  # which is told already
        del fields["event"]
    return fields


def _told(value: object) -> str:
    text = str(value)
    if text and text.isprintable() and not any(char in text for char in ' "='):
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)
