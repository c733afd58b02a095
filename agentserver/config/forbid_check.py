"""Check `forbid:`: its names are there, and no way leads from the one to the other.

Works on drafts, as `cross_checks` does; puts faults into the log, each at the entry of `forbid:`, and never raises.
Searches once for each listener that ways begin at.
"""

from __future__ import annotations

from typing import Final

from agentserver.config.draft import Draft, ForbidDraft
from agentserver.config.fault_log import FaultLog, did_you_mean, quote
from agentserver.config.members import members_of_draft
from agentserver.config.reachability import Reachability, Ways
from agentserver.config.tree import Document, Path
from agentserver.config.way_words import told_path

MAX_SUGGESTED: Final = 100
"""Unknown names that get a suggestion: each is compared with every name, and that many have one cause."""


class ForbidCheck:
    """Check one draft.

    Args:
        document: Gives the places.
        draft: What can be read of the file.
        faults: Takes the ways that there are.
    """

    def __init__(self, document: Document, draft: Draft, faults: FaultLog) -> None:
        self._document, self._draft, self._faults = document, draft, faults
        self._unknown = 0

    def check(self) -> None:
        """Look for every way that is forbidden."""
        if not self._draft.forbid:
            return
        graph = Reachability(members_of_draft(self._draft, self._document))
        by_sender: dict[str, list[ForbidDraft]] = {}
        for each in self._draft.forbid:
            known = [
                self._is_known(graph, (*each.path, key), name)
                for key, name in (("from", each.sender), ("to", each.receiver))
            ]
            if all(known):
                by_sender.setdefault(each.sender.lower(), []).append(each)
        for sender, forbidden in by_sender.items():
            ways = graph.ways_from(sender)
            for each in forbidden:
                self._look(ways, each)

    def _is_known(self, graph: Reachability, path: Path, name: str) -> bool:
        if not name or name.lower() in graph.addresses:
            return bool(name)
        self._unknown += 1
        near = did_you_mean(name, sorted(graph.addresses)) if self._unknown <= MAX_SUGGESTED else ""
        self._faults.add(self._document.value_place(path), f"no listener {quote(name)}{near}")
        return False

    def _look(self, ways: Ways, forbidden: ForbidDraft) -> None:
        paths = ways.to(forbidden.receiver)
        if paths:
            place = self._document.value_place(forbidden.path)
            self._faults.add(place, told_path(min(paths, key=len), others=len(paths) - 1))
