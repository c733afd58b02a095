"""`schedules:` in YAML: what is read of it, and what is wrong with it, each with its line."""

from __future__ import annotations

import pytest

from agentserver.config import ConfigLoader, ScheduleConfig
from agentserver.errors import ConfigError

ORGANISM = """\
organism: {name: test}
listeners:
  - {name: greeter, payload_class: handlers.hello.Greeting, handler: handlers.hello.handle_greeting}
schedules:
"""
GREETING = "'<Greeting><Name>clock</Name></Greeting>'"


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        ConfigLoader.loads(ORGANISM + text)
    return [f"{fault.line}: {fault.message}" for fault in caught.value.faults]


def test_a_schedule_is_read() -> None:
    config = ConfigLoader.loads(
        ORGANISM
        + f"  - {{name: morning, every: 1day, to: greeter, payload: {GREETING}, from: alarm, "
        + "at_start: true, priority: 0}\n"
        + f"  - {{name: often, every: 0.5, to: greeter, payload: {GREETING}}}\n"
    )

    assert config.schedules == [
        ScheduleConfig("morning", 86_400, "greeter", GREETING[1:-1], "alarm", at_start=True, priority=0),
        ScheduleConfig("often", 0.5, "greeter", GREETING[1:-1]),
    ]
    assert [each.line for each in config.schedules] == [5, 6]


@pytest.mark.parametrize(
    ("every", "seconds"),
    [("30s", 30), ("1.5min", 90), ("2h", 7_200), ("31day", 2_678_400), ("'60 s'", 60), ("7", 7)],
)
def test_intervals_have_units(every: str, seconds: float) -> None:
    config = ConfigLoader.loads(
        ORGANISM + f"  - {{name: a, every: {every}, to: greeter, payload: {GREETING}}}\n"
    )

    assert config.schedules[0].every_s == seconds


@pytest.mark.parametrize("every", ["often", "5 weeks", "-3s", "''", "32day", "0", "0.01", "true"])
def test_what_is_no_interval_is_refused_with_its_line(every: str) -> None:
    found = faults(f"  - {{name: a, every: {every}, to: greeter, payload: {GREETING}}}\n")

    assert len(found) == 1
    assert found[0].startswith("5: ")
    assert "every" in found[0]


def test_every_fault_is_told_at_its_line() -> None:
    found = faults("""\
  - name: a
    every: 5s
    to: greter
    payload: <Greeting/>
  - name: a
    every: 5s
    to: greeter
    payload: <Greeting><Name>x</Name>
    from: greeter
  - name: b
    every: 5s
    to: greeter
    payload: <Greeting><Nme>x</Nme></Greeting>
  - name: c.d
    every: 5s
    to: greeter
    payload: <Order/>
    prioritty: 3
""")

    assert [fault.partition(": ")[0] for fault in found] == ["7", "9", "12", "13", "17", "18", "21", "22"]
    for told, expected in zip(
        found,
        (
            "no listener 'greter'; did you mean 'greeter'?",
            "duplicate schedule name 'a'; the first is on line 5",
            "no payload: ",
            "'greeter' is a listener, which would get the answers",
            "greeter would refuse it: ",
            "a letter, then up to 31",
            "greeter takes no <Order>; it takes <Greeting>",
            "prioritty",
        ),
        strict=True,
    ):
        assert expected in told
