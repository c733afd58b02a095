"""Contracts of our own whose elements have a namespace, and those that keep raw XML, over the bus."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from lxml import etree

from agentserver import HandlerResponse, running, xmlify
from agentserver.xmlable import RawXml, xml
from tests.organisms import Recorder, envelope, listener, outcomes, pump_of


@xmlify(namespace="urn:n")
@dataclass
class Note:
    text: str


@xmlify(namespace="urn:n")
@dataclass
class Mixed:
    text: str
    plain: str = field(metadata=xml(namespace=""))
    body: RawXml


@xmlify
@dataclass
class Box:
    body: RawXml


def respond(payload: Any) -> HandlerResponse:
    return HandlerResponse.respond(payload)


NOTE = '<n:Note xmlns:n="urn:n"><n:Text>x</n:Text></n:Note>'


@pytest.mark.parametrize("to", ["notes", "NOTES", None])
async def test_a_namespaced_contract_comes_and_goes(to: str | None) -> None:
    recorder = Recorder(respond)
    (state,) = await outcomes(pump_of(listener("notes", Note, recorder)), envelope(NOTE, to=to))
    assert [Note("x")] == recorder.payloads
    assert Note("x") == state.payload
    assert state.canonical is not None
    assert b'<Note xmlns="urn:n"><Text>x</Text></Note>' in state.canonical


@pytest.mark.parametrize(
    "payload", [NOTE.replace("urn:n", "urn:m"), NOTE.replace("Note", "note"), "<Note xmlns=''/>"]
)
async def test_another_name_is_not_taken_for_it(payload: str) -> None:
    (state,) = await outcomes(pump_of(listener("notes", Note, Recorder())), envelope(payload, to="notes"))
    assert state.failure is not None
    assert "no-listener" == state.failure.code


async def test_elements_in_no_namespace_stay_there_below_a_root_that_has_one() -> None:
    pump = pump_of(listener("mixed", Mixed, Recorder(respond)))
    async with running(pump):
        reply = await pump.request(Mixed("x", "y", etree.fromstring("<a><b/></a>")), timeout_s=5)
    assert ("x", "y", ["a", "b"]) == (reply.text, reply.plain, [each.tag for each in reply.body.iter()])


async def test_raw_xml_keeps_a_prefix_that_only_a_value_uses() -> None:
    pump = pump_of(listener("box", Box, Recorder(respond)))
    async with running(pump):
        reply = await pump.request(Box(etree.fromstring('<a xmlns:q="urn:q">q:x</a>')), timeout_s=5)
    assert "urn:q" == reply.body.nsmap["q"]


async def test_raw_xml_may_be_a_document_with_many_elements_of_one_prefix() -> None:
    items = "<q:b/>" * 500
    pump = pump_of(listener("box", Box, Recorder(respond)))
    async with running(pump):
        reply = await pump.request(Box(etree.fromstring(f'<a xmlns:q="urn:q">{items}</a>')), timeout_s=5)
    assert 500 == len(reply.body)
