"""A message whose handler fails is tried again, as the policy says; in virtual time."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from agentserver import HandlerMetadata, HandlerResponse, StreamPump, running
from agentserver.config import BudgetConfig, ListenerConfig, OrganismConfig, RetryConfig
from agentserver.errors import BindingError, NoReply, RequestFailed
from agentserver.message_bus.failure_kinds import is_meant
from agentserver.message_bus.retrying import pause_before
from agentserver.testing.virtual_time import in_virtual_time
from tests.organisms import THREAD, Ping, Pong, Recorder, listener, outcomes, ping, pump_of, texts

PLAIN = RetryConfig(jitter=0.0)


class Failing:
    """A handler that fails so many times, and answers then; it notes when it was called, and at which attempt."""

    def __init__(
        self, failures: int = 10**9, raised: Callable[[], BaseException] = lambda: OSError("down")
    ) -> None:
        self.failures, self.raised = failures, raised
        self.times: list[float] = []
        self.attempts: list[int] = []
        self.ids: set[str] = set()
        self.threads: set[str] = set()

    async def __call__(self, payload: Any, metadata: HandlerMetadata) -> Any:
        self.times.append(round(asyncio.get_running_loop().time(), 3))
        self.attempts.append(metadata.attempt)
        self.ids.add(metadata.message_id)
        self.threads.add(metadata.thread_id)
        if len(self.times) <= self.failures:
            raise self.raised()
        return HandlerResponse.respond(Pong(payload.text))


def played(
    handler: Callable[..., Any], retry: RetryConfig = PLAIN, *messages: bytes, **options: Any
) -> StreamPump:
    """Let a handler take messages; return the pump, drained."""
    pump = pump_of(listener("echo", Ping, handler, retry=retry), **options)
    in_virtual_time(outcomes(pump, *(messages or (ping(),))))
    return pump


@pytest.mark.parametrize(
    ("policy", "pauses"),
    [
        (RetryConfig(jitter=0.0), [0.5, 1, 2, 4, 8, 16, 32, 60, 60]),
        (RetryConfig(jitter=0.0, base_s=3, max_s=10), [3, 6, 10, 10]),
        (RetryConfig(jitter=0.0, base_s=3, max_s=1), [3, 3, 3]),
        (RetryConfig(jitter=0.0, backoff="fixed", base_s=7, max_s=1), [7, 7, 7]),
        (RetryConfig(jitter=0.0, base_s=0), [0, 0, 0]),
    ],
)
def test_pauses(policy: RetryConfig, pauses: list[float]) -> None:
    assert [pause_before(policy, n + 1, lambda: 0.9) for n in range(len(pauses))] == pauses


def test_a_pause_is_finite_however_often_it_was_doubled() -> None:
    assert pause_before(RetryConfig(jitter=0.0, max_s=604_800), 10**6, lambda: 0.0) == 604_800


def test_jitter_shortens_a_pause_by_its_part_of_it() -> None:
    policy, randoms = RetryConfig(base_s=10, jitter=0.5), iter((0.0, 0.5, 0.999))
    pauses = [pause_before(policy, 1, randoms.__next__) for _ in range(3)]
    assert pauses == [10, 7.5, pytest.approx(5.005)]


def test_jitter_comes_from_the_random_that_the_pump_was_given() -> None:
    handler = Failing()
    retry = RetryConfig(attempts=2, base_s=10, jitter=0.5)
    config = OrganismConfig("test", listeners=[listener("echo", Ping, handler, retry=retry)])
    pump = StreamPump(config, random=lambda: 0.5)
    pump.register_all()
    in_virtual_time(outcomes(pump, ping()))
    assert handler.times == [0, 7.5]


def test_a_message_is_tried_until_it_is_handled() -> None:
    handler = Failing(failures=2)
    pump = pump_of(listener("echo", Ping, handler, retry=PLAIN))
    assert texts(in_virtual_time(outcomes(pump, ping("hi")))) == ["hi"]
    assert (handler.times, handler.attempts) == ([0, 0.5, 1.5], [0, 1, 2])
    assert (len(handler.ids), len(handler.threads)) == (1, 1)
    assert (pump.books.settled, pump.books.dead, pump.dead_letters) == (2, 0, [])


def test_then_it_is_a_dead_letter_that_tells_how_often() -> None:
    handler = Failing()
    pump = pump_of(listener("echo", Ping, handler, retry=PLAIN))
    (state,) = in_virtual_time(outcomes(pump, ping()))
    (letter,) = pump.dead_letters
    assert (state.error, handler.times) == ("handler-failed: echo: OSError: down", [0, 0.5, 1.5])
    assert (letter.reason, letter.attempts) == ("handler-failed: echo: OSError: down (tried 3 times)", 3)


def test_a_listener_without_a_policy_is_tried_once() -> None:
    handler = Failing()
    (letter,) = played(handler, None).dead_letters  # type: ignore[arg-type]
    assert (handler.attempts, letter.attempts, "tried" in letter.reason) == ([0], 1, False)


def test_the_organism_s_policy_holds_for_listeners_that_have_none() -> None:
    first, second = Failing(), Failing()
    pump = pump_of(
        listener("first", Ping, first),
        listener("second", Ping, second, retry=RetryConfig(attempts=1)),
        retry=PLAIN,
    )
    in_virtual_time(outcomes(pump, ping(to="first"), ping(to="second")))
    assert (len(first.times), len(second.times)) == (3, 1)


def test_a_reload_changes_the_policy() -> None:
    handler = Failing()

    async def scene() -> None:
        pump = pump_of(listener("echo", Ping, handler), retry=PLAIN)
        await pump.reload(
            OrganismConfig("test", listeners=pump.config.listeners, retry=RetryConfig(attempts=2))
        )
        await outcomes(pump, ping())

    in_virtual_time(scene())
    assert len(handler.times) == 2


def test_others_are_handled_meanwhile_and_retries_come_behind() -> None:
    handler = Failing(failures=1)
    pump = pump_of(listener("echo", Ping, handler, retry=PLAIN))
    assert texts(in_virtual_time(outcomes(pump, ping("1"), ping("2"), ping("3")))) == ["2", "3", "1"]


def test_a_handler_that_is_too_slow_is_called_again() -> None:
    calls: list[float] = []

    async def slow(payload: Ping, metadata: HandlerMetadata) -> Any:
        calls.append(asyncio.get_running_loop().time())
        await asyncio.sleep(100 if len(calls) == 1 else 0)
        return HandlerResponse.respond(Pong("at last"))

    pump = pump_of(listener("echo", Ping, slow, retry=PLAIN, timeout_s=3.0))
    assert texts(in_virtual_time(outcomes(pump, ping()))) == ["at last"]
    assert calls == [0, pytest.approx(3.5, abs=0.01)]


class OwnError(ConnectionError):
    """Somebody's own."""


@pytest.mark.parametrize(
    ("raised", "on", "calls"),
    [
        (OSError, ("error",), 3),
        (OSError, ("timeout", "crashed"), 1),
        (OwnError, ("ConnectionError",), 3),
        (OwnError, ("builtins.OSError",), 3),
        (OwnError, (f"{__name__}.OwnError",), 3),
        (OwnError, ("ValueError", "other.OwnError"), 1),
        (TimeoutError, ("timeout",), 1),  # which the handler raised, and nobody waited for too long
        (asyncio.CancelledError, ("error", "timeout"), 1),
        (asyncio.CancelledError, ("crashed",), 3),
        (lambda: sys.exit(3), ("crashed",), 3),
        (lambda: BindingError("A/B", "x", "y"), ("error", "BindingError"), 1),
    ],
)
def test_it_is_tried_again_after_the_failures_that_are_named(
    raised: Callable[[], BaseException], on: tuple[str, ...], calls: int
) -> None:
    handler = Failing(raised=raised)
    played(handler, RetryConfig(jitter=0.0, on=on))
    assert len(handler.times) == calls


def test_a_deadline_counts_as_the_exception_that_is_called_so() -> None:
    async def forever(payload: Ping, metadata: HandlerMetadata) -> None:
        calls.append(1)
        await asyncio.sleep(1_000)

    calls: list[int] = []
    pump = pump_of(listener("echo", Ping, forever, timeout_s=1.0, retry=RetryConfig(on=("OSError",))))
    in_virtual_time(outcomes(pump, ping()))  # TimeoutError is an OSError
    assert len(calls) == 3


@pytest.mark.parametrize("result", ["<broken", Ping, HandlerResponse(Ping("x"), to="nobody"), 7])
def test_an_answer_that_cannot_be_sent_is_not_asked_for_again(result: Any) -> None:
    handler = Recorder(result)
    (letter,) = played(handler, RetryConfig(on=("error", "timeout", "crashed", "Exception"))).dead_letters
    assert (len(handler.calls), letter.attempts) == (1, 1)


def test_a_message_that_breaks_its_contract_is_not_tried_again() -> None:
    pump = pump_of(listener("echo", Ping, Failing(), retry=PLAIN), retry=PLAIN)
    in_virtual_time(outcomes(pump, ping().replace(b"Text", b"Test")))
    (letter,) = pump.dead_letters
    assert (letter.attempts, letter.code, letter.path, letter.to_id) == (1, "schema", "Ping/Test", "echo")


def test_no_failure_but_a_handler_s_is_ever_meant() -> None:
    assert not is_meant(None, ("error",))
    assert not is_meant(NoReply("x"), ("error", "NoReply"))


def test_what_was_sent_before_a_failure_is_not_sent_twice() -> None:
    calls: list[int] = []

    async def counts(payload: Ping, metadata: HandlerMetadata) -> AsyncIterator[HandlerResponse]:
        calls.append(metadata.attempt)
        yield HandlerResponse.respond(Pong("1"))
        raise OSError("down")

    pump = pump_of(listener("echo", Ping, counts, retry=PLAIN))
    states = in_virtual_time(outcomes(pump, ping()))
    (letter,) = pump.dead_letters
    assert (calls, sorted(texts(states))) == ([0], ["1", "handler-failed"])
    assert letter.reason.endswith("(not tried again, as its handler had sent something already)")


def test_a_generator_that_has_sent_nothing_is_tried_again() -> None:
    calls: list[int] = []

    async def counts(payload: Ping, metadata: HandlerMetadata) -> AsyncIterator[HandlerResponse]:
        calls.append(metadata.attempt)
        if metadata.attempt < 2:
            raise OSError("down")
        yield HandlerResponse.respond(Pong("1"))

    pump = pump_of(listener("echo", Ping, counts, retry=PLAIN))
    assert texts(in_virtual_time(outcomes(pump, ping()))) == ["1"]
    assert calls == [0, 1, 2]


def test_a_request_waits_through_the_retries() -> None:
    async def scene() -> Any:
        async with running(pump_of(listener("echo", Ping, Failing(failures=2), retry=PLAIN))) as pump:
            return await pump.request(Ping("hello"), to="echo")

    assert in_virtual_time(scene()) == Pong("hello")


def test_a_request_fails_with_the_last_attempt() -> None:
    handler = Failing()

    async def scene() -> None:
        async with running(pump_of(listener("echo", Ping, handler, retry=PLAIN))) as pump:
            await pump.request(Ping("hello"), to="echo")

    with pytest.raises(RequestFailed, match="OSError: down"):
        in_virtual_time(scene())
    assert len(handler.times) == 3


def test_a_failure_that_was_got_over_is_not_what_a_request_fails_by() -> None:
    async def once(payload: Ping, metadata: HandlerMetadata) -> None:
        if not metadata.attempt:
            raise OSError("down")

    async def scene() -> None:
        async with running(pump_of(listener("echo", Ping, once, retry=PLAIN))) as pump:
            await pump.request(Ping("hello"), to="echo")

    with pytest.raises(NoReply):
        in_virtual_time(scene())


def test_whoever_takes_refusals_is_told_after_the_last_attempt_alone() -> None:
    told: list[float] = []

    async def ask(payload: Pong, metadata: HandlerMetadata) -> Any:
        return HandlerResponse(Ping("x"), to="echo")

    async def hear(payload: Any, metadata: HandlerMetadata) -> None:
        told.append(asyncio.get_running_loop().time())

    pump = pump_of(
        listener("asker", Pong, ask, on_refusal=hear), listener("echo", Ping, Failing(), retry=PLAIN)
    )
    in_virtual_time(outcomes(pump, ping(to="asker").replace(b"Ping", b"Pong")))
    assert told == [pytest.approx(1.5, abs=0.01)]


def test_each_call_counts_in_the_budget_of_the_conversation() -> None:
    handler = Failing()
    pump = pump_of(
        listener("echo", Ping, handler, retry=RetryConfig(attempts=100, base_s=0.0)),
        budget=BudgetConfig(messages=4),
    )
    in_virtual_time(outcomes(pump, ping()))
    (letter,) = pump.dead_letters
    assert len(handler.times) == 5
    assert letter.reason.endswith(
        "(tried 5 times) (not tried again, as its conversation has used up its budget)"
    )


def test_each_copy_of_a_broadcast_is_tried_by_itself() -> None:
    good, bad = Recorder(), Failing(failures=1)
    pump = pump_of(
        listener("all.good", Ping, good, broadcast=True, retry=PLAIN),
        listener("all.bad", Ping, bad, broadcast=True, retry=PLAIN),
    )
    in_virtual_time(outcomes(pump, ping(to="all")))
    assert (len(good.calls), len(bad.times), pump.dead_letters) == (1, 2, [])


def test_a_message_that_names_no_thread_keeps_the_one_that_it_was_given() -> None:
    handler = Failing(failures=2)
    pump = pump_of(listener("echo", Ping, handler, retry=PLAIN))
    in_virtual_time(outcomes(pump, ping(thread=None), sender=None))
    assert (len(handler.times), len(handler.threads)) == (3, 1)


def test_a_false_claim_is_counted_once_however_often_a_message_is_tried() -> None:
    pump = played(Failing(), PLAIN, ping(sender="somebody"))
    assert pump.false_claims == 1


def test_what_waits_to_be_tried_again_can_be_cancelled() -> None:
    handler = Failing()

    async def scene() -> tuple[int, StreamPump]:
        pump = pump_of(listener("echo", Ping, handler, retry=RetryConfig(base_s=100, jitter=0.0, max_s=100)))
        async with running(pump):
            await pump.inject(ping(), THREAD, "user")
            await asyncio.sleep(1)
            return await pump.cancel(THREAD), pump

    ended, pump = in_virtual_time(scene())
    assert (ended, len(handler.times), pump.dead_letters[0].code) == (1, 1, "cancelled")


def test_a_shutdown_waits_for_what_is_due_in_time_and_buries_the_rest() -> None:
    handler = Failing(failures=1)

    async def scene(base_s: float) -> tuple[bool, list[str]]:
        handler.times.clear()
        pump = pump_of(
            listener("echo", Ping, handler, retry=RetryConfig(base_s=base_s, max_s=100, jitter=0.0))
        )
        async with running(pump):
            await pump.inject(ping(), THREAD, "user")
            await asyncio.sleep(1)
            return await pump.shutdown(10), [letter.code for letter in pump.dead_letters]

    assert in_virtual_time(scene(5)) == (True, [])
    assert in_virtual_time(scene(50)) == (False, ["shutdown"])


def test_each_retry_is_told_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    played(Failing(failures=2))
    lines = [record for record in caplog.records if record.getMessage() == "a message is tried again"]
    assert [(line.listener, line.attempt, line.attempts, line.due_in_s) for line in lines] == [  # type: ignore[attr-defined]
        ("echo", 2, 3, 0.5),
        ("echo", 3, 3, 1.0),
    ]


def test_many_failing_messages_are_all_tried() -> None:
    handler = Failing()
    pump = played(handler, PLAIN, *[ping(str(n)) for n in range(300)])
    assert (len(handler.times), pump.books.dead) == (900, 300)


def test_a_listener_in_code_takes_a_policy() -> None:
    config = ListenerConfig("echo", payload_class=Ping, handler=Failing(), retry=PLAIN)
    assert config.retry == PLAIN
