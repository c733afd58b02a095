"""What the history says became of a message, beside what the gate of another configuration would make of it.

Takes entries of the history and a rehearsal; gives differences, and counts. A message that a handler failed at had
passed the gate, and so is held to that alone. What the parts of an input would become is told by the input, so that a
part more, or one less, shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from agentserver.message_bus.rehearsal import Rehearsal, Verdict
from agentserver.queues.sqlite.reading import Entry

Kind: TypeAlias = Literal["refused", "rerouted", "accepted"]
"""Refused, and was not; handled by another listener, or by more or fewer of them; let through, and was refused."""

_BEHIND_THE_GATE: Final = frozenset(("dispatch", "replies", "shutdown", "cancel", "budget", "queue"))
"""Stages at which a message fails that had passed the gate, or had not come there."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One message of which something else would become.

    Args:
        kind: What.
        entry: The message, and what became of it.
        before: Who handled it, or the code that it was refused for.
        verdict: What would become of it.
    """

    kind: Kind
    entry: Entry
    before: str
    verdict: Verdict


@dataclass(slots=True)
class Comparison:
    """What was compared so far.

    Args:
        max_kept: Differences to keep; all are counted.
        part_count: Tells how many messages an input became, by its id.
        messages: How many messages were looked at.
        counts: How many differ, by kind.
        differences: The first that do.
    """

    max_kept: int
    part_count: Callable[[str], int]
    messages: int = 0
    counts: dict[Kind, int] = field(default_factory=lambda: {"refused": 0, "rerouted": 0, "accepted": 0})
    differences: list[Difference] = field(default_factory=list)
    _inputs: dict[str, list[Verdict]] = field(default_factory=dict)

    @property
    def differing(self) -> int:
        """How many differ."""
        return sum(self.counts.values())

    async def look_at(self, entries: Sequence[Entry], rehearsal: Rehearsal) -> None:
        """Compare some more messages, in the order in which they ended: an input goes before its parts."""
        for entry, verdicts in zip(
            entries, await rehearsal.of([entry.message for entry in entries]), strict=True
        ):
            self.messages += 1
            found = self._of(entry, verdicts)
            if found is not None:
                self.counts[found.kind] += 1
                if len(self.differences) < self.max_kept:
                    self.differences.append(found)

    def _of(self, entry: Entry, verdicts: list[Verdict]) -> Difference | None:
        if entry.standing == "split":
            return self._of_input(entry, verdicts)
        parent, _, number = entry.message.id.rpartition(":")
        parts = self._inputs.get(parent)
        if parts is not None and number.isdigit() and parent == entry.message.parent_id:
            if int(number) >= len(parts):  # which was told of the input
                return None
            verdicts = [parts[int(number)]]
        if len(verdicts) != 1:
            told = f"{_before(entry)}, and nobody else"
            return Difference("rerouted", entry, told, _several(verdicts))
        return _difference(entry, verdicts[0])

    def _of_input(self, entry: Entry, verdicts: list[Verdict]) -> Difference | None:
        if len(verdicts) == 1 and verdicts[0].code:
            return Difference("refused", entry, "several messages", verdicts[0])
        self._inputs[entry.message.id] = verdicts
        count = self.part_count(entry.message.id)
        if count == len(verdicts):
            return None
        return Difference("rerouted", entry, f"{count} messages", _several(verdicts))


def _difference(entry: Entry, verdict: Verdict) -> Difference | None:
    was_refused = _was_refused(entry)
    if verdict.code:
        return None if was_refused else Difference("refused", entry, _before(entry), verdict)
    if was_refused:
        return Difference("accepted", entry, entry.code, verdict)
    if entry.listener is not None and entry.listener != verdict.listener:
        return Difference("rerouted", entry, entry.listener, verdict)
    return None


def _was_refused(entry: Entry) -> bool:
    if entry.letter is not None:
        return entry.letter.stage not in _BEHIND_THE_GATE
    return bool(entry.code) and entry.listener is None


def _before(entry: Entry) -> str:
    if entry.listener is not None:
        return entry.listener
    return f"{entry.to_id} (outside)" if entry.message.outbound else entry.to_id or "nobody"


def _several(verdicts: Sequence[Verdict]) -> Verdict:
    return Verdict(", ".join(verdict.listener or verdict.code for verdict in verdicts) or "nobody")
