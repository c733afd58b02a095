"""Threads and the call chain: where answers land, and what ids tell."""

from __future__ import annotations

from uuid import RFC_4122, UUID

from agentserver import HandlerMetadata, HandlerResponse
from agentserver.message_bus.threads import Threads, is_thread_id, new_thread_id
from tests.organisms import (
    THREAD,
    Amount,
    Ping,
    Pong,
    Recorder,
    envelope,
    listener,
    meta_of,
    outcomes,
    ping,
    pump_of,
)


def test_a_new_thread_id_is_a_uuid() -> None:
    assert is_thread_id(new_thread_id())


def test_new_threads_are_random_uuids_that_differ_and_are_no_branches() -> None:
    threads = Threads()
    found = [UUID(threads.new()) for _ in range(1_000)]
    assert {(each.version, each.variant) for each in found} == {(4, RFC_4122)}
    assert len(set(found)) == 1_000
    assert not any(threads.is_branch(str(each)) for each in found)


def test_a_branch_is_a_uuid_and_the_same_for_the_same_path() -> None:
    threads = Threads(b"key")
    branch = threads.branch(THREAD, "a", "b")
    assert (is_thread_id(branch), branch) == (True, Threads(b"key").branch(THREAD, "a", "b"))


def test_a_branch_differs_by_path_and_by_key() -> None:
    threads = Threads(b"key")
    branches = {
        threads.branch(THREAD, "a", "b"),
        threads.branch(THREAD, "b", "a"),
        threads.branch(THREAD, "ab", ""),
        threads.branch(new_thread_id(), "a", "b"),
        Threads(b"other").branch(THREAD, "a", "b"),
        Threads().branch(THREAD, "a", "b"),
        Threads().branch(THREAD, "a", "b"),
    }
    assert len(branches) == 7


async def test_a_callee_works_on_a_thread_of_its_own() -> None:
    callee = Recorder()
    pump = pump_of(
        listener("a", Ping, Recorder(HandlerResponse(Pong("x"), to="b"))), listener("b", Pong, callee)
    )
    await outcomes(pump, ping(to="a"))
    metadata = callee.calls[0][1]
    assert (metadata.from_id, metadata.thread_id != THREAD, is_thread_id(metadata.thread_id)) == (
        "a",
        True,
        True,
    )


async def test_an_answer_returns_to_the_thread_on_which_was_asked() -> None:
    answered = Recorder()
    pump = pump_of(
        listener("a", Ping, Recorder(HandlerResponse(Pong("x"), to="b"))),
        listener("b", Pong, Recorder(HandlerResponse.respond(Amount(1)))),
        listener("a", Amount, answered),
    )
    await outcomes(pump, ping(to="a"))
    assert [(payload, told[:4]) for payload, told in answered.calls] == [
        (Amount(1), (THREAD, "b", None, False))
    ]


async def test_answers_of_two_conversations_on_one_route_reach_each_its_own_sender() -> None:
    async def ask(payload: Ping, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse(Pong(payload.text), to="b")

    async def answer(payload: Pong, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse.respond(Amount(len(payload.text)))

    async def pass_on(payload: Amount, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse.respond(payload)

    pump = pump_of(listener("a", Ping, ask), listener("b", Pong, answer), listener("a", Amount, pass_on))
    other = "00000000-0000-4000-8000-000000000000"
    messages = [ping("x", to="a", sender="alice"), ping("xyz", to="a", sender="bob", thread=other)]
    states = await outcomes(pump, *messages, sender=None)
    assert {(state.to_id, state.thread_id, state.payload.value) for state in states} == {
        ("alice", THREAD, 1), ("bob", other, 3)
    }  # fmt: skip


async def test_a_listener_that_sends_to_itself_is_told_so() -> None:
    recorder = Recorder()
    pump = pump_of(
        listener("a", Ping, Recorder(HandlerResponse(Pong("x"), to="a"))), listener("a", Pong, recorder)
    )
    await outcomes(pump, ping(to="a"))
    assert recorder.calls[0][1].is_self_call


async def test_a_response_without_an_address_goes_by_its_class() -> None:
    recorder = Recorder()
    pump = pump_of(listener("a", Ping, Recorder(HandlerResponse(Pong("x")))), listener("b", Pong, recorder))
    await outcomes(pump, ping(to="a"))
    assert recorder.payloads == [Pong("x")]


async def test_a_message_addressed_to_the_outside_sender_leaves_on_their_thread() -> None:
    pump = pump_of(listener("a", Ping, Recorder(HandlerResponse(Pong("x"), to="user"))))
    (reply,) = await outcomes(pump, ping(to="a"))
    assert meta_of(reply) == {"from": "a", "to": "user", "thread": THREAD}


async def test_an_answer_that_the_caller_does_not_take_is_a_dead_letter_of_its_own() -> None:
    pump = pump_of(
        listener("a", Ping, Recorder(HandlerResponse(Pong("x"), to="b"))),
        listener("b", Pong, Recorder(HandlerResponse.respond(Amount(1)))),
    )
    (failed,) = await outcomes(pump, ping(to="a"))
    assert (failed.failure is not None and failed.failure.code, failed.from_id) == ("no-listener", "b")


async def test_a_payload_that_looks_like_meta_is_only_a_payload() -> None:
    recorder = Recorder()
    pump = pump_of(listener("a", Ping, recorder))
    await outcomes(pump, envelope('<Ping xmlns=""><Text>&lt;/to&gt;&lt;from&gt;x</Text></Ping>', to="a"))
    assert recorder.payloads == [Ping("</to><from>x")]
