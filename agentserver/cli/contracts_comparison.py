"""Two versions of contracts, compared contract by contract.

Takes two sides; gives what became of each contract, in the order of the old side and then of the new. Contracts are
paired by listener and root element; where one side is one listener's alone, by the root element. What goes is breaking,
what comes is compatible, and what stays is for `agentserver.xmlable.compatibility` to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from agentserver.cli.contracts_versions import Version
from agentserver.xmlable.compatibility import Change, compare
from agentserver.xmlable.outline import Field

Verdict: TypeAlias = Literal["same", "compatible", "breaking", "came", "gone"]

_Key: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Compared:
    """What became of one contract.

    Attributes:
        listener: The listener's name; empty when unknown.
        contract: The root element, in Clark notation.
        verdict: What became of it.
        changes: What changed in it.
    """

    listener: str
    contract: str
    verdict: Verdict
    changes: tuple[Change, ...] = ()

    @property
    def breaks(self) -> bool:
        """Whether documents of the old version may be refused by the new one."""
        return self.verdict in {"breaking", "gone"}


def compare_versions(old: Version, new: Version) -> list[Compared]:
    """Compare two sides.

    A contract whose XSD somebody else wrote is neither gone nor new for not being among the written files; nor is one
    that is among them for another organism, which `contracts check` leaves alone as well.
    """
    before, after = _paired(_kept(old, new), _kept(new, old))
    compared = [
        _compared(key, field, after[key]) if key in after else Compared(*key, "gone")
        for key, field in before.items()
        if key in after or key[1] not in _not_in_files(old, new)
    ]
    came = [key for key in after if key not in before and key[1] not in _not_in_files(new, old)]
    return compared + [Compared(*key, "came") for key in came]


def skipped(old: Version, new: Version) -> list[_Key]:
    """Return the contracts of one side that were not compared, as their XSD is not among the files of the other."""
    return sorted(
        key
        for side, other in ((old, new), (new, old))
        for key in side.outlines
        if key[1] in _not_in_files(side, other) and key[1] not in {tag for _, tag in other.outlines}
    )


def _kept(side: Version, other: Version) -> Version:
    """Return a side without what is, of files of many listeners, another organism's than the other side."""
    if not side.whole or side.foreign is not None:
        return side
    outlines = {key: field for key, field in side.outlines.items() if key[0].lower() not in other.others}
    return replace(side, outlines=outlines)


def _not_in_files(side: Version, other: Version) -> frozenset[str]:
    """Return the root elements of one side that the other, if it is files, cannot have."""
    return side.foreign if side.foreign is not None and other.foreign is None else frozenset()


def _compared(key: _Key, old: Field, new: Field) -> Compared:
    changes = tuple(compare(old, new))
    if any(change.kind == "breaking" for change in changes):
        return Compared(*key, "breaking", changes)
    return Compared(*key, "compatible" if changes else "same", changes)


def _paired(old: Version, new: Version) -> tuple[Mapping[_Key, Field], Mapping[_Key, Field]]:
    """Return the outlines of both sides under the same keys."""
    if old.whole and new.whole:
        return old.outlines, new.outlines
    name = old.listener or new.listener
    return _part_of(old, new, name), _part_of(new, old, name)


def _part_of(side: Version, other: Version, name: str) -> dict[_Key, Field]:
    """Return what of one side is comparable with the other: of a whole, one listener's contracts, or the same roots."""
    outlines = side.outlines
    if side.whole:
        own = {key: field for key, field in outlines.items() if key[0] == other.listener}
        roots = {tag for _, tag in other.outlines}
        outlines = own or {key: field for key, field in outlines.items() if key[1] in roots}
    return {(name, tag): field for (_, tag), field in outlines.items()}
