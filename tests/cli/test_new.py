"""`agentserver new`: a project that works as it is."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest
from click.testing import CliRunner

from agentserver.cli import main

from .process import agentserver, environment

AWKWARD = 'a "b" {c} \\d'


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    assert agentserver("new", "demo", cwd=tmp_path).returncode == 0
    return tmp_path / "demo"


def test_the_project_is_complete(demo: Path) -> None:
    files = {str(path.relative_to(demo)) for path in demo.rglob("*") if path.is_file()}

    assert files == {
        ".gitignore",
        "README.md",
        "config/examples/greetings.xml",
        "config/organism.tests.yaml",
        "config/organism.yaml",
        "handlers/__init__.py",
        "handlers/hello.py",
        "pyproject.toml",
        "schemas/README.md",
        "schemas/greeter/v1/Greeting.example.xml",
        "schemas/greeter/v1/Greeting.md",
        "schemas/greeter/v1/Greeting.prompt.txt",
        "schemas/greeter/v1/Greeting.schema.json",
        "schemas/greeter/v1/Greeting.xsd",
        "tests/test_hello.py",
    }


def test_the_project_is_valid(demo: Path) -> None:
    assert b"OK: config/organism.yaml: demo, 1 listener" in agentserver("validate", cwd=demo).stdout


def test_the_project_answers_its_examples(demo: Path) -> None:
    done = agentserver("pipe", cwd=demo, stdin=(demo / "config/examples/greetings.xml").read_bytes())

    assert done.returncode == 0
    assert done.stdout.count(b"Hello, ") == 3


def test_the_written_contracts_are_those_of_the_code(demo: Path) -> None:
    done = agentserver("contracts", "check", cwd=demo)

    assert (0, b"OK: 5 files in schemas are those of the code\n") == (done.returncode, done.stdout)


def test_the_project_passes_its_own_tests(demo: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=demo, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout


def test_the_project_passes_its_own_cases(demo: Path) -> None:
    done = agentserver("test", cwd=demo)

    assert (0, b"2 passed, 0 failed") == (done.returncode, done.stdout.splitlines()[-1])


def test_the_project_can_be_installed_under_its_name(demo: Path) -> None:
    pytest.importorskip("hatchling", reason="hatchling is not installed: pip install hatchling")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel"],
        cwd=demo,
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    with ZipFile(demo / "dist" / "demo-0.1.0-py3-none-any.whl") as wheel:
        assert {"handlers", "demo-0.1.0.dist-info"} == {name.split("/")[0] for name in wheel.namelist()}


@pytest.mark.parametrize(
    ("folder", "package"),
    [
        ("my shop", "my-shop"),
        (AWKWARD, "a-b-c-d"),
        ("ключ", "organism"),
        ("AgentServer", "AgentServer-organism"),
    ],
)
def test_a_name_that_no_package_may_have_is_changed(tmp_path: Path, folder: str, package: str) -> None:
    assert CliRunner().invoke(main, ["new", str(tmp_path / folder)]).exit_code == 0

    assert package == tomllib.loads((tmp_path / folder / "pyproject.toml").read_text())["project"]["name"]


def test_a_name_that_needs_quoting_is_quoted(tmp_path: Path) -> None:
    assert agentserver("new", AWKWARD, cwd=tmp_path).returncode == 0

    assert f"{AWKWARD}, 1 listener" in agentserver("validate", cwd=tmp_path / AWKWARD).stdout.decode()


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    result = CliRunner().invoke(main, ["new", str(tmp_path)])

    assert result.exit_code == 1
    assert "--force" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_force_keeps_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    result = CliRunner().invoke(main, ["new", str(tmp_path), "--force"])

    assert result.exit_code == 0
    assert (tmp_path / "README.md").read_text() == "mine"
    assert (tmp_path / "config/organism.yaml").exists()


def test_the_next_steps_are_told(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["new", str(tmp_path / "demo")])

    assert "agentserver pipe < config/examples/greetings.xml" in result.stdout
