"""Where a message goes: to whom, on which thread, and who waits for the answer.

Takes what a handler said of its message's address; gives what only the pump may say. Knows names, threads and
chains; no payloads and no bytes.

A message to a listener extends the call chain by the sender, and works on a thread of its own. An answer pops the
chain and returns to the thread on which was asked; at the chain's outer end it leaves the organism.
"""

from __future__ import annotations

from typing import TypeAlias

from agentserver.errors import BadReply, RoutingError
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.names import MAX_KNOWN_NAMES, check_name
from agentserver.message_bus.routing import RoutingTable
from agentserver.message_bus.threads import Threads
from agentserver.queues import Frame

Address: TypeAlias = tuple[str | None, str, tuple[Frame, ...], bool]
"""To whom (None leaves it to the tag), on which thread, who waits for an answer (outermost first), and whether
it leaves the organism."""


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
        return caller.name, caller.thread_id, chain[:-1], not self._table.has_name(caller.name)

    def forward(self, state: MessageState, sender: str, to_id: str | None, tag: str) -> Address:
        """Return the address of a message that a handler sends on.

        Args:
            state: The message that it handles.
            sender: The handler's listener.
            to_id: What the handler says; the name of whoever asked from outside is an answer to them.
            tag: Root tag of the payload.

        Raises:
            BadReply: `to_id` is no name.
        """
        chain = chain_of(state)
        if to_id is not None:
            if to_id not in self._checked:
                self._check(sender, to_id)
            origin = chain[0]
            if origin.name.lower() == to_id.lower() and not self._table.has_name(to_id):
                return origin.name, origin.thread_id, (), True
        thread_id = state.thread_id or ""
        branch = self._threads.branch(thread_id, sender, to_id or tag)
        return to_id, branch, (*chain, Frame(sender, thread_id)), False

    def by_tag(self, state: MessageState, sender: str, tag: str) -> Address:
        """Return the address of a payload that says nothing but its tag: one that no listener takes is an answer.

        Raises:
            BadReply: Several listeners take it.
        """
        try:
            self._table.find(None, tag, sender)
        except RoutingError as exc:
            if exc.code == "ambiguous":
                raise BadReply(sender, exc.detail) from exc
            return self.answer(state)
        return self.forward(state, sender, None, tag)

    def _check(self, sender: str, to_id: object) -> None:
        try:
            name = check_name("to", to_id)
        except ValueError as exc:
            raise BadReply(sender, str(exc)) from None
        if len(self._checked) >= MAX_KNOWN_NAMES:
            self._checked.clear()
        self._checked.add(name)


def chain_of(state: MessageState) -> tuple[Frame, ...]:
    """Return who waits for an answer to a message, outermost first: at least who sent it."""
    message = state.message
    if message is not None and message.chain:
        return message.chain
    return (Frame(state.from_id or "", state.thread_id or ""),)
