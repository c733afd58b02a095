"""The line of an element in the message as it was sent, whatever became of it on the way.

Takes a state and an element of its trees; gives a line of the bytes that the queue keeps, so that whoever sent them
finds the place. A payload that came without an envelope stands in one by now, and one of several in an input stands
alone. A step that is used alone has no such bytes: then the line is the tree's own.
"""

from __future__ import annotations

from agentserver.message_bus.message_state import MessageState
from agentserver.wire import Element, line_of, place_of


def line_in_payload(state: MessageState, element: Element) -> int:
    """Return the line of an element of the payload, 1-based; 0 when it is not known."""
    if state.message is None or state.payload_tree is None:
        return _own_line(element)
    place = place_of(element, state.payload_tree)
    return line_of(state.message.data, (*state.payload_place, *place)) or _own_line(element)


def line_in_envelope(state: MessageState, element: Element) -> int:
    """Return the line of an element of the envelope, 1-based; that of its payload, where no envelope was sent."""
    if state.message is None or state.envelope_tree is None:
        return _own_line(element)
    root, *inside = state.payload_place
    place = place_of(element, state.envelope_tree)
    if not inside:  # the envelope is the pump's own
        place = place[1:] if place[:1] == [1] else []
    return line_of(state.message.data, (root, *place)) or _own_line(element)


def _own_line(element: Element) -> int:
    line: int | None = element.sourceline  # type: ignore[assignment]  # the stub says that it is there always
    return line or 0
