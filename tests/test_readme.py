"""What README shows, works as it is shown there."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from lxml import etree

from agentserver.config import ConfigLoader
from agentserver.errors import BindingError
from tests.organisms import outcomes, pump_of

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def shell(script: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a script in which `agentserver` is this interpreter's."""
    script = f'agentserver() {{ "{sys.executable}" -m agentserver "$@"; }}\n{script}'
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )


def test_the_first_two_blocks_are_the_shell_blocks() -> None:
    assert re.findall(r"^```(\w+)$", README, re.MULTILINE)[:2] == ["sh", "sh"]


def test_the_first_block_shows_the_last_replies() -> None:
    (command,) = [line for line in blocks("sh")[0].splitlines() if line.startswith("agentserver")]
    done = shell(command)
    assert (done.returncode, done.stdout.count("</GreetingResponse>")) == (0, 3), done.stderr


def test_the_second_block_runs_the_tests() -> None:
    assert blocks("sh")[1].splitlines()[-1] == "python -m pytest"


def test_the_handler_has_twelve_lines_and_is_the_one_of_the_samples() -> None:
    shown = blocks("python")[0]
    sample = (ROOT / "handlers" / "hello.py").read_text(encoding="utf-8")
    code = [line for line in sample.splitlines() if line.strip() and '"""' not in line]
    assert [line for line in shown.splitlines() if line.strip()] == code
    start = shown.index("@xmlify")
    assert len([line for line in shown[start:].splitlines() if line.strip()]) <= 12


def test_the_program_prints_both_replies(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(blocks("python")[1], encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.splitlines()[:2] == ["Hello, Ada!", "Hello, Bob!"], done.stderr


def test_the_step_counts_messages_per_sender() -> None:
    from agentserver.config import StepConfig

    module = ModuleType("shown")
    exec(blocks("python")[2], module.__dict__)
    config = ConfigLoader.load(ROOT / "config" / "counting.yaml")
    assert [(step.step_path, step.after) for step in config.pipeline] == [
        ("handlers.counting.count_senders", "payload_extraction")
    ]
    steps = [StepConfig("shown.count_senders", after="payload_extraction", step=module.count_senders)]
    greeting = b"<Greeting><Name>Ada</Name></Greeting>"
    asyncio.run(outcomes(pump_of(*config.listeners, pipeline=steps), *[greeting] * 3, sender="ada"))
    assert module.count_senders.counts == {"ada": 3, "greeter": 3}  # the replies pass the same gate


def test_the_step_counts_when_it_is_wired_by_yaml() -> None:
    config = ConfigLoader.loads(blocks("yaml")[0])
    (step,) = config.pipeline
    assert step.step is not None
    counts = step.step.counts  # type: ignore[attr-defined]
    before = counts["bob"]
    asyncio.run(outcomes(pump_of(*config.listeners, pipeline=[step]), b"<Greeting/>", sender="bob"))
    assert counts["bob"] - before == 1


@pytest.mark.parametrize("text", blocks("yaml")[:2], ids=["counting", "reference"])
def test_every_configuration_loads(text: str) -> None:
    assert ConfigLoader.loads(text).listeners


def test_the_test_cases_pass(tmp_path: Path) -> None:
    (tmp_path / "shown.yaml").write_text(blocks("yaml")[2])
    config = ROOT / "config" / "organism.yaml"
    done = shell(f"agentserver test {tmp_path / 'shown.yaml'} --config {config}")
    assert done.stdout.splitlines()[-1] == "2 passed, 0 failed"


def test_the_reference_shows_the_defaults() -> None:
    from dataclasses import asdict

    from agentserver.config import Limits, OrganismConfig

    shown, default = ConfigLoader.loads(blocks("yaml")[1]), OrganismConfig("hello-world")
    assert shown.limits == Limits()
    places: dict[str, object] = {"listeners": [], "given": {}}
    assert {**asdict(shown), **places} == {**asdict(default), **places}


def test_the_envelope_is_taken() -> None:
    config = ConfigLoader.load(ROOT / "config" / "organism.yaml")
    (reply,) = asyncio.run(outcomes(pump_of(*config.listeners), blocks("xml")[0].encode(), sender=None))
    assert reply.payload.message == "Hello, Ada!"


def test_the_contract_reads_the_document_that_is_shown() -> None:
    from agentserver.xmlable import contract_of, parse_element

    module = ModuleType("shown_contract")
    sys.modules[module.__name__] = module  # where the decorator looks names up
    try:
        exec(blocks("python")[3], module.__dict__)
    finally:
        del sys.modules[module.__name__]
    order = etree.fromstring(blocks("xml")[1])
    assert contract_of(module.Order).schema.validate(order)
    assert "4111111111111111" not in repr(parse_element(module.Order, order))
    order[1][0].text = "AB12"
    with pytest.raises(BindingError) as caught:
        parse_element(module.Order, order)
    assert str(caught.value).partition(":")[0] == "Order/Lines[2]/Article"


def test_a_contract_reads_and_writes_json() -> None:
    exec(blocks("python")[4], {})


@pytest.mark.parametrize("command", [line for line in blocks("sh")[2].splitlines() if line])
def test_the_artefacts_are_shown(command: str) -> None:
    done = shell(command)
    assert (done.returncode, bool(done.stdout)) == (0, True), done.stderr


def test_every_command_is_shown() -> None:
    from agentserver.cli import main

    assert all(f"`agentserver {name}" in README for name in main.commands)


def test_nothing_is_left_to_fill_in() -> None:
    assert set(re.findall(r"\b[A-Z]+_[A-Z]+\b|TODO|TBD", README)) <= {"UBL_SCHEMAS"}


def test_the_commands_that_give_json_are_those_that_take_the_option() -> None:
    from agentserver.cli import main

    takers = {
        name
        for name, command in main.commands.items()
        if any("--json" in option.opts for option in command.params)
    }
    # and `contracts`, `dead` and `audit`, groups whose commands each take it
    assert takers == {
        *("validate", "can", "reload", "pipe", "bench", "test"),
        *("status", "trace", "replay", "snapshot", "restore"),
    }
