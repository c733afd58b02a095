"""Where a message goes: to whom, on which thread, and who waits for the answer.

Takes what a handler said of its message's address; gives what only the pump may say. Knows names, threads and
chains; no payloads and no bytes.

A message to a listener extends the call chain by the sender, and works on a thread of its own. An answer pops the
chain and returns to the thread on which was asked; at the chain's outer end it leaves the organism.
"""

from __future__ import annotations

from typing import TypeAlias

from agentserver.errors import BadReply, NotAllowed, RoutingError
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.names import MAX_KNOWN_NAMES, check_name
from agentserver.message_bus.peer_tags import peer_for, takes
from agentserver.message_bus.peers import permitted
from agentserver.message_bus.routing import RoutingTable, nobody_takes
from agentserver.message_bus.threads import Threads
from agentserver.queues import Frame

Address: TypeAlias = tuple[str | None, str, tuple[Frame, ...], bool, str | None]
"""To whom (None leaves it to the tag), on which thread, who waits for an answer (outermost first), whether it leaves
the organism, and the id of the question that it answers."""


class Addressing:
    """Resolve addresses.

    Args:
        table: The routing table, which says what is a listener.
        threads: Derives thread ids.
    """

    __slots__ = ("_checked", "_table", "_threads")

    def __init__(self, table: RoutingTable, threads: Threads) -> None:
        self._table, self._threads = table, threads
        self._checked: set[str] = set()  # names that are names

    def answer(self, state: MessageState) -> Address:
        """Return the address of whoever sent the message that is handled."""
        chain = chain_of(state)
        caller = chain[-1]
        outbound = not self._table.has_name(caller.name)
        return caller.name, caller.thread_id, chain[:-1], outbound, caller.message_id

    def forward(self, state: MessageState, sender: str, to_id: str | None, tag: str, id_: str) -> Address:
        """Return the address of a message that a handler sends on.

        Args:
            state: The message that it handles.
            sender: The handler's listener.
            to_id: What the handler says; the name of whoever asked from outside is an answer to them. A listener that
                keeps to its peers answers them only where they asked it, and not over the head of who did.
            tag: Root tag of the payload.
            id_: Id of the message that is sent.

        Raises:
            BadReply: `to_id` is no name, or the tag is for several peers.
            NotAllowed: The listener may not address it.
            RoutingError: Nobody takes it, and the listener keeps to its peers.
        """
        chain, rows = chain_of(state), state.target_listeners
        bound = rows[0] if rows and rows[0].restriction is not None else None
        if to_id is not None:
            if type(to_id) is not str or to_id not in self._checked:
                to_id = self._check(sender, to_id)
            origin = chain[0]
            if origin.name.lower() == to_id.lower() and not self._table.has_name(to_id):
                if bound is not None and len(chain) > 1:
                    raise NotAllowed(nobody_takes(to_id, tag))
                return origin.name, origin.thread_id, (), True, origin.message_id
        if bound is not None:
            to_id = permitted(self._table, bound, to_id, tag)
        thread_id = state.thread_id or ""
        branch = self._threads.branch(thread_id, sender, to_id or tag)
        return to_id, branch, (*chain, Frame(sender, thread_id, id_)), False, None

    def by_tag(self, state: MessageState, sender: str, tag: str, id_: str) -> Address:
        """Return the address of a payload that says nothing but its tag: one that no listener takes is an answer.

        A sender that keeps to its peers means one of them, or itself, or else whoever asked, before anybody else.

        Raises:
            BadReply: Several listeners take it, or several of its peers.
        """
        row = state.target_listeners[0] if state.target_listeners else None
        if row is not None and row.restriction is not None:
            peer = peer_for(self._table, row, tag)
            if peer is not None:
                return self.forward(state, sender, peer, tag, id_)
            if takes(self._table, chain_of(state)[-1].name, tag, sender):
                return self.answer(state)
        try:
            self._table.find(None, tag, sender)
        except RoutingError as exc:
            if exc.code == "ambiguous":
                raise BadReply(sender, exc.detail) from exc
            return self.answer(state)
        return self.forward(state, sender, None, tag, id_)

    def _check(self, sender: str, to_id: object) -> str:
        try:
            name = check_name("to", plain_text(to_id))
        except ValueError as exc:
            raise BadReply(sender, str(exc)) from None
        if len(self._checked) >= MAX_KNOWN_NAMES:
            self._checked.clear()
        self._checked.add(name)
        return name


def plain_text(value: object) -> object:
    """Return a text as nothing but a text: a class of somebody's own may say something else each time it is asked."""
    return str.__str__(value) if isinstance(value, str) else value


def chain_of(state: MessageState) -> tuple[Frame, ...]:
    """Return who waits for an answer to a message, outermost first: at least who sent it."""
    message = state.message
    if message is not None and message.chain:
        return message.chain
    return (Frame(state.from_id or "", state.thread_id or "", message.id if message is not None else ""),)
