"""The files that contracts are kept in: which there should be, and which there are that no contract makes any more.

Takes the catalogue and a folder; gives paths, `<folder>/<listener>/<version>/<root>.<kind>`, with their texts. An XSD
that somebody else wrote is never among them. A file counts as one of ours when a prompt card of the same name lies
beside it, so that schemas and notes of the user's own are nobody's leftovers. Raises `Failed`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from agentserver.cli.contracts_artefact import ARTEFACTS, texts_of
from agentserver.cli.contracts_catalogue import Entry
from agentserver.cli.failures import Failed
from agentserver.config.listener_names import listener_names

CARD: Final = ".prompt.txt"
"""How the files end that every contract has."""
_ours: Final = re.compile(
    r"(.+?)(?:(?:\.[0-9]+)?\.xsd|\.example\.xml|\.schema\.json|\.md|\.prompt\.txt)"
).fullmatch


def expected_files(entries: Sequence[Entry], folder: Path, version: str) -> dict[Path, str]:
    """Return the text of each file that there should be, by its path.

    Raises:
        Failed: Two contracts would be in one file.
    """
    files: dict[Path, str] = {}
    for entry in entries:
        for artefact in ARTEFACTS:
            if artefact == "xsd" and entry.foreign_schema:
                continue
            for name, text in texts_of(entry, artefact).items():
                path = folder / entry.listener / version / name
                if path in files:
                    raise Failed(
                        f"{path}: two contracts of {entry.listener} would be in it; rename one of their root elements"
                    )
                files[path] = text
    return files


def leftover_files(
    expected: Mapping[Path, str],
    entries: Sequence[Entry],
    folder: Path,
    version: str,
    config: Path,
) -> list[Path]:
    """Return the files of contracts that no longer exist.

    Args:
        expected: The files that there should be.
        entries: The contracts.
        folder: Where the files are.
        version: The version that is looked at.
        config: The organism. Files of the listeners of others beside it may be in the same folder.
    """
    known = {(entry.listener, entry.name): entry for entry in entries}
    here = {entry.listener.lower() for entry in entries}
    places = _folders(folder, version)
    others = listeners_beside(config) if any(name not in here for name in map(_owner, places)) else ()
    found = []
    for place in places:
        if _owner(place) in here or _owner(place) not in others:
            for root, path in _made_files(place):
                entry = known.get((place.parent.name, root))
                foreign = entry is not None and bool(entry.foreign_schema) and path.suffix == ".xsd"
                if path not in expected and not foreign:
                    found.append(path)
    return found


def _owner(place: Path) -> str:
    return place.parent.name.lower()


def listeners_beside(config: Path) -> frozenset[str]:
    """Return the listeners, in lower case, of the other configurations in the folder of one."""
    others = [
        path for path in sorted(config.parent.glob("*.y*ml")) if path.name != config.name and path.is_file()
    ]
    return frozenset().union(*map(listener_names, others))


def _folders(folder: Path, version: str) -> list[Path]:
    try:
        listeners = sorted(each for each in folder.iterdir() if each.is_dir())
    except FileNotFoundError:
        return []
    return [each / version for each in listeners if (each / version).is_dir()]


def _made_files(place: Path) -> Iterator[tuple[str, Path]]:
    """Give the files in a folder that have the name of one of ours, each with the name of its root element."""
    names = sorted(path.name for path in place.iterdir() if path.is_file())
    roots = {name.removesuffix(CARD) for name in names if name.endswith(CARD)}
    for name in names:
        match = _ours(name)
        if match is not None and match.group(1) in roots:
            yield match.group(1), place / name
