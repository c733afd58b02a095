"""One input, several messages: several envelopes, several bare payloads, several listeners of one name.

Takes batches of states, gives batches with one state for each message. A payload without an envelope is put into one,
whose sender and thread are those that the pump knows. The parts of one input share its delivery (`part_of`) until the
pump has told the queue of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from copy import copy, deepcopy
from typing import Final

from agentserver.errors import EnvelopeError, GateError, MissingInput, WireError
from agentserver.message_bus.guard import Batch, guard
from agentserver.message_bus.message_state import MessageState
from agentserver.name_dictionary import with_own_names
from agentserver.wire import MESSAGE, Element, EnvelopeBuilder, RootsParser, canonical, repair_safely

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
            if tree.tag == MESSAGE or tree.tag.rpartition("}")[2] == "message":
                return  # whether it is a good one, the envelope's XSD says
            if state.from_id is None:
                raise EnvelopeError("missing <from>: a payload without an envelope needs a known sender")
            state.envelope_tree = builder.wrap(state.from_id, None, state.thread_id, tree)
            state.payload_place = state.payload_place[:1]

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
        parts = []
        for number, root in enumerate(roots):
            part = _part(state)
            part.envelope_tree, part.payload_place = root, (number, 1)
            parts.append(part)
        return parts


class TargetFanOut:
    """Make one state for each listener that a message is routed to, each with a tree of its own."""

    name = "fan_out_targets"

    def over(self, batch: Batch) -> Batch:
        """Split the states of a batch that have several targets."""
        for state in batch:
            if state.target_listeners is not None and len(state.target_listeners) > 1:
                return [part for state in batch for part in _one_for_each_target(state)]
        return batch


def _one_for_each_target(state: MessageState) -> Batch:
    targets = state.target_listeners
    if state.error is not None or targets is None or len(targets) < 2:
        return [state]
    parts = []
    for index, target in enumerate(targets):
        part = _part(state)
        part.target_listeners = [target]
        if part.payload_tree is not None:
            if index:  # the first keeps the tree; a step may change it in place
                part.payload_tree = with_own_names(deepcopy, part.payload_tree)
                part.payload_tree.tail = None
            if part.payload_tree.tag != target.contract.root_tag:  # two names of one class may differ in case
                part.payload_tree.tag = target.contract.root_tag
        parts.append(part)
    return parts


def _part(state: MessageState) -> MessageState:
    """Copy a state for one part of its input; the part has no delivery of its own yet."""
    part = MessageState(
        state.raw_bytes,
        state.envelope_tree,
        state.payload_tree,
        state.payload,
        state.thread_id,
        state.from_id,
        state.to_id,
        state.target_listeners,
    )
    part.canonical, part.claimed, part.payload_place = state.canonical, state.claimed, state.payload_place
    part.metadata = {
        key: copy(value) if isinstance(value, list | dict | set) else value
        for key, value in state.metadata.items()
    }
    part.secret_names = state.secret_names
    part.part_of, part.delivery = state.delivery or state.part_of, None
    return part


async def extract_payloads(state: MessageState) -> AsyncIterator[MessageState]:
    """Give one state, with `raw_bytes`, for each payload of an input.

    Args:
        state: Brings `raw_bytes`, or what the repair step made of them: `roots` or `envelope_tree`. What is not
            well-formed is repaired as by the policy *safe*.

    Yields:
        States that keep thread, sender and metadata; of an input that holds no element, the state as it is, its
        `error` set.
    """
    try:
        roots = _roots(state) if state.error is None else []
    except GateError as exc:
        state.fail("fan_out", exc)
    if state.error is not None:
        yield state
        return
    for root in roots:
        part = _part(state)
        part.raw_bytes = None
        try:
            part.raw_bytes = canonical(root)
        except WireError as exc:
            part.fail("fan_out", exc)
        yield part


def _roots(state: MessageState) -> list[Element]:
    data = state.raw_bytes
    if data is None and (state.roots or state.envelope_tree is not None):
        return state.roots or [tree for tree in (state.envelope_tree,) if tree is not None]
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
