"""Property tests run in every run with a few examples, and with all of them where the slow tests are asked for."""

from __future__ import annotations

import pytest
from hypothesis import is_hypothesis_test

from tests import properties

_TIMEOUT_S = 300
"""Longest that a property with all its examples may take on a busy machine."""


def _wants_slow(config: pytest.Config) -> bool:
    return "slow" in config.option.markexpr.split() and "not slow" not in config.option.markexpr


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples there are."""
    random = config.getoption("--hypothesis-seed", default=None) is not None
    properties.choose(full=_wants_slow(config), random=random)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Count property tests among the slow ones where those are asked for; pytest leaves out what is not."""
    if _wants_slow(config):
        for item in items:
            if is_hypothesis_test(getattr(item, "obj", None)):
                item.add_marker(pytest.mark.slow)
                if item.get_closest_marker("timeout") is None:
                    item.add_marker(pytest.mark.timeout(_TIMEOUT_S))
