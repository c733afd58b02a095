"""Messages by the clock: sent each time, once, and not in bursts. In virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agentserver import HandlerMetadata, HandlerResponse, StreamPump, running
from agentserver.config import Limits, OrganismConfig, ScheduleConfig
from agentserver.errors import ConfigError
from agentserver.testing.virtual_time import VirtualTimeLoop, virtual_time
from tests.organisms import Ping, Pong, Recorder, listener, ping

DAY = 1_800_057_600.0
PAYLOAD = "<Ping><Text>tick</Text></Ping>"


def every(seconds: float, **options: Any) -> ScheduleConfig:
    return ScheduleConfig(
        **{"name": "ticker", "every_s": seconds, "to": "echo", "payload": PAYLOAD, **options}
    )


def by_loop_time() -> float:
    return DAY + asyncio.get_running_loop().time()


def ticking(recorder: Any, *schedules: ScheduleConfig, **options: Any) -> StreamPump:
    config = OrganismConfig(
        "test", listeners=[listener("echo", Ping, recorder)], schedules=list(schedules), **options
    )
    pump = StreamPump(config, clock=by_loop_time)
    pump.register_all()
    return pump


class Times(Recorder):
    """A recorder that notes when it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    async def __call__(self, payload: Any, metadata: HandlerMetadata) -> Any:
        self.times.append(round(asyncio.get_running_loop().time(), 2))
        return await super().__call__(payload, metadata)


@virtual_time
async def test_a_message_is_sent_each_time() -> None:
    recorder = Times()
    async with running(ticking(recorder, every(60))):
        await asyncio.sleep(200)

    assert recorder.times == [60, 120, 180]
    assert [payload.text for payload in recorder.payloads] == ["tick"] * 3
    assert {metadata.from_id for _, metadata in recorder.calls} == {"clock"}
    assert len({metadata.thread_id for _, metadata in recorder.calls}) == 3


@virtual_time
async def test_several_schedules_keep_their_own_times() -> None:
    recorder = Times()
    schedules = (every(7, at_start=True), every(10, name="other", sender="alarm"))
    async with running(ticking(recorder, *schedules)):
        await asyncio.sleep(21)

    by_sender: dict[str, list[float]] = {"clock": [], "alarm": []}
    for time_s, (_, metadata) in zip(recorder.times, recorder.calls, strict=True):
        by_sender[metadata.from_id].append(time_s)
    assert by_sender["alarm"] == [10, 20]
    assert (by_sender["clock"][0], len(by_sender["clock"])) == (0, 4)


@virtual_time
async def test_an_answer_leaves_the_organism() -> None:
    async def answer(payload: Ping, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse.respond(Pong(payload.text))

    pump = ticking(answer, every(60))
    seen: list[Any] = []
    pump.add_outlet(seen.append)
    async with running(pump):
        await asyncio.sleep(61)

    assert [(state.to_id, state.payload) for state in seen] == [("clock", Pong("tick"))]


@virtual_time
async def test_a_pause_leaves_ticks_out_and_makes_no_burst() -> None:
    recorder = Times()
    pump = ticking(recorder, every(10))
    async with running(pump):
        await asyncio.sleep(15)
        pump.pause("echo")
        await asyncio.sleep(50)
        pump.resume("echo")
        pump.pause()
        await asyncio.sleep(50)
        pump.resume()
        await asyncio.sleep(10)

    assert recorder.times == [10, 120]


@virtual_time
async def test_a_full_queue_leaves_ticks_out_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    recorder = Times()
    pump = ticking(recorder, every(10), limits=Limits(queue_messages=1))
    async with running(pump):
        await pump.inject(ping("late"), None, "user", deliver_at=by_loop_time() + 15)
        await asyncio.sleep(25)

    assert (recorder.times, [payload.text for payload in recorder.payloads]) == ([15, 20], ["late", "tick"])
    assert [record.message for record in caplog.records if "scheduled" in record.message] == [
        "a scheduled message is left out"
    ]


@virtual_time
async def test_an_id_says_which_tick_it_is_of() -> None:
    ids: list[str | None] = []

    async def note(payload: Ping, metadata: HandlerMetadata) -> None:
        ids.append(metadata.message_id)

    for _ in range(2):
        async with running(ticking(note, every(60, at_start=True))):
            await asyncio.sleep(1)

    assert ids == [f"every-ticker-60000-{int(DAY / 60)}"] * 2


@virtual_time
async def test_a_reload_takes_over_other_schedules_and_goes_on_with_those_that_stay() -> None:
    recorder = Times()
    pump = ticking(recorder, every(10))
    async with running(pump):
        await asyncio.sleep(12)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        with loop.working():
            changes = await pump.reload(ticking(recorder, every(10), every(7, name="new")).config)
        reloaded_s = loop.time()
        await asyncio.sleep(15)
        with loop.working():
            await pump.reload(ticking(recorder).config)
        count = len(recorder.times)
        await asyncio.sleep(100)

    assert [each.key for each in changes.settings] == ["schedules"]
    assert 2 <= len([time_s for time_s in recorder.times if time_s > reloaded_s]) <= 5
    assert len(recorder.times) == count


@virtual_time
async def test_an_organism_without_schedules_sets_no_timer() -> None:
    pump = ticking(Times())
    async with running(pump):
        await asyncio.sleep(0)
        names = {task.get_name() for task in asyncio.all_tasks()}

    assert "agentserver-schedules" not in names


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"every_s": 0.01}, "every: found 0.01"),
        ({"every_s": float("nan")}, "every: found nan"),
        ({"every_s": 10**7}, "every: found 10000000"),
        ({"name": "a.b"}, "name: found 'a.b'"),
        ({"to": ""}, "to: found ''"),
        ({"sender": "1"}, "from: found '1'"),
        ({"payload": ""}, "payload: expected 1 to 100,000"),
        ({"priority": 10}, "priority: found 10"),
    ],
)
def test_a_schedule_that_cannot_be_kept_is_refused(options: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        every(**{"seconds": 1, **options}) if "every_s" not in options else every(options["every_s"])
