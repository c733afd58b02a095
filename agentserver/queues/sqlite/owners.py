"""Whose messages are whose: processes that have the file open, each with a lock that ends with it.

An owner is a row of `owners` and a lock on the file `<db>-owner-<number>`, which the system frees when the process
ends, however it ends: no clock is asked. Who opens the file takes over the number of an owner that is gone, and with
it all its messages. In that file stands, too, which messages the process is handling: it is shared memory, so that
writing there costs no disk and is seen by whoever comes after a crash. Knows nothing of what messages are.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import mmap
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from agentserver.errors import QueueFault

MAX_MARKS: Final = 4_095
"""Messages that can be marked at once. What is handled beyond is no suspect after a crash."""
_WORD: Final = 8
_BYTES: Final = (MAX_MARKS + 1) * _WORD


class OwnerLock:
    """The lock of one owner, held, and its marks.

    Args:
        path: The file of the lock.
        descriptor: That file, open and locked.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path, self._descriptor = path, descriptor
        try:
            os.posix_fallocate(descriptor, 0, _BYTES)  # a hole would end the process when the disk is full
            self._memory = mmap.mmap(descriptor, _BYTES)
        except OSError as exc:
            os.close(descriptor)
            raise QueueFault(
                f"{path} cannot be made: {exc.strerror}; it needs {_BYTES // 1024} KiB: make room, on a local disk"
            ) from exc
        self._words = memoryview(self._memory).cast("q")
        self._free = list(range(MAX_MARKS, 0, -1))

    def marked(self) -> list[int]:
        """Return what the process that held the lock before was handling when it ended, by seq."""
        return sorted({word for word in self._words[1:] if word > 0})

    def begin(self, pid: int) -> None:
        """Clear the marks, and note who holds the lock."""
        self._words[0] = pid
        self._memory[_WORD:] = bytes(_BYTES - _WORD)
        self._free = list(range(MAX_MARKS, 0, -1))

    def mark(self, seqs: Iterable[int]) -> list[int]:
        """Note that messages are being handled; return what `clear` wants."""
        words, free, places = self._words, self._free, list[int]()
        for seq in seqs:
            place = free.pop() if free else 0
            if place:
                words[place] = seq
            places.append(place)
        return places

    def clear(self, places: Iterable[int]) -> None:
        """Note that messages are not being handled any more."""
        words, free = self._words, self._free
        for place in places:
            if place:
                words[place] = 0
                free.append(place)

    def release(self, *, remove: bool = False) -> None:
        """Free the lock; remove its file where nobody will want it."""
        if remove:
            with contextlib.suppress(OSError):
                self._path.unlink()
        self._words.release()
        self._memory.close()
        os.close(self._descriptor)


def lock_owner(path: Path, number: int) -> OwnerLock | None:
    """Take the lock of an owner.

    To be called within a transaction that writes, so that no two processes are at it at once.

    Args:
        path: The database.
        number: The owner.

    Returns:
        The lock; None while another process holds it.

    Raises:
        QueueFault: Its file cannot be made or opened.
    """
    name = _beside(path, f"owner-{number}")
    descriptor = _locked(name)
    return OwnerLock(name, descriptor) if descriptor is not None else None


def handled_now(path: Path) -> list[int]:
    """Return what living processes are handling, by seq, as far as it is marked.

    For a look at them alone: it takes no lock, which another process might want at that moment, and asks after the
    process that each file names instead.

    Args:
        path: The database.
    """
    found = set[int]()
    for name in path.parent.glob(f"{glob.escape(path.name)}-owner-*"):
        with contextlib.suppress(OSError, TypeError):  # it is gone, or just being made
            words = memoryview(name.read_bytes()).cast("q")
            if len(words) and _lives(words[0]):
                found.update(words[1:])
    return sorted(found - {0})


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True  # it is another user's
    except (OSError, OverflowError):
        return False
    return pid > 0


def lock_daemon(path: Path) -> int:
    """Take the lock that one process alone may have; it is free when the descriptor is closed.

    Raises:
        QueueFault: Another process has it.
    """
    name = _beside(path, "daemon")
    descriptor = _locked(name)
    if descriptor is None:
        raise QueueFault(
            f"{path} is in use by another agentserver, process {_pid_in(name)}: end that one first, or give this "
            "one a file of its own"
        )
    os.truncate(descriptor, 0)
    os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
    return descriptor


def _pid_in(name: Path) -> str:
    try:
        return name.read_text(encoding="ascii").strip() or "unknown"
    except (OSError, ValueError):
        return "unknown"


def _locked(name: Path) -> int | None:
    try:
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise QueueFault(
            f"{name} cannot be made: {exc.strerror}; its folder has to be one that this user may write to"
        ) from exc
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _beside(path: Path, what: str) -> Path:
    return path.with_name(f"{path.name}-{what}")
