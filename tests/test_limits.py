"""Limits stand in two places, as the wire knows no configuration: they agree."""

from __future__ import annotations

from dataclasses import asdict

from agentserver.config import Limits
from agentserver.message_bus.gate import parse_limits
from agentserver.wire import ParseLimits


def test_the_parsers_defaults_are_those_of_the_configuration() -> None:
    assert parse_limits(Limits()) == ParseLimits()


def test_every_limit_of_the_parser_can_be_configured() -> None:
    assert asdict(ParseLimits()).keys() <= asdict(Limits()).keys()
