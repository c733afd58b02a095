"""Which refused answers of handlers the audit is told of: those that no honest handler of the organism gives.

Takes the failed message; gives at most one line. An answer to an address where nobody is, or beyond the budget, is a
mistake, and stands among the dead letters alone.
"""

from __future__ import annotations

from agentserver.errors import BadReply, GateError, HandlerError, NotAllowed
from agentserver.message_bus.audit import audit
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.privileged import PRIVILEGED


def audit_refused_reply(state: MessageState) -> None:
    """Tell the audit of an answer that was refused, if it is to be told.

    Args:
        state: The message that was answered; its failure, which is veiled, says how.
    """
    failure, message = state.failure, state.message
    told = isinstance(failure, BadReply | NotAllowed)
    if isinstance(failure, HandlerError | GateError) and (told or failure.code == PRIVILEGED):
        audit(
            failure.code,
            failure.detail,
            listener=state.target_listeners[0].name if state.target_listeners else None,
            thread_id=state.thread_id,
            message_id=message.id if message is not None else None,
        )
