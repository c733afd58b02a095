"""A tree to its exclusive C14N bytes. The tree stays as it is: there is no second parse.

Takes `envelope_tree`; gives `canonical`. What the pump wrote itself is in canonical form already and is not made anew.
"""

from __future__ import annotations

from agentserver.errors import MissingInput
from agentserver.message_bus.guard import guard
from agentserver.message_bus.message_state import MessageState
from agentserver.wire import canonical


@guard("c14n")
def c14n_step(state: MessageState) -> None:
    """Make the canonical bytes."""
    if state.envelope_tree is None:
        raise MissingInput("no envelope_tree to canonicalize")
    if state.canonical is None:
        state.canonical = canonical(state.envelope_tree)
