"""`agentserver pipe --refusals`: what a sender is told of a message that failed, among the replies."""

from __future__ import annotations

import json

from lxml import etree

from .process import agentserver

STDIN = b"<Greeting><Name>Ada</Name></Greeting><Greeting><Nam>Ada</Nam></Greeting><Nope/>"
CORE = "{https://xml-pipeline.org/ns/core/v1}"
NS = "{https://xml-pipeline.org/ns/envelope/v1}"


def test_without_the_option_standard_output_is_for_replies_alone() -> None:
    assert 1 == len(agentserver("pipe", "--from", "me", stdin=STDIN).stdout.splitlines())


def test_refusals_are_envelopes_from_system() -> None:
    done = agentserver("pipe", "--from", "me", "--refusals", stdin=STDIN)
    messages = [etree.fromstring(line) for line in done.stdout.splitlines()]
    refusals = [each for each in messages if each.findtext(f"{NS}meta/{NS}from") == "system"]
    assert ["schema", "no-listener"] == [each.findtext(f"{CORE}huh/{CORE}code") for each in refusals]


def test_the_counts_and_the_exit_code_stay() -> None:
    done = agentserver("pipe", "--from", "me", "--refusals", "--json", stdin=STDIN)
    document = json.loads(done.stdout)
    assert (1, 3) == (done.returncode, len(document["replies_xml"]))
    assert (3, 1, 2) == (document["messages"], document["replies"], document["failed"])
