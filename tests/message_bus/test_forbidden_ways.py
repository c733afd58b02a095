"""A pump whose configuration was made in code registers nothing where there is a way that it forbids."""

from __future__ import annotations

import pytest

from agentserver.config import ForbidConfig
from agentserver.errors import ConfigError
from tests.organisms import Ping, Recorder, listener, pump_of


def test_a_way_that_is_forbidden_is_refused() -> None:
    desks = [listener("a", Ping, Recorder(), peers=["b"]), listener("b", Ping, Recorder())]
    with pytest.raises(ConfigError, match="'a' can reach 'b', which is forbidden: a -> b"):
        pump_of(*desks, forbid=[ForbidConfig("a", "b")])


def test_a_way_that_there_is_not_is_no_matter() -> None:
    desks = [listener("a", Ping, Recorder(), peers=["b"]), listener("b", Ping, Recorder(), peers=[])]

    assert {"a", "b"} == set(pump_of(*desks, forbid=[ForbidConfig("b", "a")]).listeners)
