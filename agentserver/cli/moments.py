"""Moments on the command line, and times for people: `2026-11-21T08:00`, `08:00`, or `90s`, `15m`, `2h`, `3d` ago.

Takes texts; gives seconds since the epoch. A moment without a zone is in this machine's. What is shown is in UTC, so
that it can be given back as it was shown.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

import click

_AGO: Final = re.compile(r"([0-9]{1,9})([smhdw])")
_CLOCK: Final = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?")
_SECONDS: Final = MappingProxyType({"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800})


def moment(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    """Read a moment: a callback of an option.

    Raises:
        click.BadParameter: It is none.
    """
    if value is None:
        return None
    text = value.strip()
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return time.time() - int(ago[1]) * _SECONDS[ago[2]]
    if _CLOCK.fullmatch(text):
        text = f"{datetime.now().astimezone().date().isoformat()}T{text}"
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise click.BadParameter(
            f"{value!r} is no moment; write 2026-11-21T08:00, 08:00 (today), or 2h (ago)"
        ) from None


def shown_time(seconds: float | None) -> str:
    """Return a moment for people, to the millisecond; `-` where there is none."""
    if not seconds:
        return "-"
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shown_duration(seconds: float) -> str:
    """Return a duration in the unit that fits: `12.3 ms`, `1.250 s`, `3 min 20 s`, `5 h 2 min`, `3 d 4 h`."""
    if seconds < 0:
        return f"-{shown_duration(-seconds)}"
    if seconds < 1:
        return f"{seconds * 1_000:.1f} ms"
    if seconds < 60:
        return f"{seconds:.3f} s"
    whole = round(seconds)
    for unit, length, smaller, below in (
        ("d", 86_400, "h", 3_600),
        ("h", 3_600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if whole >= length:
            return f"{whole // length} {unit} {whole % length // below} {smaller}"
    return f"{seconds:.3f} s"
