"""Check `schedules:`: names are there once, and each payload is XML that the listener it goes to takes.

Works on drafts, after the imports, as the contracts come from the classes. Puts faults into the log, each at the key
that it is about, and never raises.
"""

from __future__ import annotations

from agentserver.config.draft import ContractDraft, Draft, ListenerDraft, ScheduleDraft
from agentserver.config.fault_log import FaultLog, did_you_mean, quote
from agentserver.config.tree import Document
from agentserver.errors import WireError
from agentserver.wire import Element, StrictParser, first_violation


class ScheduleCheck:
    """Check one draft.

    Args:
        document: Gives the places.
        draft: What can be read of the file.
        faults: Takes what does not go together.
    """

    def __init__(self, document: Document, draft: Draft, faults: FaultLog) -> None:
        self._document, self._draft, self._faults = document, draft, faults

    def check(self) -> None:
        """Make every check."""
        first: dict[str, ScheduleDraft] = {}
        names = {listener.name.lower() for listener in self._draft.listeners}
        for schedule in self._draft.schedules:
            if schedule.name and first.setdefault(schedule.name, schedule) is not schedule:
                line = self._document.value_place((*first[schedule.name].path, "name")).line
                self._add(
                    schedule,
                    "name",
                    f"duplicate schedule name {quote(schedule.name)}; the first is on line {line}",
                )
            if schedule.sender.lower() in names:
                message = (
                    f"{quote(schedule.sender)} is a listener, which would get the answers; take another name"
                )
                self._add(schedule, "from", message)
            takers = self._takers(schedule)
            if takers and schedule.payload:
                self._payload(schedule, takers)

    def _takers(self, schedule: ScheduleDraft) -> list[ListenerDraft]:
        """Return the listeners that a message goes to."""
        if not schedule.to:
            return []
        listeners, to = self._draft.listeners, schedule.to.lower()
        takers = [each for each in listeners if to in (each.name.lower(), each.parent)]
        if not takers:
            known = sorted({each.name for each in listeners} | {each.parent for each in listeners} - {""})
            self._add(schedule, "to", f"no listener {quote(schedule.to)}{did_you_mean(schedule.to, known)}")
        return takers

    def _payload(self, schedule: ScheduleDraft, takers: list[ListenerDraft]) -> None:
        try:
            payload = StrictParser().parse(schedule.payload.encode("utf-8", "surrogatepass"))
        except WireError as exc:
            self._add(schedule, "payload", f"no payload: {exc}")
            return
        for taker in takers:
            self._fits(schedule, payload, taker)

    def _fits(self, schedule: ScheduleDraft, payload: Element, taker: ListenerDraft) -> None:
        if any(contract.contract is None for contract in taker.contracts):
            return  # which has its fault already
        by_tag: dict[str, ContractDraft] = {
            each.contract.root_tag: each for each in taker.contracts if each.contract is not None
        }
        tag = str(payload.tag)
        if tag not in by_tag:
            takes = ", ".join(f"<{each}>" for each in sorted(by_tag))
            self._add(schedule, "payload", f"{taker.name} takes no <{tag}>; it takes {takes}")
            return
        contract = by_tag[tag].contract
        violation = first_violation(contract.schema, payload) if contract is not None else None
        if violation is not None:
            self._add(schedule, "payload", f"{taker.name} would refuse it: {violation}")

    def _add(self, schedule: ScheduleDraft, key: str, message: str) -> None:
        self._faults.add(self._document.value_place((*schedule.path, key)), message)
