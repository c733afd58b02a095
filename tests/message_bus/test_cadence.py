"""Ticks of an interval, whatever is done to the clock. No time passes but what tests say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentserver.message_bus.cadence import Cadence

DAY = 1_800_057_600.0
"""A time of day that is a multiple of all intervals here."""


class Clocks:
    """The two clocks, and a cadence that is looked at when it asks to be, or at least once a minute."""

    def __init__(self, every_s: float, now: float = DAY, *, at_start: bool = False) -> None:
        self.now, self.steady = now, 50.0
        self.cadence = Cadence(every_s, self.now, self.steady, at_start=at_start)
        self.ticks: list[int] = []
        self.times: list[float] = []

    def look(self) -> None:
        tick = self.cadence.look(self.now, self.steady)
        if tick is not None:
            self.ticks.append(tick)
            self.times.append(self.steady - 50.0)

    def run(self, seconds: float) -> None:
        end = self.steady + seconds
        while True:
            self.look()
            pause_s = min(self.cadence.wait_s(self.steady), 60.0)
            if self.steady + pause_s > end:
                break
            self.steady += pause_s
            self.now += pause_s
        self.now += end - self.steady
        self.steady = end

    def stop(self, seconds: float) -> None:
        """Let time pass while nobody looks, as after a SIGSTOP."""
        self.now += seconds
        self.steady += seconds


def test_ticks_fall_on_whole_multiples_of_the_interval() -> None:
    clocks = Clocks(3_600, DAY + 600)
    clocks.run(3 * 3_600)

    assert clocks.times == [3_000, 6_600, 10_200]
    assert clocks.ticks == [int(DAY / 3_600) + n for n in (1, 2, 3)]


def test_one_at_the_start_is_that_of_the_interval_that_goes_on() -> None:
    clocks = Clocks(60, DAY + 20, at_start=True)
    clocks.run(50)

    assert (clocks.times, clocks.ticks) == ([0, 40], [int(DAY / 60), int(DAY / 60) + 1])


def test_of_what_was_missed_one_is_made_up_for() -> None:
    clocks = Clocks(10)
    clocks.run(25)
    clocks.stop(1_000)
    clocks.run(10)

    assert clocks.times == [10, 20, 1_025, 1_030]


def test_a_clock_that_is_set_forward_makes_no_burst() -> None:
    clocks = Clocks(10)
    clocks.run(25)
    clocks.now += 86_400
    clocks.run(20)

    assert len(clocks.ticks) <= 5
    assert clocks.ticks == sorted(set(clocks.ticks))


def test_a_clock_that_is_set_back_makes_no_pause() -> None:
    clocks = Clocks(10)
    clocks.run(25)
    clocks.now -= 7_200
    clocks.run(100)

    assert 11 <= len(clocks.ticks) <= 13
    assert clocks.ticks == sorted(set(clocks.ticks))


def test_a_long_interval_follows_a_clock_that_was_set_forward_within_a_minute() -> None:
    clocks = Clocks(86_400)
    clocks.run(3_600)
    clocks.now += 86_400 - 2 * 3_600
    clocks.run(2 * 3_600)

    assert (len(clocks.ticks), 7_200 <= clocks.times[0] <= 7_260) == (1, True)


@given(
    st.sampled_from([0.1, 1, 10, 60, 3_600]),
    st.floats(0, 10_000),
    st.lists(st.tuples(st.floats(0.01, 50), st.floats(-100_000, 100_000), st.floats(0, 500)), max_size=6),
)
def test_whatever_is_done_to_the_clock_ticks_are_new_and_come_at_the_interval(
    every_s: float, offset_s: float, jumps: list[tuple[float, float, float]]
) -> None:
    clocks = Clocks(every_s, DAY + offset_s)
    for intervals, jump_s, stop_s in jumps:
        clocks.run(min(intervals, 20) * every_s)
        clocks.now += jump_s
        clocks.stop(stop_s)
    before = len(clocks.times)
    begun_s = clocks.steady - 50.0
    clocks.run(10 * every_s)
    late = [time_s for time_s in clocks.times[before:] if time_s > begun_s + 1e-6]

    assert clocks.ticks == sorted(set(clocks.ticks))
    assert 8 <= len(late) <= 12
