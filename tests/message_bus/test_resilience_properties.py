"""Whatever fails, and in whatever order: each message ends, nobody is called too often, and the books balance."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agentserver import HandlerMetadata, HandlerResponse, running
from agentserver.config import BreakerConfig, IdempotencyConfig, Limits, RetryConfig
from agentserver.testing.virtual_time import in_virtual_time
from tests.organisms import Ping, Pong, listener, ping, pump_of

WAYS = st.sampled_from(["ok", "error", "slow", "exit", "bad", "sleep"])
POLICIES = st.builds(
    RetryConfig,
    attempts=st.integers(1, 4),
    backoff=st.sampled_from(["exponential", "fixed"]),
    base_s=st.sampled_from([0.0, 0.5, 7.0]),
    jitter=st.sampled_from([0.0, 1.0]),
    on=st.sampled_from([("error",), ("timeout", "crashed"), ("error", "timeout", "crashed"), ("OSError",)]),
)
BREAKERS = st.none() | st.builds(
    BreakerConfig, failures=st.integers(1, 3), open_s=st.sampled_from([1.0, 30.0])
)


class Scripted:
    """A handler that does with each message what a script says, attempt by attempt; then it answers."""

    def __init__(self, scripts: list[list[str]]) -> None:
        self.scripts = scripts
        self.calls: Counter[int] = Counter()
        self.done: Counter[int] = Counter()

    async def __call__(self, payload: Ping, metadata: HandlerMetadata) -> Any:
        number = int(payload.text)
        assert metadata.attempt == self.calls[number]
        self.calls[number] += 1
        script = self.scripts[number]
        way = script[metadata.attempt] if metadata.attempt < len(script) else "ok"
        if way == "error":
            raise OSError("down")
        if way == "slow":
            await asyncio.sleep(1_000)
        if way == "exit":
            raise SystemExit(3)
        if way == "bad":
            return 7
        if way == "sleep":
            await asyncio.sleep(0.3)
        self.done[number] += 1
        return HandlerResponse.respond(Pong(payload.text))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(WAYS, max_size=4), min_size=1, max_size=12), POLICIES, BREAKERS, st.integers(1, 4))
def test_every_message_ends_answered_or_dead(
    scripts: list[list[str]], retry: RetryConfig, breaker: BreakerConfig | None, at_once: int
) -> None:
    handler, left = Scripted(scripts), Counter[str]()
    pump = pump_of(
        listener("echo", Ping, handler, retry=retry, breaker=breaker, timeout_s=2.0, max_concurrent=at_once),
        limits=Limits(drain_timeout_s=10_000),
    )

    async def scene() -> None:
        pump.add_outlet(lambda state: left.update(["dead" if state.error else state.payload.text]))
        async with running(pump):
            for number in range(len(scripts)):
                await pump.inject(ping(str(number)), None, "user")
            await pump.drained()

    in_virtual_time(scene())
    books = pump.books
    assert (books.balanced, books.open) == (True, 0)
    assert books.dead == left["dead"] == len(scripts) - len(handler.done)
    assert set(handler.done.values()) <= {1}
    assert all(1 <= handler.calls[number] <= retry.attempts for number in range(len(scripts)))
    assert all(letter.attempts <= retry.attempts for letter in pump.dead_letters)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.lists(WAYS, max_size=2), st.booleans()), min_size=1, max_size=12
    ),
    st.sampled_from(["key", "content"]),
    st.integers(1, 3),
)
def test_of_one_key_at_most_one_message_is_handled_and_none_is_lost(
    sent: list[tuple[int, list[str], bool]], by: Any, attempts: int
) -> None:
    handler = Scripted([script for _, script, _ in sent])
    pump = pump_of(
        listener("echo", Ping, handler, retry=RetryConfig(attempts=attempts), timeout_s=2.0),
        idempotency=IdempotencyConfig(by), limits=Limits(drain_timeout_s=10_000),
    )  # fmt: skip

    async def scene() -> None:
        async with running(pump):
            for number, (key, _, pause) in enumerate(sent):
                await pump.inject(ping(str(number)), None, "user", key=f"k{key}")
                if pause:
                    await asyncio.sleep(0.4)
            await pump.drained()

    in_virtual_time(scene())
    done = Counter(sent[number][0] for number in handler.done)
    assert set(done.values()) <= {1}
    assert pump.books.balanced
    assert len(sent) == len(handler.done) + pump.books.dead + pump.duplicates
