"""The key of an organism: made once, the same for all who start at once, and never one that others could know."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from agentserver import HandlerResponse, StreamPump, bootstrap
from agentserver.config import OrganismConfig
from agentserver.errors import ConfigError
from agentserver.message_bus.bootstrap import assembled
from agentserver.message_bus.identity import identity_key, thread_key_of
from tests.organisms import Ping, Pong, Recorder, listener, outcomes, ping

DIGITS = "0123456789abcdef" * 4
ROOT = Path(__file__).resolve().parents[2]

ORGANISM = """\
organism:
  name: keyed
  identity: var/identity.key
listeners:
- {name: greeter, payload_class: handlers.hello.Greeting, handler: handlers.hello.handle_greeting}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Write a project whose organism has a key."""
    (tmp_path / "config").mkdir()
    path = tmp_path / "config" / "organism.yaml"
    path.write_text(ORGANISM)
    return path


def key_file(folder: Path, content: str = DIGITS, mode: int = 0o600) -> Path:
    path = folder / "identity.key"
    path.write_text(content)
    path.chmod(mode)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as raised:
        identity_key(path)
    return str(raised.value)


def test_the_first_run_makes_it_and_further_ones_read_it(tmp_path: Path) -> None:
    path = tmp_path / "var" / "keys" / "identity.key"
    key = identity_key(path)
    assert (len(key), identity_key(path)) == (32, key)
    assert path.read_text() == key.hex() + "\n"
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent, path.parent.parent)] == [
        0o600, 0o700, 0o700
    ]  # fmt: skip
    assert [each.name for each in path.parent.iterdir()] == ["identity.key"]


def test_no_umask_takes_it_from_its_owner(tmp_path: Path) -> None:
    before = os.umask(0o777)
    try:
        identity_key(tmp_path / "identity.key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "identity.key").stat().st_mode) == 0o600


def test_two_keys_differ(tmp_path: Path) -> None:
    assert identity_key(tmp_path / "a") != identity_key(tmp_path / "b")


@pytest.mark.parametrize("content", [DIGITS, f"{DIGITS}\n", f"{DIGITS}\r\n", DIGITS.upper()])
def test_a_key_that_somebody_wrote_is_read(tmp_path: Path, content: str) -> None:
    assert identity_key(key_file(tmp_path, content)) == bytes.fromhex(DIGITS)


@pytest.mark.parametrize("content", ["", "\n", DIGITS[1:], DIGITS + "0", f" {DIGITS}", "x" * 64, "é" * 64])
def test_a_file_that_holds_no_key_is_refused_and_kept(tmp_path: Path, content: str) -> None:
    path = key_file(tmp_path, content)
    assert "holds no key, which is 64 hexadecimal digits; restore it, or remove it" in refusal(path)
    assert path.read_text() == content


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666, 0o601])
def test_a_file_that_others_may_open_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path, mode=mode)
    told = refusal(path)
    assert f"(mode {mode:04o}); chmod 600 {path}" in told
    assert DIGITS not in told


def test_no_refusal_tells_what_is_in_the_file(tmp_path: Path) -> None:
    assert DIGITS[:8] not in refusal(key_file(tmp_path, f"{DIGITS}{DIGITS}"))


def test_a_link_to_ones_own_file_is_followed(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(key_file(tmp_path))
    assert identity_key(link) == bytes.fromhex(DIGITS)


def test_a_link_to_nothing_makes_nothing(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    assert "is a link to a file that is not there; remove the link" in refusal(link)
    assert [each.name for each in tmp_path.iterdir()] == ["link"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("through_a_link", [False, True])
def test_somebody_elses_file_is_refused(tmp_path: Path, through_a_link: bool) -> None:
    path = key_file(tmp_path)
    os.chown(path, 12_345, 12_345)
    link = tmp_path / "link"
    link.symlink_to(path)
    assert "somebody else's" in refusal(link if through_a_link else path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a link away")
def test_somebody_elses_link_is_refused(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(key_file(tmp_path))
    os.chown(link, 12_345, 12_345, follow_symlinks=False)
    assert "is a link of somebody else's" in refusal(link)


def test_what_is_no_file_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "is no file" in refusal(tmp_path / "pipe")
    assert "is no file" in refusal(tmp_path)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(tmp_path / "s"))
        assert "cannot be read or made" in refusal(tmp_path / "s")


@pytest.mark.parametrize(
    "where", ["{}/identity.key/below", "/proc/identity.key", "{}/a\0b", "{}/" + "x" * 300]
)
def test_where_no_file_can_be_made_the_remedy_is_told(tmp_path: Path, where: str) -> None:
    key_file(tmp_path)
    assert "cannot be" in refusal(Path(where.format(tmp_path)))


def test_processes_that_start_at_once_get_one_key(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from agentserver.message_bus.identity import identity_key; "
        "print('ready', flush=True); sys.stdin.readline(); print(identity_key(Path(sys.argv[1])).hex())"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "var" / "identity.key")]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for _ in range(4)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    keys = [process.communicate(timeout=60)[0].strip() for process in started]
    assert keys == [identity_key(tmp_path / "var" / "identity.key").hex()] * 4


async def threads_of_one_run(path: str) -> list[str]:
    """Run an organism whose listener asks another; return the threads on which the two work."""
    asker, answerer = Recorder(HandlerResponse(Pong("x"), to="b")), Recorder()
    config = OrganismConfig(
        "keyed", path, listeners=[listener("a", Ping, asker), listener("b", Pong, answerer)]
    )
    pump = StreamPump(config, thread_key=thread_key_of(config))
    pump.register_all()
    await outcomes(pump, ping(to="a"))
    return [told.thread_id for _, told in (*asker.calls, *answerer.calls)]


async def test_threads_are_the_same_after_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "identity.key")
    first, again = await threads_of_one_run(path), await threads_of_one_run(path)
    other, unkeyed = await threads_of_one_run(str(tmp_path / "other.key")), await threads_of_one_run("")
    assert first == again
    assert len({first[1], other[1], unkeyed[1]}) == 3


async def test_who_starts_an_organism_makes_its_key_in_the_project(config: Path) -> None:
    await bootstrap(config)
    assert (config.parent.parent / "var" / "identity.key").is_file()


def test_who_looks_at_an_organism_makes_no_key(config: Path) -> None:
    assert assembled(config).config.identity_path == "var/identity.key"
    assert not (config.parent.parent / "var").exists()


async def test_a_key_that_cannot_be_used_is_told_with_its_place_in_the_file(config: Path) -> None:
    (config.parent.parent / "var").write_text("a file, where the folder should be")
    with pytest.raises(ConfigError) as raised:
        await bootstrap(config)
    (fault,) = raised.value.faults
    assert (fault.file, fault.line) == (str(config), 3)
    assert fault.message.startswith("organism.identity: ")
