"""No command shows a secret, on whatever it writes but the reply that is meant to hold it."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.secret_ears import MARK, heard

from .envelopes import envelope
from .process import agentserver, started

VAULT = '''
from dataclasses import dataclass
from typing import Annotated
from agentserver import HandlerResponse, Secret, xmlify

@xmlify
@dataclass
class Login:
    """Asks for a token."""
    user: int
    password: Annotated[str, Secret]

@xmlify
@dataclass
class Token:
    """Is one."""
    token: Annotated[str, Secret]

async def open_door(payload, metadata):
    if payload.user == 1:
        raise ValueError(f"{payload} with {payload.password}") from KeyError(payload.password)
    if payload.user == 2:
        return HandlerResponse.respond(Token([payload.password]))
    return HandlerResponse.respond(Token(payload.password))
'''
ORGANISM = """
organism: {name: vault}
listeners:
  - {name: door, payload_class: vault.Login, handler: vault.open_door}
"""


def login(user: object, to: str = "door", inside: str = "") -> bytes:
    return envelope(f'<Login xmlns=""><User>{user}</User>{inside}<Password>{MARK}</Password></Login>', to=to)


FAILING = [
    login(1), login(2), login("three"), login(MARK), login(4, to=MARK), login(5, inside=f"<Password>{MARK}</Password>"),
    login(6, inside=f"&{MARK};"), login(7).replace(b"<Login ", b"<Log-in ").replace(b"</Login>", b"</Log-in>"),
]  # fmt: skip


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "organism.yaml").write_text(ORGANISM)
    (tmp_path / "vault.py").write_text(VAULT)
    return tmp_path


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_pipe_shows_no_secret_of_what_failed(vault: Path, options: list[str]) -> None:
    done = agentserver("pipe", *options, stdin=b"".join(FAILING), cwd=vault)

    assert done.returncode == 1
    assert f"{len(FAILING)} failed" in done.stderr.decode()
    assert "" == heard((done.stdout + done.stderr).decode())


def test_pipe_writes_the_secret_of_a_reply_to_whoever_asked(vault: Path) -> None:
    done = agentserver("pipe", stdin=login(0), cwd=vault)

    assert f"<Token>{MARK}</Token>" in done.stdout.decode()
    assert "" == heard(done.stderr.decode())


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_run_logs_no_secret_at_any_level(vault: Path, log_format: str) -> None:
    (vault / "in.xml").write_bytes(b"".join([*FAILING, login(0)]))
    options = ("--inject", "in.xml", "--log-format", log_format, "--log-level", "debug")
    with started("run", *options, cwd=vault) as process:
        assert process.stderr is not None
        lines: list[str] = []
        while "all that was injected is handled" not in "".join(lines[-1:]):
            lines.append(process.stderr.readline().decode())
        process.send_signal(signal.SIGTERM)
        logged = "".join([*lines, process.stderr.read().decode()])

    assert "handler raised" in logged
    assert "in open_door" in logged
    assert "" == heard(logged)
    if log_format == "json":
        events = [json.loads(line)["event"] for line in logged.splitlines()]
        assert events.count("dead letter") == len(FAILING)
