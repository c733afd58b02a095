"""What is next: turns of conversations, priorities that age, times, and lanes. No clock but those that tests set."""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentserver.queues import QueuedMessage
from agentserver.queues.protocol import Frame
from agentserver.queues.schedule import AGING, Schedule

NOW = 1_800_000_000.0


class Clock:
    """A steady clock, and a time of day that anybody may set."""

    def __init__(self) -> None:
        self.steady, self.day = 100.0, NOW

    def sleep(self, seconds: float) -> None:
        self.steady += seconds
        self.day += seconds


def message(name: str, conversation: str | None = None, **options: object) -> QueuedMessage:
    made = QueuedMessage(name, b"x", thread_id=conversation)
    for key, value in options.items():
        setattr(made, key, value)
    return made


def several(conversation: str, count: int, **options: object) -> list[QueuedMessage]:
    return [message(f"{conversation}{n}", conversation, **options) for n in range(count)]


def filled(*messages: QueuedMessage, depth_first: bool = False) -> Schedule:
    schedule = Schedule(depth_first=depth_first)
    for each in messages:
        schedule.add(each)
    return schedule


def drain(schedule: Schedule, by: int = 1) -> list[str]:
    taken: list[str] = []
    while some := schedule.take(by, NOW):
        taken += [each.id for each in some]
    return taken


# conversations


def test_conversations_take_turns() -> None:
    schedule = filled(*several("a", 3), *several("b", 2), *several("c", 1))

    assert drain(schedule) == ["a0", "b0", "c0", "a1", "b1", "a2"]


def test_a_conversation_with_100_000_messages_does_not_shut_out_another() -> None:
    schedule = filled(*several("a", 100_000))
    schedule.take(50, NOW)
    schedule.add(message("b0", "b"))

    assert "b0" in [each.id for each in schedule.take(2, NOW)]


def test_messages_without_a_conversation_and_those_with_one_each_come_in_their_order() -> None:
    schedule = filled(*(message(str(n), None if n % 2 else f"t{n}") for n in range(200)))

    assert drain(schedule, by=7) == [str(n) for n in range(200)]


def test_a_branch_is_of_its_conversation() -> None:
    branch = message("a.0", "branch")
    branch.chain = (Frame("asker", "a"),)
    schedule = filled(*several("a", 2), branch, *several("b", 1))

    assert drain(schedule) == ["a0", "b0", "a1", "a.0"]


def test_a_conversation_that_comes_back_waits_for_each_other_once() -> None:
    schedule = filled(*several("a", 2), *several("b", 2), *several("c", 2))
    first = schedule.take(1, NOW)
    schedule.add(message("a9", "a"))

    assert [each.id for each in first] + drain(schedule) == ["a0", "b0", "c0", "a1", "b1", "c1", "a9"]


def test_what_all_fits_into_one_take_is_given_as_it_came() -> None:
    schedule = filled(*several("a", 3), *several("b", 1))

    assert drain(schedule, by=9) == ["a0", "a1", "a2", "b0"]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), max_size=80), st.integers(1, 9))
def test_messages_of_one_conversation_and_priority_keep_their_order(
    made: list[tuple[int, int]], by: int
) -> None:
    schedule, taken = Schedule(), list[str]()
    for count, (conversation, priority) in enumerate(made):
        schedule.add(message(f"{conversation}/{priority}/{count}", str(conversation), priority=priority))
        if count % 3 == 0:
            taken += [each.id for each in schedule.take(by, NOW)]
    taken += drain(schedule, by)

    lines: dict[str, list[int]] = defaultdict(list)
    for name in taken:
        line, _, number = name.rpartition("/")
        lines[line].append(int(number))
    assert len(taken) == len(made)
    assert all(line == sorted(line) for line in lines.values())


# depth first


def test_depth_first_what_was_emitted_comes_before_what_is_new() -> None:
    schedule = filled(*several("new", 2), *several("a", 2, hop=1), *several("b", 2, hop=3), depth_first=True)

    assert drain(schedule) == ["a0", "a1", "b0", "b1", "new0", "new1"]


def test_depth_first_one_conversation_is_finished_before_the_next() -> None:
    schedule = filled(*several("a", 1, hop=1), *several("b", 2, hop=1), depth_first=True)
    schedule.add(message("a9", "a", hop=1))

    assert drain(schedule) == ["a0", "a9", "b0", "b1"]


def test_depth_first_a_better_priority_is_better_than_depth() -> None:
    schedule = filled(*several("a", 1, hop=1), *several("urgent", 1, priority=0), depth_first=True)

    assert drain(schedule) == ["urgent0", "a0"]


# priorities


def test_priorities_come_in_their_order() -> None:
    schedule = filled(*(message(str(n), priority=n) for n in (5, 9, 0, 7, 1)))

    assert drain(schedule) == ["0", "1", "5", "7", "9"]


def order_beside_urgent_ones(schedule: Schedule, takes: int) -> list[str]:
    """Take one message after another, while there always is one of priority 0."""
    order: list[str] = []
    for number in range(takes):
        schedule.add(message(f"urgent{number}", priority=0))
        order += [each.id for each in schedule.take(1, NOW)]
    return order


def test_nobody_waits_for_ever_for_a_better_priority() -> None:
    schedule = filled(message("urgent", priority=0), message("last", priority=9))
    order = order_beside_urgent_ones(schedule, 9 * AGING + 9)

    assert abs(order.index("last") - 9 * AGING) <= 2


def test_a_better_priority_of_two_that_wait_is_given_sooner() -> None:
    schedule = filled(*(message(str(n), priority=n) for n in range(10)))
    order = order_beside_urgent_ones(schedule, 12 * AGING)

    assert [name for name in order if name in set("123456789")] == list("123456789")


def test_of_conversations_that_wait_with_one_priority_none_is_passed_over() -> None:
    schedule = filled(message("urgent", priority=0), *(message(f"bulk{n}", priority=9) for n in range(5)))
    order = order_beside_urgent_ones(schedule, 9 * AGING + 20)

    assert [name for name in order if name.startswith("bulk")] == [f"bulk{n}" for n in range(5)]


# times


def timed(clock: Clock, *due_s: float) -> Schedule:
    schedule = Schedule(steady=lambda: clock.steady)
    for each in due_s:
        schedule.add(message(str(each), deliver_at=clock.day + each))
    return schedule


def due(schedule: Schedule, clock: Clock) -> list[str]:
    return [each.id for each in schedule.take(99, clock.day)]


def test_a_message_waits_for_its_time() -> None:
    clock = Clock()
    schedule = timed(clock, 5, 2, 9)
    early, first = due(schedule, clock), schedule.next_due(clock.day)
    clock.sleep(5)

    assert (early, first, due(schedule, clock), len(schedule)) == ([], 2, ["2", "5"], 1)


def test_a_time_that_is_past_is_at_once() -> None:
    clock = Clock()
    schedule = timed(clock, -3600)

    assert (schedule.next_due(clock.day), due(schedule, clock)) == (0, ["-3600"])


def test_a_clock_that_is_set_back_delays_nothing() -> None:
    clock = Clock()
    schedule = timed(clock, 5)
    due(schedule, clock)
    clock.day -= 7_200
    assert schedule.next_due(clock.day) == 5
    clock.sleep(5)

    assert due(schedule, clock) == ["5"]


def test_a_clock_that_is_set_forward_lets_go_what_it_has_passed() -> None:
    clock = Clock()
    schedule = timed(clock, 5, 3_600, 90_000)
    due(schedule, clock)
    clock.day += 86_400

    assert (due(schedule, clock), schedule.next_due(clock.day)) == (["5", "3600"], 3_600)


def test_after_a_jump_later_messages_wait_as_long_as_they_say() -> None:
    clock = Clock()
    schedule = timed(clock, 5)
    for jump_s in (-7_200, 86_400, -100):
        due(schedule, clock)
        clock.day += jump_s
        schedule.add(message("later", deliver_at=clock.day + 2))
        assert schedule.next_due(clock.day) in (0, 2)
        assert "later" not in due(schedule, clock)
        clock.sleep(2)
        assert "later" in due(schedule, clock)


def test_what_is_due_stands_behind_what_is_ready_already() -> None:
    clock = Clock()
    schedule = timed(clock, 1)
    clock.sleep(1)
    schedule.add(message("ready"))

    assert [each.id for each in schedule.take(1, clock.day)] == ["ready"]


# lanes


def held(schedule: Schedule, count: int, lane: str = "slow") -> None:
    for each in schedule.take(count, NOW):
        schedule.hold(each, lane, schedule.released.pop(each.id, 0))


def test_what_a_lane_holds_is_not_given_before_it_is_released() -> None:
    schedule = filled(*several("a", 3))
    held(schedule, 2)

    assert (drain(schedule), len(schedule), schedule.held) == (["a2"], 2, {"slow": 2})


def test_what_is_released_comes_first_and_in_its_order() -> None:
    schedule = filled(*several("a", 5))
    held(schedule, 3)
    left = schedule.release("slow", 2)

    assert (left, drain(schedule)) == (1, ["a0", "a1", "a3", "a4"])


def test_what_is_held_again_stands_where_it_stood() -> None:
    schedule = filled(*several("a", 4))
    held(schedule, 4)
    schedule.release("slow", 2)
    held(schedule, 2)
    schedule.release("slow", 9)

    assert drain(schedule) == ["a0", "a1", "a2", "a3"]


def test_release_of_nothing_tells_how_many_are_held() -> None:
    schedule = filled(*several("a", 3))
    held(schedule, 3)

    assert (schedule.release("slow", 0), schedule.release("other", 5), schedule.ready) == (3, 0, 0)


def test_one_lane_is_released_and_another_is_not() -> None:
    schedule = filled(message("a"), message("b"))
    held(schedule, 1, "x")
    held(schedule, 1, "y")
    schedule.release("y", 1)

    assert drain(schedule) == ["b"]


def test_withdrawn_is_what_is_meant_wherever_it_waits() -> None:
    schedule = filled(
        *several("a", 4), *several("b", 2), message("c", priority=0), message("d", deliver_at=NOW + 9)
    )
    held(schedule, 2)
    withdrawn = schedule.withdraw(lambda each: each.id in {"a0", "a2", "b1", "c", "d"})

    assert {each.id for each in withdrawn} == {"a0", "a2", "b1", "c", "d"}
    assert (len(schedule), schedule.bytes) == (3, 3)
    schedule.release_all()
    assert sorted(drain(schedule)) == ["a1", "a3", "b0"]


def test_what_was_taken_and_comes_back_is_next_in_its_conversation() -> None:
    schedule = filled(*several("a", 3), *several("b", 1))
    schedule.add_first(schedule.take(2, NOW))

    assert [name for name in drain(schedule) if name[0] == "a"] == ["a0", "a1", "a2"]


@pytest.mark.parametrize("depth_first", [False, True])
def test_counts_are_those_of_what_is_there_whatever_is_done(depth_first: bool) -> None:
    dice = random.Random(7)
    schedule, there, taken = (
        Schedule(depth_first=depth_first),
        dict[str, QueuedMessage](),
        list[QueuedMessage](),
    )
    for number in range(4_000):
        match dice.randrange(8):
            case 0 | 1 | 2:
                made = message(
                    str(number), dice.choice("abc"), priority=dice.choice((5, 5, 5, 0, 9)), hop=dice.randrange(2),
                    deliver_at=dice.choice((0.0, 0.0, NOW - 1, NOW + 5)),
                )  # fmt: skip
                schedule.add(made)
                there[made.id] = made
            case 3 | 4:
                some = schedule.take(dice.randrange(1, 9), NOW)
                taken += some
                for each in some:
                    del there[each.id]
            case 5:
                for each in taken:
                    schedule.hold(each, dice.choice("xy"), schedule.released.pop(each.id, 0))
                    there[each.id] = each
                taken = []
            case 6:
                schedule.release(dice.choice("xy"), dice.randrange(9))
            case 7:
                schedule.add_first(taken)
                there |= {each.id: each for each in taken}
                taken = []
        assert (len(schedule), schedule.bytes) == (len(there), len(there))
    assert sorted(each.id for each in schedule) == sorted(there)
    assert sorted(each.id for each in schedule.take_all()) == sorted(there)


def test_of_ready_conversations_none_gets_more_than_one_message_ahead() -> None:
    dice = random.Random(3)
    schedule = Schedule()
    for number in range(3_000):
        schedule.add(message(str(number), dice.choice("aaaaaaab")))
    order = [each.conversation_id for each in schedule.take(300, NOW)]

    assert all(one != other for one, other in pairwise(order))


# whom messages are bound for


def bound(name: str, target: str | None, conversation: str | None = None) -> QueuedMessage:
    return message(name, conversation, bound_for=target)


def test_ten_thousand_conversations_with_one_do_not_hold_up_one_with_another() -> None:
    schedule = filled(
        *(bound(str(n), "sleeper", f"t{n}") for n in range(10_000)), bound("other", "quick", "x")
    )

    assert "other" in [each.id for each in schedule.take(2, NOW)]


def test_those_who_are_bound_for_one_take_turns_with_those_for_others() -> None:
    schedule = filled(
        *(bound(f"a{n}", "a", f"ta{n}") for n in range(3)),
        *(bound(f"b{n}", "b", f"tb{n}") for n in range(2)),
        bound("none", None),
    )

    assert drain(schedule) == ["a0", "b0", "none", "a1", "b1", "a2"]


def test_a_conversation_keeps_its_order_whatever_its_messages_say() -> None:
    schedule = filled(bound("0", None, "t"), bound("1", "a", "t"), bound("2", "b", "t"), bound("x", "b", "u"))

    assert [name for name in drain(schedule) if name != "x"] == ["0", "1", "2"]


@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from([None, "a", "b"])), max_size=60), st.integers(1, 7)
)
def test_whomever_messages_are_bound_for_none_is_lost(made: list[tuple[int, str | None]], by: int) -> None:
    schedule, taken = Schedule(), list[str]()
    for count, (conversation, target) in enumerate(made):
        schedule.add(bound(f"{conversation}/{count}", target, str(conversation)))
        if count % 5 == 4:
            taken += [each.id for each in schedule.take(by, NOW)]
        if count % 7 == 6:
            schedule.add_first(schedule.withdraw(lambda each: each.id.startswith("0/")))
    taken += drain(schedule, by)

    assert sorted(taken) == sorted(f"{conversation}/{count}" for count, (conversation, _) in enumerate(made))
    assert (len(schedule), schedule.bytes) == (0, 0)
