"""The envelope taken apart: sender, address, thread and the one payload.

Takes `envelope_tree`; gives `payload_tree`, `from_id`, `to_id`, `thread_id`. Where the pump knows the sender or the
thread already, what the envelope says is a claim: a false one is noted and has no effect. Meta is read by position,
so nothing further down passes for it.
"""

from __future__ import annotations

from agentserver.errors import EnvelopeError, MissingInput
from agentserver.message_bus.guard import guard
from agentserver.message_bus.message_state import MessageState
from agentserver.wire import FROM, META, THREAD, TO


@guard("payload_extraction")
def payload_extraction_step(state: MessageState) -> None:
    """Read meta, and take the payload out."""
    tree = state.envelope_tree
    if tree is None:
        raise MissingInput("no envelope_tree to take apart")
    children = list(tree)
    if not children or children[0].tag != META:
        raise EnvelopeError("missing <meta>: it is the first element of a message")
    meta = {child.tag: child.text for child in children[0]}
    sender = meta.get(FROM)
    if not sender:
        raise EnvelopeError("missing <from>: a message says who sent it")
    if len(children) != 2:
        raise EnvelopeError(
            "no payload: a message carries one element beside <meta>"
            if len(children) < 2
            else f"multiple payload roots: {len(children) - 1}, a message carries one"
        )
    state.payload_tree = children[1]
    state.to_id = meta.get(TO)
    thread_id = meta.get(THREAD)
    if sender != state.from_id or thread_id != state.thread_id:
        _settle_claims(state, sender, thread_id)


def _settle_claims(state: MessageState, sender: str, thread_id: str | None) -> None:
    if state.from_id is None:
        state.from_id, state.claimed = sender, True
    elif sender != state.from_id:
        state.note(f"false claim: <from> said {sender!r}, it is {state.from_id!r}")
        state.metadata["false_claims"] = state.metadata.get("false_claims", 0) + 1
    if state.thread_id is None:
        state.thread_id = thread_id
    elif thread_id is not None and thread_id != state.thread_id:
        state.note(f"false claim: <thread> said {thread_id!r}, it is {state.thread_id!r}")
        state.metadata["false_claims"] = state.metadata.get("false_claims", 0) + 1
