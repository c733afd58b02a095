"""The feedback lane: an agent whose own output failed is told why, a bounded number of times, and may correct it."""

from __future__ import annotations

import logging
from dataclasses import make_dataclass
from typing import Any

import pytest

from agentserver import HandlerMetadata, HandlerResponse, RequestFailed, StreamPump, running, xmlify
from agentserver.config import HandlesConfig
from agentserver.core import Huh
from tests.organisms import THREAD, Amount, Ping, Pong, Recorder, listener, outcomes, ping, pump_of

GOOD = "<Amount><Value>3</Value></Amount>"
BROKEN = "<Amount><Value>three</Value></Amount>"
MALFORMED = "<Amount><Value>3</Amount"


class Model:
    """A fake model: says what is in its script, one text for each call, and the last one again and again."""

    def __init__(self, *script: str) -> None:
        self.script = list(script)
        self.prompts: list[Any] = []

    def say(self, prompt: Any) -> str:
        self.prompts.append(prompt)
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    async def ask(self, payload: Ping, metadata: HandlerMetadata) -> str:
        return self.say(payload)

    async def corrected(self, payload: Huh, metadata: HandlerMetadata) -> str:
        assert (metadata.thread_id, metadata.from_id) == (THREAD, "system")
        return self.say(payload)

    async def answered(self, payload: Pong, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse.respond(payload)

    @property
    def refusals(self) -> list[Huh]:
        return [prompt for prompt in self.prompts if isinstance(prompt, Huh)]


async def add_one(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(Pong(str(payload.value + 1)))


def organism(model: Model, **options: Any) -> StreamPump:
    return pump_of(
        listener(
            "agent", Ping, model.ask, is_agent=True, peers=["calc"], on_refusal=model.corrected,
            handles=[HandlesConfig(payload_class=Pong, handler=model.answered)],
        ),
        listener("calc", Amount, add_one),
        **options,
    )  # fmt: skip


def told(seen: list[Any]) -> list[str]:
    return [state.payload.text for state in seen if state.error is None]


@pytest.mark.parametrize("wrong", [BROKEN, MALFORMED])
async def test_an_agent_corrects_itself(wrong: str) -> None:
    model = Model(wrong, GOOD)
    seen = await outcomes(organism(model), ping(to="agent"))
    assert (["4"], 1) == (told(seen), len(model.refusals))


async def test_it_is_told_where_what_and_how_else() -> None:
    model = Model(BROKEN, GOOD)
    await outcomes(organism(model), ping(to="agent"))
    (huh,) = model.refusals
    assert ("schema", "Amount/Value", "'three'") == (huh.code, huh.path, huh.found)
    assert ("- <Value> (required): int", "<Amount>\n  <Value>1</Value>\n</Amount>") == (
        huh.elements,
        huh.example,
    )
    assert 2 == huh.left


async def test_of_text_that_is_no_xml_it_is_told_the_line() -> None:
    model = Model(f"\n\n{MALFORMED}", GOOD)
    await outcomes(organism(model), ping(to="agent"))
    assert ("bad-reply", 3) == (model.refusals[0].code, model.refusals[0].line)


async def test_of_an_instance_that_does_not_fit_its_class_it_is_told_the_field() -> None:
    calls: list[Huh] = []

    async def wrong(payload: Ping, metadata: HandlerMetadata) -> list[HandlerResponse]:
        return [HandlerResponse(Pong("x"), "calc"), HandlerResponse(Amount("three"), "calc")]  # type: ignore[arg-type]  # the point of it

    async def on_refusal(payload: Huh, metadata: HandlerMetadata) -> None:
        calls.append(payload)

    pump = pump_of(listener("agent", Ping, wrong, on_refusal=on_refusal), listener("calc", Amount, add_one))
    await outcomes(pump, ping(to="agent"))
    assert [("bad-reply", "Amount/Value", "<Amount>\n  <Value>1</Value>\n</Amount>")] == [
        (each.code, each.path, each.example) for each in calls
    ]


@pytest.mark.parametrize("wrong", [BROKEN, MALFORMED])
async def test_after_three_times_it_is_exhausted(wrong: str) -> None:
    model = Model(wrong)
    pump = organism(model)
    await outcomes(pump, ping(to="agent"))
    assert [2, 1, 0] == [huh.left for huh in model.refusals]
    assert [False, False, False, True] == [letter.exhausted for letter in pump.dead_letters]
    assert 1 == len({letter.code for letter in pump.dead_letters})


@pytest.mark.parametrize("feedback", [0, 1, 5])
async def test_how_often_is_for_the_organism_to_say(feedback: int) -> None:
    model = Model(BROKEN)
    await outcomes(organism(model, feedback=feedback), ping(to="agent"))
    assert feedback == len(model.refusals)


async def test_outputs_that_go_wrong_at_once_share_the_count_of_their_thread() -> None:
    model = Model(BROKEN * 5, GOOD)
    pump = organism(model)
    await outcomes(pump, ping(to="agent"))
    assert 3 == len(model.refusals)
    assert 2 == sum(letter.exhausted for letter in pump.dead_letters)


async def test_every_conversation_is_counted_for_itself() -> None:
    model = Model(BROKEN, GOOD, BROKEN, GOOD)
    pump = organism(model)
    await outcomes(pump, ping(to="agent"))
    again = organism(model)
    await outcomes(again, ping(to="agent"))
    assert [2, 2] == [huh.left for huh in model.refusals]


async def test_the_dead_letter_log_says_exhausted(caplog: pytest.LogCaptureFixture) -> None:
    await outcomes(organism(Model(BROKEN)), ping(to="agent"))
    marked = [getattr(record, "exhausted", False) for record in caplog.records if record.msg == "dead letter"]
    assert [False, False, False, True] == marked
    assert logging.WARNING == caplog.records[-1].levelno


async def test_a_request_gets_the_corrected_answer() -> None:
    async def corrected(payload: Huh, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse.respond(Pong("corrected"))

    pump = pump_of(listener("agent", Ping, Model(MALFORMED).ask, on_refusal=corrected))
    async with running(pump):
        assert Pong("corrected") == await pump.request(Ping("go"), "agent")
    assert pump.books.balanced


async def test_a_request_of_an_exhausted_agent_fails() -> None:
    async def corrected(payload: Huh, metadata: HandlerMetadata) -> str:
        return MALFORMED

    pump = pump_of(listener("agent", Ping, Model(MALFORMED).ask, on_refusal=corrected))
    async with running(pump):
        with pytest.raises(RequestFailed, match="malformed reply"):
            await pump.request(Ping("go"), "agent")


async def test_whoever_asked_an_exhausted_agent_is_told() -> None:
    boss, model = Recorder(), Model(MALFORMED)

    async def corrected(payload: Huh, metadata: HandlerMetadata) -> str:
        return model.say(payload)

    async def ask(payload: Pong, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse(Ping("go"), "agent")

    pump = pump_of(
        listener("boss", Pong, ask, on_refusal=boss),
        listener("agent", Ping, model.ask, on_refusal=corrected),
    )
    await outcomes(pump, ping().replace(b"Ping", b"Pong").replace(b"echo", b"boss"))
    assert (["handler-failed"], 3) == ([payload.code for payload in boss.payloads], len(model.refusals))


LONG = "x" * 100_000


@pytest.mark.parametrize(
    "wrong",
    [f"<Amount><Value>{LONG}</Value></Amount>", f"<{LONG[:200]}>", f"<Amount><{LONG[:200]}/></Amount>"],
)
async def test_what_it_is_told_is_bounded(wrong: str) -> None:
    model = Model(wrong, GOOD)
    await outcomes(organism(model), ping(to="agent"))
    assert len(str(model.refusals[0])) < 4_500


async def test_of_a_contract_of_hundreds_of_fields_it_is_told_no_more_than_finds_room() -> None:
    wide: type[Any] = xmlify(make_dataclass("Wide", [(f"field_{number}", str) for number in range(500)]))
    on_refusal = Recorder()
    pump = pump_of(
        listener("agent", Ping, Recorder("<Wide/>"), on_refusal=on_refusal),
        listener("wide", wide, Recorder()),
    )
    await outcomes(pump, ping(to="agent"))
    (huh,) = on_refusal.payloads
    assert ("schema", None, None) == (huh.code, huh.elements, huh.example)
