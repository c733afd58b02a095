"""One input, several messages: several envelopes, several bare payloads, several listeners of one name.

Takes batches of states, gives batches with one state for each message. A payload without an envelope is put into one,
whose sender and thread are those that the pump knows. The parts of one input share its delivery (`part_of`) until the
pump has told the queue of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from copy import copy, deepcopy
from dataclasses import replace
from typing import Final

from agentserver.errors import EnvelopeError, GateError, MissingInput, WireError
from agentserver.message_bus.guard import Batch, guard
from agentserver.message_bus.listener import Listener
from agentserver.message_bus.message_state import MessageState
from agentserver.wire import ENVELOPE_NS, Element, EnvelopeBuilder, RootsParser, canonical, repair_safely

_MESSAGE: Final = f"{{{ENVELOPE_NS}}}message"
DEFAULT_MAX_PAYLOADS: Final = 1_000


class FanOut:
    """Make one state of each root, and an envelope around each bare payload.

    Args:
        max_payloads: Most messages that one input may become.
    """

    __slots__ = ("_wrap", "max_payloads", "name")

    def __init__(self, max_payloads: int = DEFAULT_MAX_PAYLOADS) -> None:
        self.name = "fan_out"
        self.max_payloads = max_payloads
        builder = EnvelopeBuilder()

        @guard(self.name)
        def wrap(state: MessageState) -> None:
            tree = state.envelope_tree
            if tree is None:
                raise MissingInput("no envelope_tree to look at")
            if tree.tag == _MESSAGE or tree.tag.rpartition("}")[2] == "message":
                return  # whether it is a good one, the envelope's XSD says
            if state.from_id is None:
                raise EnvelopeError("missing <from>: a payload without an envelope needs a known sender")
            state.envelope_tree = builder.wrap(state.from_id, None, state.thread_id, tree)

        self._wrap = wrap

    def over(self, batch: Batch) -> Batch:
        """Split the states of a batch that hold several roots."""
        if any(state.roots is not None for state in batch):
            batch = [part for state in batch for part in self._split(state)]
        return self._wrap.over(batch)

    def _split(self, state: MessageState) -> Batch:
        if state.roots is None or state.error is not None:
            return [state]
        roots, state.roots = state.roots, None
        if len(roots) > self.max_payloads:
            state.fail(
                self.name,
                WireError(
                    f"{len(roots)} messages in one input, the limit is {self.max_payloads}", code="too-many"
                ),
            )
            return [state]
        return [_part(state, envelope_tree=root) for root in roots]


def fan_out_targets(batch: Batch) -> Batch:
    """Make one state for each listener that a message is routed to, each with a tree of its own."""
    if all(state.target_listeners is None or len(state.target_listeners) < 2 for state in batch):
        return batch
    return [part for state in batch for part in _one_for_each_target(state)]


def _one_for_each_target(state: MessageState) -> Batch:
    targets = state.target_listeners
    if state.error is not None or targets is None or len(targets) < 2:
        return [state]
    return [
        _part(state, target_listeners=[target], payload_tree=_copy_for(target, state.payload_tree))
        for target in targets
    ]


def _copy_for(target: Listener, tree: Element | None) -> Element | None:
    """Copy a payload, and name its root as the listener's contract does: two may differ in case."""
    if tree is None:
        return None
    copied = deepcopy(tree)
    copied.tail = None
    copied.tag = target.contract.root_tag
    return copied


def _part(state: MessageState, **changes: object) -> MessageState:
    part = replace(state, **changes)  # type: ignore[arg-type]  # the caller names fields of the state
    part.metadata = {
        key: copy(value) if isinstance(value, list | dict | set) else value
        for key, value in state.metadata.items()
    }
    part.part_of, part.delivery = state.delivery or state.part_of, None
    return part


async def extract_payloads(state: MessageState) -> AsyncIterator[MessageState]:
    """Give one state, with `raw_bytes`, for each root element in `state.raw_bytes`.

    Thread, sender and metadata are kept. An input that holds no element is given as it is, its `error` set. What is
    not well-formed is repaired as by the policy *safe*.
    """
    try:
        roots = _roots(state) if state.error is None else []
    except GateError as exc:
        state.fail("fan_out", exc)
    if state.error is not None:
        yield state
        return
    for root in roots:
        part = _part(state, raw_bytes=None)
        try:
            part.raw_bytes = canonical(root)
        except WireError as exc:
            part.fail("fan_out", exc)
        yield part


def _roots(state: MessageState) -> list[Element]:
    data = state.raw_bytes
    if not data:
        raise MissingInput("no payload: no raw_bytes to look into")
    parser = RootsParser()
    try:
        roots, text = parser.parse(data)
    except WireError as exc:
        mended = repair_safely(data)
        if not mended.repairs:
            raise
        roots, text = parser.parse(mended.data)
        state.note(f"repaired ({', '.join(mended.repairs)}): {exc}")
    if not roots:
        raise MissingInput("no payload: there is no element in raw_bytes")
    if text:
        state.note("text between the payloads was dropped")
    return roots
