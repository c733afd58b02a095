"""How many examples a property test tries: a few in every run, its full number among the slow tests.

The conftest beside this file chooses which, before test modules are imported. Examples are the same in every run, so
that no run fails by chance; who looks for new ones gives `--hypothesis-seed`.
"""

from __future__ import annotations

from typing import Final

from hypothesis import HealthCheck, settings

QUICK_EXAMPLES: Final = 15
"""Most examples of a property in a run that is not for the slow tests."""

_FULL_EXAMPLES: Final = 100
_SHARE: Final = 6  # of the full number, in a quick run
_FEWEST: Final = 6


def choose(*, full: bool, random: bool) -> None:
    """Choose the profile for all property tests that are imported from now on.

    Args:
        full: Whether properties try their full number of examples.
        random: Whether they try others in each run.
    """
    settings.register_profile(
        "full" if full else "quick",
        max_examples=_FULL_EXAMPLES if full else QUICK_EXAMPLES,
        deadline=None,  # the machine may be busy with other things
        derandomize=not random,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("full" if full else "quick")


def examples(number: int) -> settings:
    """Give the settings of a property that tries `number` examples among the slow tests, and fewer otherwise."""
    full = settings().max_examples == _FULL_EXAMPLES
    quick = min(QUICK_EXAMPLES, max(number // _SHARE, _FEWEST))
    return settings(max_examples=number if full else quick)
