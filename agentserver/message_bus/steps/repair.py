"""Bytes to a tree: strictly first, then as far as the policy allows.

Takes `raw_bytes`; gives `envelope_tree`, or `roots` where the input holds several, and clears `raw_bytes`. What was
mended is named in `metadata["repairs"]`. Looks at no name and no namespace: any root element will do.
"""

from __future__ import annotations

from typing import Final, Literal

from agentserver.errors import MissingInput, WireError
from agentserver.message_bus.guard import Step, guard
from agentserver.message_bus.message_state import MessageState
from agentserver.wire import (
    Element,
    ParseLimits,
    Repaired,
    RootsParser,
    StrictParser,
    fenced_alone,
    recover,
    repair_safely,
)

RepairPolicy = Literal["off", "safe", "recover"]

_MENDABLE: Final = frozenset(("syntax", "not-utf8"))


def make_repair_step(limits: ParseLimits | None = None, policy: RepairPolicy = "safe") -> Step:
    """Make the step that parses.

    Args:
        limits: Bounds on one message.
        policy: `off` takes well-formed XML alone; `safe` also mends what cannot alter which fields exist; `recover`
            also drops what cannot be placed, and marks the message.
    """
    parser = StrictParser(limits)
    mender = _Mender(parser, policy)

    @guard("repair")
    def repair(state: MessageState) -> None:
        data = state.raw_bytes
        if data is None:
            raise MissingInput("no raw_bytes to parse")
        if not data:
            raise WireError("no raw_bytes: the message is empty")
        try:
            state.envelope_tree = parser.parse(data)
        except WireError as error:
            if error.code not in _MENDABLE:
                raise
            mender.mend(state, data, error)
        else:
            delivery = state.delivery
            if delivery is not None and delivery.message.canonical:
                state.canonical = data
        state.raw_bytes = None

    return repair


class _Mender:
    """Parse what one strict parse refused: several roots, or what the policy lets be mended."""

    __slots__ = ("_limits", "_parser", "_policy", "_roots_parser")

    def __init__(self, parser: StrictParser, policy: RepairPolicy) -> None:
        self._policy = policy
        self._limits = parser.limits
        self._parser = parser
        self._roots_parser = RootsParser(parser.limits)

    def mend(self, state: MessageState, data: bytes, error: WireError) -> None:
        """Set `envelope_tree` or `roots`, and note what was changed. Raises `error` when that is nothing."""
        mended = Repaired(data, ()) if self._policy == "off" else repair_safely(data)
        try:
            try:
                mended, roots, text = self._mended_safely(data, mended)
            except WireError as again:
                if self._policy != "recover" or again.code not in _MENDABLE:
                    raise
                started = repair_safely(data, whole=False)
                recovered = recover(started.data, self._limits)
                mended = Repaired(recovered.data, (*started.repairs, *recovered.repairs))
                roots, text = self._parse(mended)
        except WireError as again:
            # what the first parse found is about the sender's own lines
            raise (error if again.code in _MENDABLE else again) from None
        if not roots or (text and self._policy == "off"):
            raise error
        repairs = mended.repairs
        if text and "prose" not in repairs:
            repairs = (*repairs, "prose")
        if repairs:
            state.metadata["repairs"] = repairs
            state.note(f"repaired ({', '.join(repairs)}): {error}")
        if len(roots) == 1:
            state.envelope_tree = roots[0]
        else:
            state.roots = roots

    def _mended_safely(self, data: bytes, mended: Repaired) -> tuple[Repaired, list[Element], bool]:
        """Parse what was mended; if that fails, what stands in fences, where they hold all that there is."""
        try:
            return mended, *self._parse(mended)
        except WireError as error:
            fenced = fenced_alone(data) if self._policy != "off" and error.code in _MENDABLE else None
            if fenced is None:
                raise
            return fenced, *self._parse(fenced)

    def _parse(self, mended: Repaired) -> tuple[list[Element], bool]:
        if mended.repairs:
            try:
                return [self._parser.parse(mended.data)], False
            except WireError as error:
                if error.code not in _MENDABLE:
                    raise
        return self._roots_parser.parse(mended.data)


repair_step = make_repair_step()
