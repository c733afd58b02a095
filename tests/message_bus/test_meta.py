"""`system.meta`: what an organism can do, told to those who may ask, and to nobody else that it is there."""

from __future__ import annotations

from dataclasses import make_dataclass
from typing import Any

import pytest
from lxml import etree

from agentserver import HandlerMetadata, HandlerResponse, StreamPump, meta, running, xmlify
from agentserver.config import HandlesConfig, Limits, ListenerConfig, MetaConfig
from agentserver.errors import ConfigError, RequestFailed
from agentserver.message_bus import MessageState
from agentserver.xmlable import contract_of
from tests.organisms import Amount, Ping, Pong, Recorder, envelope, listener, outcomes, pump_of

ALL = MetaConfig("all", "all", "all", "all")
NONE = MetaConfig("none", "none", "none", "none")
LIST = '<ListCapabilities xmlns=""/>'
ANSWERS = (meta.Capabilities, meta.SchemaAnswer, meta.ExampleAnswer, meta.PromptAnswer, meta.NotAvailable)


class Asker:
    """A listener that sends `question` on when it is pinged, and keeps the answer."""

    def __init__(self, question: Any, to: str | None = "system.meta") -> None:
        self.question, self.to = question, to
        self.answers: list[Any] = []

    async def ask(self, payload: Ping, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse(self.question, to=self.to)

    async def hear(self, payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        self.answers.append(payload)
        return HandlerResponse.respond(Pong("heard"))

    def config(self, *peers: str, name: str = "asker", **options: Any) -> ListenerConfig:
        handles = [HandlesConfig(payload_class=answer, handler=self.hear) for answer in ANSWERS]
        return listener(name, Ping, self.ask, peers=list(peers), handles=handles, **options)


def tools() -> list[ListenerConfig]:
    return [
        listener("till", Amount, Recorder(), description="Counts money", is_agent=True, peers=["echo"]),
        listener(
            "echo", Ping, Recorder(), description="Answers", handles=[HandlesConfig("", "", Pong, Recorder())]
        ),
        listener("search.shelf", Amount, Recorder(), description="Looks here", broadcast=True),
        listener("search.cellar", Amount, Recorder(), description="Looks there", broadcast=True),
    ]


async def told(question: Any, *peers: str, flags: MetaConfig | None = None, **options: Any) -> Any:
    """Return what a listener with these peers is told."""
    asker = Asker(question)
    pump = pump_of(*tools(), asker.config(*peers, **options), meta=flags or MetaConfig())
    async with running(pump):
        assert Pong("heard") == await pump.request(Ping("go"), to="asker", timeout_s=5)
    (answer,) = asker.answers
    return answer


async def told_outside(question: Any, flags: MetaConfig = ALL) -> Any:
    async with running(pump_of(*tools(), meta=flags)) as pump:
        return await pump.request(question, to="system.meta", timeout_s=5)


def names(answer: meta.Capabilities) -> list[str]:
    return [each.name for each in answer.listeners]


# who may ask


@pytest.mark.parametrize("peer", ["system.meta", "System.Meta", "system.meta.ListCapabilities"])
async def test_a_listener_with_it_as_a_peer_may_ask(peer: str) -> None:
    assert ["till"] == names(await told(meta.ListCapabilities(), peer, "till"))


async def test_whoever_is_outside_may_ask_when_all_may() -> None:
    assert ["till", "echo", "search.shelf", "search.cellar"] == names(
        await told_outside(meta.ListCapabilities())
    )


@pytest.mark.parametrize("sender", ["user", "program", "nobody"])
async def test_whoever_is_outside_may_not_ask_as_a_rule(sender: str) -> None:
    (state,) = await outcomes(
        pump_of(*tools()), envelope(LIST, to="system.meta", sender=sender), sender=sender
    )

    assert "no-listener: no listener 'system.meta' takes <ListCapabilities>" == state.error


async def failure(pump: StreamPump, message: bytes) -> tuple[str, str | None, str]:
    (state,) = await outcomes(pump, message)
    assert state.failure is not None
    return state.failure.code, state.error, state.stage


@pytest.mark.parametrize("to", ["system.meta", "SYSTEM.meta", None])
@pytest.mark.parametrize("tag", ["ListCapabilities", "system.meta.ListCapabilities", "Nonsense"])
async def test_to_whoever_may_not_ask_it_is_not_there(to: str | None, tag: str) -> None:
    message = envelope(f'<{tag} xmlns=""/>', to=to)

    assert await failure(pump_of(*tools(), meta=NONE), message) == await failure(pump_of(*tools()), message)


async def test_the_failure_is_that_of_any_other_name() -> None:
    asked = await failure(pump_of(*tools()), envelope(LIST, to="system.meta"))
    other = await failure(pump_of(*tools()), envelope(LIST, to="nobody"))

    assert other == (asked[0], str(asked[1]).replace("system.meta", "nobody"), asked[2])


@pytest.mark.parametrize("peers", [(), ("till",), ("system.meta.RequestSchema",), ("system.metaphor",)])
async def test_a_listener_without_it_as_a_peer_may_not_ask(peers: tuple[str, ...]) -> None:
    with pytest.raises(RequestFailed) as caught:
        await told(meta.ListCapabilities(), *peers)

    assert "no-listener" == caught.value.failure_code


@pytest.mark.parametrize("peers", [(), ("till",)], ids=["free", "with peers"])
async def test_the_log_says_how_a_listener_gets_to_ask_and_the_answer_does_not(
    peers: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RequestFailed) as caught:
        await told(meta.ListCapabilities(), *peers)

    remedies = [vars(record).get("remedy") for record in caplog.records if record.message == "dead letter"]
    assert "it is for peers alone: add system.meta to its peers" in remedies
    assert "peers" not in str(caught.value)


async def test_the_log_tells_nobody_outside_how_to_ask(caplog: pytest.LogCaptureFixture) -> None:
    await outcomes(pump_of(*tools()), envelope(LIST, to="system.meta"))

    assert "dead letter" in caplog.messages
    assert not any("remedy" in vars(record) for record in caplog.records)


async def test_a_payload_that_says_otherwise_has_no_effect() -> None:
    pump = pump_of(*tools(), Asker(None).config("system.meta"))
    (state,) = await outcomes(pump, envelope(LIST, to="system.meta", sender="asker"), sender="user")

    assert "no listener 'system.meta' takes <ListCapabilities>" in (state.error or "")


@pytest.mark.parametrize("name", ["asker", "system.meta", "SYSTEM.META"])
@pytest.mark.parametrize("flags", [NONE, MetaConfig(), ALL])
async def test_nobody_outside_bears_the_name_of_a_listener(name: str, flags: MetaConfig) -> None:
    pump = pump_of(*tools(), Asker(None).config("system.meta"), meta=flags)
    (state,) = await outcomes(pump, envelope(LIST, to="system.meta", sender=name), sender=None)

    assert state.failure is not None
    assert "false-sender" == state.failure.code


@pytest.mark.parametrize(
    ("flag", "question"),
    [
        ("list_capabilities", meta.ListCapabilities()),
        ("schema", meta.RequestSchema("till")),
        ("example", meta.RequestExample("till")),
        ("prompt", meta.RequestPrompt("till")),
    ],
)
async def test_each_question_has_its_own_flag(flag: str, question: Any) -> None:
    open_to_all: Any = {flag: "all"}
    closed: Any = {**dict.fromkeys(("list_capabilities", "schema", "example", "prompt"), "all"), flag: "none"}

    assert isinstance(await told_outside(question, MetaConfig(**open_to_all)), ANSWERS)
    with pytest.raises(RequestFailed, match=r"no listener 'system\.meta' takes"):
        await told_outside(question, MetaConfig(**closed))


async def test_none_is_none_for_peers_too() -> None:
    with pytest.raises(RequestFailed, match=r"no listener 'system\.meta' takes"):
        await told(meta.ListCapabilities(), "system.meta", flags=NONE)


async def test_a_question_without_an_address_finds_it() -> None:
    asker = Asker(meta.ListCapabilities(), to=None)
    async with running(pump_of(*tools(), asker.config("system.meta", "echo"))) as pump:
        await pump.request(Ping("go"), to="asker", timeout_s=5)

    assert ["echo"] == names(asker.answers[0])


async def test_a_question_in_bytes_finds_it() -> None:
    asker = Asker(None)

    async def ask(payload: Ping, metadata: HandlerMetadata) -> bytes:
        return b"<RequestSchema><Listener>echo</Listener></RequestSchema>"

    config = asker.config("system.meta", "echo")
    config.handler = ask
    async with running(pump_of(*tools(), config)) as pump:
        await pump.request(Ping("go"), to="asker", timeout_s=5)

    assert "echo" == asker.answers[0].listener


async def test_a_users_listener_of_the_same_class_goes_first() -> None:
    mine = Recorder(Pong("mine"))
    mine.result = lambda payload: HandlerResponse.respond(Pong("mine"))
    pump = pump_of(listener("mine", meta.ListCapabilities, mine), meta=ALL)
    async with running(pump):
        assert Pong("mine") == await pump.request(meta.ListCapabilities(), timeout_s=5)


# what they are shown


async def test_a_listener_with_peers_is_shown_those_alone() -> None:
    answer = await told(meta.ListCapabilities(), "system.meta", "till", "echo.Pong")

    assert [
        meta.Capability("till", "Counts money", True, ["Amount"]),
        meta.Capability("echo", "Answers", False, ["Pong"]),
    ] == answer.listeners


async def test_a_name_that_several_share_is_one_address() -> None:
    answer = await told(meta.ListCapabilities(), "system.meta", "search")

    assert [meta.Capability("search", "Looks here; Looks there", False, ["Amount"])] == answer.listeners


@pytest.mark.parametrize("is_agent", [False, True])
async def test_who_keeps_to_peers_without_it_may_not_ask_even_when_all_may(is_agent: bool) -> None:
    with pytest.raises(RequestFailed, match=r"no listener 'system\.meta'"):
        await told(meta.ListCapabilities(), flags=ALL, is_agent=is_agent)


@pytest.mark.parametrize("question", [meta.RequestSchema, meta.RequestExample, meta.RequestPrompt])
async def test_no_such_listener_and_not_for_you_are_one_answer(question: Any) -> None:
    hidden = await told(question("echo"), "system.meta", "till")
    absent = await told(question("nobody"), "system.meta", "till")

    assert isinstance(hidden, meta.NotAvailable)
    assert (absent.reason, absent.contract) == (hidden.reason, hidden.contract)
    assert ("echo", "nobody") == (hidden.listener, absent.listener)


@pytest.mark.parametrize("question", [meta.RequestSchema, meta.RequestExample, meta.RequestPrompt])
async def test_it_says_nothing_of_itself(question: Any) -> None:
    assert isinstance(await told_outside(question("system.meta")), meta.NotAvailable)
    assert isinstance(await told(question("system.meta"), "system.meta"), meta.NotAvailable)


async def test_a_contract_that_the_listener_has_not() -> None:
    answer = await told_outside(meta.RequestSchema("echo", "Amount"))

    assert meta.NotAvailable("echo", "Amount", "it takes Ping, Pong") == answer


async def test_a_contract_that_is_not_for_you_is_not_named() -> None:
    answer = await told(meta.RequestSchema("echo", "Ping"), "system.meta", "echo.Pong")

    assert meta.NotAvailable("echo", "Ping", "it takes Pong") == answer


async def test_a_schema_validates_what_the_listener_takes() -> None:
    answer = await told_outside(meta.RequestSchema("TILL"))

    (document,) = answer.schemas
    schema = etree.XMLSchema(etree.fromstring(document.xsd.encode()))
    assert ("till", "Amount", "Amount.xsd") == (answer.listener, document.contract, document.file)
    assert schema.validate(Amount(5).xml_value("Amount"))  # type: ignore[attr-defined]  # added by @xmlify
    assert not schema.validate(Ping("5").xml_value("Ping"))  # type: ignore[attr-defined]  # added by @xmlify


async def test_all_contracts_are_meant_when_none_is_named() -> None:
    answer = await told_outside(meta.RequestSchema("echo"))

    assert ["Ping", "Pong"] == [document.contract for document in answer.schemas]


async def test_an_example_is_a_message_that_the_listener_takes() -> None:
    answer = await told_outside(meta.RequestExample("echo", "pong"))

    (each,) = answer.examples
    assert "Pong" == each.contract
    assert isinstance(contract_of(Pong).read(each.document), Pong)


async def test_a_prompt_names_the_listener_and_its_fields() -> None:
    answer = await told_outside(meta.RequestPrompt("till"))

    assert [True, True, True] == [word in answer.prompt for word in ("till", "Counts money", "Value")]


async def test_a_prompt_names_no_peer_that_the_asker_may_not_know() -> None:
    assert "echo" in (await told(meta.RequestPrompt("till"), "system.meta", "till", "echo")).prompt
    assert "echo" not in (await told(meta.RequestPrompt("till"), "system.meta", "till")).prompt


# the pump around it


def test_it_is_none_of_the_users_listeners() -> None:
    pump = pump_of(*tools(), meta=ALL)

    assert ["till", "echo", "search.shelf", "search.cellar"] == list(pump.listeners)
    assert [] == [key for key in pump.routing_table if key.startswith("system")]


@pytest.mark.parametrize("name", ["system", "system.meta", "System.Clock"])
def test_a_users_listener_cannot_take_its_name(name: str) -> None:
    with pytest.raises(ConfigError, match=f"the name '{name}' is kept for the organism itself"):
        pump_of(listener(name, Ping, Recorder()))


async def test_a_listener_that_was_registered_later_counts() -> None:
    async with running(pump_of(*tools(), meta=ALL)) as pump:
        await pump.request(meta.ListCapabilities(), to="system.meta", timeout_s=5)
        pump.register_listener(listener("late", Ping, Recorder()))
        answer = await pump.request(meta.ListCapabilities(), to="system.meta", timeout_s=5)

    assert "late" == names(answer)[-1]


async def test_two_pumps_in_one_process_know_nothing_of_each_other() -> None:
    one, other = (pump_of(listener(name, Ping, Recorder()), meta=ALL) for name in ("one", "other"))
    async with running(one), running(other):
        answers = [await pump.request(meta.ListCapabilities(), to="system.meta") for pump in (one, other)]

    assert [["one"], ["other"]] == [names(answer) for answer in answers]


async def test_several_questions_in_one_input() -> None:
    question = envelope(LIST, to="system.meta")
    states: list[MessageState] = await outcomes(pump_of(*tools(), meta=ALL), question * 3)

    assert [meta.Capabilities] * 3 == [type(state.payload) for state in states]


async def test_what_is_too_long_for_a_message_is_said_to_be() -> None:
    wide: type[Any] = xmlify(
        make_dataclass("Wide", [(f"field_number_{number}", str) for number in range(100)])
    )
    async with running(
        pump_of(listener("wide", wide, Recorder()), meta=ALL, limits=Limits(message_bytes=4096))
    ) as pump:
        answer = await pump.request(meta.RequestSchema("wide"), to="system.meta", timeout_s=5)

    assert isinstance(answer, meta.NotAvailable)
    assert answer.reason.startswith("the answer would have ")
    assert answer.reason.endswith(
        " bytes, and a message has at most 4096; ask for one contract, or use `agentserver contracts`"
    )
