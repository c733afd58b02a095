"""The secret that an organism's thread ids are derived with, kept in a file of its owner's alone.

Takes the path; gives the key, and makes the file when there is none: whole or not at all, and the same for all who
start at once. Raises `ConfigError` where the file could be somebody else's, or was read by somebody else. Knows no
threads. Nothing here tells what the key is.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from agentserver.config import OrganismConfig
from agentserver.errors import ConfigError, ConfigFault

KEY_BYTES: Final = 32
_MAX_FILE_BYTES: Final = 1_024
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_is_key: Final = re.compile(rb"([0-9A-Fa-f]{64})\r?\n?").fullmatch


def thread_key_of(config: OrganismConfig) -> bytes | None:
    """Return the key of an organism; None when it names no file, so that its thread ids differ between runs.

    A path that is not absolute begins at the project's folder, which holds the folder of the file; or at the working
    directory where there is no file.

    Raises:
        ConfigError: As `identity_key`, with the place in the file.
    """
    if not config.identity_path:
        return None
    source = config.source
    try:
        return identity_key((source.parent.parent if source is not None else Path()) / config.identity_path)
    except ConfigError as exc:
        file, line = str(source or config.name), config.given.get("organism.identity", 0)
        faults = [
            ConfigFault(file, line, 0, f"organism.identity: {each.file} {each.message}")
            for each in exc.faults
        ]
        raise ConfigError(faults) from exc.__cause__


def identity_key(path: Path) -> bytes:
    """Return the key that a file holds; make the file, and the folders that it is in, when there is none.

    Args:
        path: The file: 64 hexadecimal digits. It is made with mode 0600, and its folders with mode 0700.

    Raises:
        ConfigError: It cannot be made or read, it is no key, it is somebody else's, or others than its owner may open
            it.
    """
    try:
        key = _read(path)
        if key is None:
            _make(path)
            key = _read(path)
    except ValueError as exc:  # a NUL in the path
        raise _fault(path, f"cannot be a path: {exc}") from exc
    except OSError as exc:
        remedy = "let its folder be one that may be written to, or make the key there: 64 hexadecimal digits"
        raise _fault(path, f"cannot be read or made: {exc.strerror or exc}; {remedy}") from exc
    if key is None:
        raise _fault(path, "is a link to a file that is not there; remove the link")
    return key


def _read(path: Path) -> bytes | None:
    """Return the key in the file; None when there is no file."""
    try:
        link = path.lstat()
        # not held up by a pipe that nobody writes to
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    try:
        _check_owner(path, link, os.fstat(descriptor))
        content = os.read(descriptor, _MAX_FILE_BYTES)
    finally:
        os.close(descriptor)
    found = _is_key(content)
    if found is None:
        raise _fault(
            path, "holds no key, which is 64 hexadecimal digits; restore it, or remove it for a new one"
        )
    return bytes.fromhex(found[1].decode("ascii"))


def _check_owner(path: Path, link: os.stat_result, file: os.stat_result) -> None:
    """Refuse a file that somebody else has in hand, or could have read."""
    if not stat.S_ISREG(file.st_mode):
        raise _fault(path, "is no file; name one, or a path where none is yet")
    if {link.st_uid, file.st_uid} != {os.geteuid()}:
        linked = stat.S_ISLNK(link.st_mode)
        what = "is a link of somebody else's, or to a file of theirs" if linked else "is somebody else's"
        raise _fault(path, f"{what}; remove it for a new one, or run as its owner")
    if file.st_mode & _OTHERS:
        mode = f"{stat.S_IMODE(file.st_mode):04o}"
        remedy = f"chmod 600 {path}, and remove it for a new one if anybody may have read it"
        raise _fault(path, f"may be opened by others than its owner (mode {mode}); {remedy}")


def _make(path: Path) -> None:
    """Make the file; leave the one that somebody else has made meanwhile."""
    for folder in reversed(path.parents):
        with suppress(FileExistsError):
            folder.mkdir(0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(descriptor, 0o600)  # whatever the umask takes away
            stream.write(secrets.token_hex(KEY_BYTES).encode("ascii") + b"\n")
            stream.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):
            os.link(draft, path)  # not a rename, which would take the place of another's key
    finally:
        draft.unlink()
    _keep(path.parent)


def _keep(folder: Path) -> None:
    """Make sure that a name in a folder outlives a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fault(path: Path, message: str) -> ConfigError:
    return ConfigError([ConfigFault(str(path), 0, 0, message)])
