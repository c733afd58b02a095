"""The real command in a process of its own: run it to its end, or start it and talk to it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeAlias

ROOT = Path(__file__).parent.parent.parent
GREETINGS = ROOT / "config/examples/greetings.xml"
BROKEN = ROOT / "config/examples/broken.xml"

Process: TypeAlias = "subprocess.Popen[bytes]"


def command(*args: str | Path) -> list[str]:
    return [sys.executable, "-m", "agentserver", *map(str, args)]


def environment(**changes: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    return {**clean, "PYTHONPATH": str(ROOT), "TERM": "xterm", "PYTHONUNBUFFERED": "1", **changes}


def agentserver(
    *args: str | Path, stdin: bytes = b"", cwd: Path = ROOT, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run the command to its end."""
    return subprocess.run(
        command(*args),
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env=env or environment(),
        timeout=50,
        check=False,
    )


@contextmanager
def started(*args: str | Path, cwd: Path = ROOT, **options: Any) -> Iterator[Process]:
    """Start the command with three pipes; kill it at the end of the block, if it is not gone."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    usual = {"env": environment(), **pipes}
    with subprocess.Popen(command(*args), cwd=cwd, **{**usual, **options}) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(stream: IO[bytes] | None, text: str) -> str:
    """Read lines until one holds `text`; return that one."""
    assert stream is not None
    seen = []
    for line in stream:
        seen.append(line.decode())
        if text in seen[-1]:
            return seen[-1]
    raise AssertionError(f"no {text!r} in {seen}")


def on_a_terminal(
    *args: str | Path,
    cwd: Path = ROOT,
    stdin: bytes = b"",
    until: str = "",
    out: bool = False,
    **variables: str,
) -> str:
    """Run the command with standard error on a terminal, or with `out` its output, too; return what it shows.

    It runs to its end, or until it shows a text.
    """
    terminal, end = pty.openpty()
    with subprocess.Popen(
        command(*args), stdin=subprocess.PIPE, stdout=end if out else subprocess.DEVNULL, stderr=end, cwd=cwd,
        env=environment(**variables),
    ) as process:  # fmt: skip
        os.close(end)
        assert process.stdin is not None
        process.stdin.write(stdin)
        process.stdin.close()
        shown = _read_terminal(terminal, until)
        if until:
            process.kill()
    os.close(terminal)
    return shown


def _read_terminal(terminal: int, until: str) -> str:
    shown = b""
    while not until or until.encode() not in shown:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # Linux: the other end is closed
            break
        if not piece:
            break
        shown += piece
    return shown.decode()
