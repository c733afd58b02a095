"""One side of a comparison: the contracts that are in a file, in a folder, or in an organism.

Takes a path; gives outlines, each with the listener that takes it, where the path tells. Of a listener that has several
versions in a folder, the newest counts. Raises `NotFound`, `Unusable` and `ConfigError`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentserver.cli.config_argument import require_file
from agentserver.cli.contracts_catalogue import load_catalogue
from agentserver.cli.contracts_files import CARD, listeners_beside
from agentserver.cli.contracts_folder import VERSION
from agentserver.cli.failures import NotFound, Unusable
from agentserver.errors import SchemaError
from agentserver.xmlable.outline import Field
from agentserver.xmlable.schema_files import outlines_in

ENVELOPE: Final = "envelope.xsd"
"""The schema of the messages themselves may lie beside the folders of contracts."""

_further_document: Final = re.compile(r"(.+)\.[0-9]+\.xsd").fullmatch


@dataclass(frozen=True, slots=True)
class Version:
    """The contracts on one side.

    Attributes:
        listener: The listener that all of them are of, where the path is that of one; empty otherwise, or when unknown.
        whole: Whether this is an organism, or a folder of many listeners, and not a file or a folder of one.
        outlines: By the listener's name, empty when unknown, and the root element in Clark notation.
        foreign: The root elements whose XSD somebody else wrote, in an organism: `write` puts none of them into files.
            None for files.
        others: The listeners, in lower case, of the other organisms in the folder of an organism, which may keep their
            contracts among the same files.
    """

    listener: str
    whole: bool
    outlines: dict[tuple[str, str], Field]
    foreign: frozenset[str] | None = None
    others: frozenset[str] = frozenset()


def load_version(path: Path, *, allow_env: bool) -> Version:
    """Read one side.

    Args:
        path: An XSD; a folder, as `schemas`, `schemas/greeter` or `schemas/greeter/v1`; or an organism.yaml.
        allow_env: Whether `${VAR}` in an organism.yaml stands for an environment variable.

    Raises:
        NotFound: There is nothing at `path`.
            There are no contracts in it.
        Unusable: They cannot be read.
        ConfigError: All the faults of an organism.yaml.
    """
    require_file(path)
    if path.is_dir():
        return _of_folder(path)
    if path.suffix.lower() in {".yaml", ".yml"}:
        entries = load_catalogue(path, allow_env=allow_env)
        foreign = frozenset(entry.contract.root_tag for entry in entries if entry.foreign_schema)
        outlines = {(entry.listener, entry.contract.root_tag): entry.contract.outline for entry in entries}
        others = listeners_beside(path) - {entry.listener.lower() for entry in entries}
        return Version("", True, outlines, foreign, others)
    listener = _listener_of(path.parent)
    return Version(listener, False, {(listener, tag): field for tag, field in _read(path)})


def _of_folder(path: Path) -> Version:
    if any(path.glob("*.xsd")) and not _versions(path) and not _listeners(path):
        listener = _listener_of(path)
        return _checked(path, Version(listener, False, dict(_documents(path, listener))))
    if newest := _versions(path):
        listener = path.resolve().name
        return _checked(path, Version(listener, False, dict(_documents(newest[-1], listener))))
    outlines = {
        key: field
        for folder in _listeners(path)
        for key, field in _documents(_versions(folder)[-1], folder.name)
    }
    return _checked(path, Version("", True, outlines))


def _checked(path: Path, version: Version) -> Version:
    if version.outlines:
        return version
    if next(path.rglob(f"*{CARD}"), None) is not None:
        raise NotFound(
            f"{path}: it has no XSD, as those of its contracts are somebody else's, which `write` does not copy;"
            " compare the XSDs themselves: `agentserver contracts diff OLD.xsd NEW.xsd`"
        )
    raise NotFound(f"{path}: no contracts are in it; there should be <listener>/v1/<Root>.xsd, or XSDs")


def _listeners(path: Path) -> list[Path]:
    return sorted(each for each in path.iterdir() if each.is_dir() and _versions(each))


def _versions(path: Path) -> list[Path]:
    """Return the folders of versions in a listener's folder, oldest first."""
    found = [each for each in path.iterdir() if each.is_dir() and VERSION.fullmatch(each.name)]
    return sorted(found, key=lambda each: int(each.name[1:]))


def _listener_of(folder: Path) -> str:
    """Return whose contracts a folder holds, if it is one for a version."""
    folder = folder.resolve()
    return folder.parent.name if VERSION.fullmatch(folder.name) else ""


def _documents(folder: Path, listener: str) -> Iterator[tuple[tuple[str, str], Field]]:
    names = {path.name for path in folder.glob("*.xsd")} - {ENVELOPE}
    for name in sorted(names):
        further = _further_document(name)
        if further is None or f"{further.group(1)}.xsd" not in names:
            for tag, field in _read(folder / name):
                yield (listener, tag), field


def _read(path: Path) -> Iterator[tuple[str, Field]]:
    try:
        yield from outlines_in(path).items()
    except SchemaError as exc:
        own = f"{path.resolve().parent.name}/{path.name}"  # as the error calls the file itself
        told = str(exc)
        rest = told.removeprefix(own)
        raise Unusable(f"{path}{rest}" if rest != told else f"{path}: {told}") from exc
