"""Bytes to a tree: strictly first, then as far as the policy allows.

Takes `raw_bytes`; gives `envelope_tree`, or `roots` where the input holds several, and clears `raw_bytes`. What was
mended is named in `metadata["repairs"]`. Looks at no name and no namespace: any root element will do.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from agentserver.errors import MissingInput, WireError
from agentserver.message_bus.guard import Step, guard
from agentserver.message_bus.message_state import MessageState
from agentserver.wire import Element, ParseLimits, StrictParser, recover, repair_safely

RepairPolicy = Literal["off", "safe", "recover"]

_DECLARATION: Final = re.compile(rb"\s*<\?xml\s[^>]*\?>")
_MENDABLE: Final = frozenset(("syntax", "not-utf8"))
_WRAPPER_LEVELS: Final = 1


def make_repair_step(limits: ParseLimits | None = None, policy: RepairPolicy = "safe") -> Step:
    """Make the step that parses.

    Args:
        limits: Bounds on one message.
        policy: `off` takes well-formed XML alone; `safe` also mends what cannot alter which fields exist; `recover`
            also drops what cannot be placed, and marks the message.
    """
    parser = StrictParser(limits)

    @guard("repair")
    def repair(state: MessageState) -> None:
        data = state.raw_bytes
        if data is None:
            raise MissingInput("no raw_bytes to parse")
        message = state.message
        try:
            state.envelope_tree = parser.parse(data)
        except WireError as error:
            if error.code not in _MENDABLE:
                raise
            _parse_roots(state, _mend(state, data, error, parser, policy), error, parser, policy)
        else:
            if message is not None and message.canonical:
                state.canonical = data
        state.raw_bytes = None

    return repair


def _mend(
    state: MessageState, data: bytes, error: WireError, parser: StrictParser, policy: RepairPolicy
) -> bytes:
    """Return bytes that may parse, noting what was changed."""
    if policy == "off":
        return data
    mended = repair_safely(data)
    if policy == "recover" and not _parses(mended.data, parser):
        mended = recover(data, parser.limits)
    if mended.repairs:
        state.metadata["repairs"] = mended.repairs
        state.note(f"repaired ({', '.join(mended.repairs)}): {error}")
    return mended.data


def _parses(data: bytes, parser: StrictParser) -> bool:
    try:
        parser.parse(_wrap(data))
    except WireError:
        return False
    return True


def _wrap(data: bytes) -> bytes:
    """Put all roots below one. Well-formedness sees to it that nothing in `data` closes this one."""
    declaration = _DECLARATION.match(data)
    return b"<roots>" + (data[declaration.end() :] if declaration else data) + b"</roots>"


def _parse_roots(
    state: MessageState, data: bytes, error: WireError, parser: StrictParser, policy: RepairPolicy
) -> None:
    try:
        wrapper = parser.parse(_wrap(data))
    except WireError as again:
        # what was found without the wrapper is about the sender's own lines
        raise (error if again.code in _MENDABLE else again) from None
    roots = list(wrapper)
    if not roots:
        raise error
    _drop_text_between(state, wrapper, roots, error, policy)
    if len(roots) == 1:
        state.envelope_tree = roots[0].getroottree().getroot()[0]
        wrapper.remove(roots[0])
    else:
        state.roots = roots


def _drop_text_between(
    state: MessageState, wrapper: Element, roots: list[Element], error: WireError, policy: RepairPolicy
) -> None:
    texts = [wrapper.text, *(root.tail for root in roots)]
    if any(text and text.strip() for text in texts):
        if policy == "off":
            raise error
        repairs = state.metadata.get("repairs", ())
        if "prose" not in repairs:
            state.metadata["repairs"] = (*repairs, "prose")
            state.note("repaired (prose): text between the messages was dropped")
    for root in roots:
        root.tail = None


repair_step = make_repair_step()
