"""Which dead letters are meant: the options that choose them, of `list`, `retry` and `drop` alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from agentserver.cli.moments import moment
from agentserver.queues.sqlite.letter_choice import Wanted

F = TypeVar("F", bound=Callable[..., Any])


def letter_options(limit: int) -> Callable[[F], F]:
    """Add the filters to a command, as the one parameter `wanted`.

    Args:
        limit: The default of `--limit`; 0 is no limit.
    """

    def add(function: F) -> F:
        @click.option("--listener", metavar="NAME", help="For this listener: its name, or its key.")
        @click.option("--code", metavar="CODE", help="That failed with this code, as handler-failed.")
        @click.option("--stage", metavar="STAGE", help="That failed at this stage.")
        @click.option(
            "--thread", metavar="ID", help="On this thread, or in the conversation of this root thread."
        )
        @click.option("--sender", metavar="NAME", help="From this sender.")
        @click.option(
            "--since",
            metavar="WHEN",
            callback=moment,
            help="That died then or later: 2026-11-21T08:00, 08:00, or 2h (ago).",
        )
        @click.option("--until", metavar="WHEN", callback=moment, help="That died before then.")
        @click.option(
            "--limit", type=click.IntRange(min=0), default=limit, show_default=True,
            help="So many at most, the oldest first; 0 is no limit.",
        )  # fmt: skip
        def with_wanted(*args: Any, **options: Any) -> Any:
            names = ("listener", "code", "stage", "sender", "since", "until", "limit")
            chosen = {name: options.pop(name) for name in names}
            return function(*args, wanted=Wanted(thread_id=options.pop("thread"), **chosen), **options)

        return _in_place_of(function, with_wanted)

    return add


def _in_place_of(function: F, wrapper: Any) -> F:
    """Give a wrapper the name, the text and the further options of what it wraps."""
    wrapper.__name__, wrapper.__doc__ = function.__name__, function.__doc__
    wrapper.__click_params__ += getattr(function, "__click_params__", [])
    return wrapper  # type: ignore[no-any-return]


def is_choice(wanted: Wanted) -> bool:
    """Return whether any filter was given."""
    return wanted != Wanted()
