"""Replies as models write them: mended by policy, fanned out, addressed, and told of."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import pytest

from agentserver import HandlerMetadata, HandlerResponse, StreamPump, xmlify
from agentserver.config import ConfigLoader, HandlesConfig, ListenerConfig, OrganismConfig
from agentserver.config.changes import changes_of
from agentserver.errors import ConfigError
from agentserver.message_bus import MessageState
from tests.organisms import Amount, Ping, Pong, Recorder, envelope, listener, outcomes, ping, pump_of


@xmlify
@dataclass
class Add:
    """A tool call."""

    a: int
    b: int


@xmlify
@dataclass
class Search:
    """A tool call."""

    query: str


@xmlify
@dataclass
class Answer:
    """What the model says at last."""

    text: str


ADD = "<Add><A>1</A><B>2</B></Add>"
SEARCH = "<Search><Query>Rust &amp; Go</Query></Search>"
A, S = Add(1, 2), Search("Rust & Go")

DIRTY: dict[str, tuple[str, list[Any], set[str]]] = {
    "clean": (ADD, [A], set()),
    "two calls": (f"{ADD}\n{SEARCH}", [A, S], set()),
    "a polite opening": (f"Sure! Let me add those for you.\n\n{ADD}", [A], {"prose"}),
    "a closing question": (f"{ADD}\n\nWould you like anything else?", [A], {"prose"}),
    "a fence": (f"```xml\n{ADD}\n```", [A], {"fence"}),
    "a fence in prose": (
        f"I'll call the calculator:\n\n```xml\n{ADD}\n```\n\nI'll wait for the result.", [A], {"fence", "prose"},
    ),
    "a fence without a language": (f"```\n{ADD}\n```", [A], {"fence"}),
    "a fence with CRLF": (f"Okay.\r\n```xml\r\n{ADD}\r\n```\r\n", [A], {"fence", "prose"}),
    "a list of fences": (
        f"Two steps:\n\n1. First add:\n   ```xml\n   {ADD}\n   ```\n2. Then search:\n   ```xml\n   {SEARCH}\n   ```\n",
        [A, S], {"fence", "prose"},
    ),
    "a fence with two calls": (f"```xml\n{ADD}\n{SEARCH}\n```", [A, S], {"fence"}),
    "prose between calls": (f"{ADD}\nand at the same time\n{SEARCH}", [A, S], {"prose"}),
    "a tag named in prose": (
        f"I will use the `<Add>` tool, which takes `<A>` and `<B>`:\n\n```xml\n{ADD}\n```\n", [A], {"fence", "prose"},
    ),
    "an ampersand": ("<Search><Query>AT&T vs. R&D</Query></Search>", [Search("AT&T vs. R&D")], {"ampersand"}),
    "a web address": (
        "<Search><Query>https://x.org/?a=1&b=2&copy=3</Query></Search>",
        [Search("https://x.org/?a=1&b=2&copy=3")], {"ampersand"},
    ),
    "an HTML entity": ("<Search><Query>caf&eacute;</Query></Search>", [Search("caf&eacute;")], {"ampersand"}),
    "a comparison": ("<Search><Query>if 1 < 2 then</Query></Search>", [Search("if 1 < 2 then")], {"less-than"}),
    "a byte-order mark and prose": (f"\ufeffHere: {ADD}", [A], {"bom", "prose"}),
    "arithmetic in prose": (f"As 3 < 4 & 5 > 4, I add:\n{ADD}", [A], {"prose"}),
    "thoughts, a fence and a stray": (
        "Let me think... done.\n```xml\n<Search><Query>Q&A</Query></Search>\n```\nDone & dusted!",
        [Search("Q&A")], {"ampersand", "fence", "prose"},
    ),
    "a declaration": (f'```xml\n<?xml version="1.0" encoding="UTF-8"?>\n{ADD}\n```', [A], {"fence"}),
    "a comment": (f"<!-- step 1 -->\n{ADD}", [A], set()),
}  # fmt: skip


def organism(output: Any, **options: Any) -> tuple[StreamPump, Recorder, Recorder]:
    """Make a model with two tools, whose every reply is `output`."""
    model, add, search = Recorder(output), Recorder(), Recorder()
    pump = pump_of(
        listener("model", Ping, model, is_agent=True, peers=["calculator", "web.search"], **options),
        listener("calculator", Add, add),
        listener("web", Search, search),
    )
    return pump, add, search


@pytest.mark.parametrize(("output", "expected", "repairs"), DIRTY.values(), ids=DIRTY.keys())
async def test_what_a_model_writes_reaches_its_tools(
    output: str, expected: list[Any], repairs: set[str]
) -> None:
    pump, add, search = organism(output)
    assert [] == await outcomes(pump, ping(to="model"))
    assert expected == add.payloads + search.payloads
    assert repairs == set(pump.repairs.get("model", {}))


REFUSED = {
    "cut off": "<Add><A>1</A><B>2</B",
    "a tag that is not closed": "<Add><A>1<B>2</B></Add>",
    "a tag in prose that nothing tells from markup": f"I use <Add> now:\n{ADD}",
    "an element outside the fences": f"<Search>\n```xml\n{ADD}\n```",
    "no XML at all": "I am sorry, I cannot do that.",
    "a doctype": f"<!DOCTYPE Add [<!ENTITY e 'x'>]>{ADD}",
}


@pytest.mark.parametrize("output", REFUSED.values(), ids=REFUSED.keys())
async def test_what_safe_cannot_mend_is_refused(output: str) -> None:
    pump, add, search = organism(output)
    (failed,) = await outcomes(pump, ping(to="model"))
    assert "bad-reply" == getattr(failed.failure, "code", None)
    assert [] == add.payloads + search.payloads


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (f"{ADD}{SEARCH}<Add><A>1</Add>", "payload 3: "),
        (ADD + envelope("<Add xmlns=''/><Add xmlns=''/>", to="calculator").decode() + SEARCH, "payload 2 of 3: "),
    ],
)  # fmt: skip
async def test_one_broken_payload_stops_all_and_is_named(output: str, words: str) -> None:
    pump, add, search = organism(output)
    (failed,) = await outcomes(pump, ping(to="model"))
    assert words in (failed.error or "")
    assert [] == add.payloads + search.payloads


async def test_a_tag_is_for_the_peer_that_takes_it_though_others_would() -> None:
    mine, other = Recorder(), Recorder()
    pump = pump_of(
        listener("model", Ping, Recorder(ADD), is_agent=True, peers=["mine"]),
        listener("mine", Add, mine), listener("other", Add, other),
    )  # fmt: skip
    await outcomes(pump, ping(to="model"))
    assert ([A], []) == (mine.payloads, other.payloads)


async def test_a_peer_that_is_narrowed_to_another_contract_is_not_meant() -> None:
    mine, other = Recorder(), Recorder()
    pump = pump_of(
        listener("model", Ping, Recorder(ADD), is_agent=True, peers=["mine.pong", "other.add"]),
        listener("mine", Add, mine), listener("other", Add, other),
    )  # fmt: skip
    await outcomes(pump, ping(to="model"))
    assert ([], [A]) == (mine.payloads, other.payloads)


async def test_a_tag_that_several_peers_take_is_ambiguous_and_names_them() -> None:
    pump = pump_of(
        listener("model", Ping, Recorder(ADD), peers=["two", "one"]),
        listener("one", Add, Recorder()), listener("two", Add, Recorder()), listener("three", Add, Recorder()),
    )  # fmt: skip
    (failed,) = await outcomes(pump, ping(to="model"))
    assert "ambiguous: <Add> without <to> could be for any of its peers one, two" in (failed.error or "")


async def test_a_tag_that_no_peer_takes_answers_whoever_asked_and_takes_it() -> None:
    asker, other = Recorder(), Recorder()

    async def ask(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse(Ping("?"), "model")

    pump = pump_of(
        ListenerConfig("asker", payload_class=Amount, handler=ask, handles=handles(Answer, asker)),
        listener("model", Ping, Recorder("<Answer><Text>42</Text></Answer>"), is_agent=True),
        listener("other", Answer, other),
    )
    await outcomes(pump, envelope("<Amount xmlns=''><Value>1</Value></Amount>", to="asker"))
    assert ([Answer("42")], []) == (asker.payloads, other.payloads)


async def test_a_tag_that_nobody_takes_answers_outside() -> None:
    pump, _, _ = organism("Well: <Answer><Text>42</Text></Answer>")
    (reply,) = await outcomes(pump, ping(to="model"))
    assert "42" == reply.payload.findtext("Text")


def handles(payload_class: type[Any], handler: Any) -> list[Any]:
    return [HandlesConfig(payload_class=payload_class, handler=handler)]


BROKEN = "<Pong><Text>half"


async def reply_under(output: str, **options: Any) -> tuple[StreamPump, MessageState]:
    pump = pump_of(listener("model", Ping, Recorder(output), **options))
    (state,) = await outcomes(pump, ping(to="model"))
    return pump, state


@pytest.mark.parametrize(
    ("policy", "organisms", "code"),
    [
        ("off", "safe", "bad-reply"), (None, "off", "bad-reply"), ("safe", "off", None), (None, "safe", None),
        ("recover", "off", None),
    ],
)  # fmt: skip
async def test_the_listeners_policy_goes_before_the_organisms(
    policy: Any, organisms: Any, code: str | None
) -> None:
    pump = pump_of(
        listener("model", Ping, Recorder("Hi! <Pong><Text>x</Text></Pong>"), repair=policy), repair=organisms
    )
    (state,) = await outcomes(pump, ping(to="model"))
    assert code == getattr(state.failure, "code", None)


async def test_the_message_that_was_made_tells_what_was_repaired() -> None:
    _, state = await reply_under("Hi! <Pong><Text>R&D</Text></Pong>")
    assert ("prose", "ampersand") == state.metadata["repairs"]
    assert ["what it was written in was repaired: prose, ampersand"] == state.metadata["diagnostics"]
    assert "recovered" not in state.metadata


async def test_a_recovered_message_is_marked() -> None:
    pump, state = await reply_under(BROKEN, repair="recover")
    assert (("recovered",), True) == (state.metadata["repairs"], state.metadata["recovered"])
    assert {"model": {"recovered": 1}} == pump.repairs


async def test_a_recovered_message_that_dies_says_so(caplog: pytest.LogCaptureFixture) -> None:
    pump = pump_of(
        listener("model", Ping, Recorder("<Add><A>1</A>"), repair="recover"), listener("add", Add, Recorder())
    )
    await outcomes(pump, ping(to="model"))
    (letter,) = pump.dead_letters
    assert letter.message.recovered
    assert letter.reason.endswith("(recovered: parts of what its sender wrote may be missing)")
    assert ["recovered"] == [vars(each)["repairs"] for each in caplog.records if "repairs" in vars(each)]


async def test_safe_never_recovers() -> None:
    pump, state = await reply_under(BROKEN)
    assert ("bad-reply", {}) == (getattr(state.failure, "code", None), pump.repairs)


async def test_repairs_are_counted_for_each_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "agentserver")
    pump = pump_of(listener("model", Ping, Recorder("Hi! <Pong><Text>R&D</Text></Pong>")))
    await outcomes(pump, ping(to="model"), ping(to="model"), ping(to="model"))
    assert {"model": {"prose": 3, "ampersand": 3}} == pump.repairs
    told = [vars(each)["repair"] for each in caplog.records if "repaired" in each.message]
    assert ["prose", "ampersand"] == told


async def test_an_instance_says_nothing_of_repairs() -> None:
    pump = pump_of(listener("model", Ping, Recorder(HandlerResponse.respond(Pong("x")))))
    (state,) = await outcomes(pump, ping(to="model"))
    assert ({}, None) == (pump.repairs, state.metadata.get("repairs"))


def test_the_key_in_yaml() -> None:
    text = (
        "organism: {name: test}\nlisteners:\n  - {name: echo, payload_class: handlers.hello.Greeting, "
        "handler: handlers.hello.handle_greeting, repair: %s}\n"
    )
    assert "recover" == ConfigLoader.loads(text % "recover").listeners[0].repair
    with pytest.raises(ConfigError, match=r"expected one of|expected"):
        ConfigLoader.loads(text % "always")


def test_the_key_in_code() -> None:
    assert listener("model", Ping, Recorder()).repair is None
    with pytest.raises(ConfigError, match="repair: found 'always', expected one of off, safe, recover"):
        listener("model", Ping, Recorder(), repair="always")


def test_a_reload_sees_that_it_changed() -> None:
    handler = Recorder()
    old, new = (
        OrganismConfig("test", listeners=[listener("m", Ping, handler, repair=each)])
        for each in (None, "off")
    )
    (change,) = changes_of(old, new).changed
    assert [("repair", "none", "off")] == [(each.key, each.old, each.new) for each in change.differences]
