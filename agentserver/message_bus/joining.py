"""Answers that are given together: who asks several things in one reply is called once, when all of it is answered.

Takes what a listener with `join:` sends, and marks its questions; holds their answers, which are unsettled meanwhile
and take no place in the pipeline; gives the last of them on, with all of them beside it. A question that nobody can
answer any more counts as answered by what became of it. What is not known any more, as after a restart, is waited for
until the time is up, and no longer.

Knows no queue and no handler. The held answers of a process that dies are in its queue, and come again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final

from agentserver.core import Huh, SystemError_
from agentserver.message_bus.guard import Batch
from agentserver.message_bus.message_state import MessageState
from agentserver.message_bus.refusal_content import to_anybody
from agentserver.queues import Delivery, Joint, QueuedMessage

logger = logging.getLogger(__name__)

MAX_GROUPS: Final = 10_000
"""Replies whose answers are waited for at once; the answers to further ones are given one by one."""
MAX_CLOSED: Final = 10_000
"""Groups that are remembered when they are over, so that what comes late is given by itself."""

_UNANSWERED: Final = SystemError_("no-reply", "nobody answered")
_LATE: Final = SystemError_("handler-timeout", "no answer came in time")


def _has_answers(batch: Batch) -> bool:
    """Return whether a batch has an answer that is given together with others."""
    for state in batch:  # half the time of `any`, and for every message
        delivery = state.delivery
        if delivery is not None and delivery.message.joint is not None:
            return True
    return False


class _Question:
    """One question of a group, and what is known of its answers."""

    __slots__ = ("answers", "coming", "copies", "failure", "open")

    def __init__(self, *, is_known: bool) -> None:
        self.answers: list[MessageState] = []
        self.copies = 1  # listeners that it goes to
        self.open = 1 if is_known else None  # messages that may still lead to an answer; None: nobody knows
        self.coming = 0  # answers on their way
        self.failure: Huh | SystemError_ | None = None

    @property
    def over(self) -> bool:
        return len(self.answers) >= self.copies or (self.open == 0 and not self.coming)

    @property
    def hopeless(self) -> bool:
        return not self.answers and self.open == 0 and not self.coming


class Group:
    """The questions of one reply. A state that is called with its answers refers to it, so that it can begin anew."""

    __slots__ = ("id", "questions", "surplus", "timer")

    def __init__(self, joint: Joint, *, is_known: bool) -> None:
        self.id = joint.group
        self.questions = [_Question(is_known=is_known) for _ in range(joint.size)]
        self.surplus: list[
            MessageState
        ] = []  # answers more than were asked for: behind the others, one by one
        self.timer: asyncio.TimerHandle | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more is to be waited for."""
        return all(question.over for question in self.questions)

    @property
    def held(self) -> list[MessageState]:
        """The answers that are held, in the order of the questions."""
        return [state for question in self.questions for state in question.answers]

    def told(self) -> tuple[Any, ...]:
        """Return the payloads of the answers, in the order of the questions; of one without, what became of it."""
        answers: list[Any] = []
        for question in self.questions:
            answers += [state.payload for state in question.answers]
            if not question.answers:
                default = _UNANSWERED if question.over else _LATE
                answers.append(question.failure if question.failure is not None else default)
        return tuple(answers)


class Joins:
    """The groups of one pump.

    Args:
        submit: Takes states that are to be handled now.
        set_aside: Is told what was taken and waits for others now.
        take_up: Is told what of that is handled now.
    """

    def __init__(
        self,
        submit: Callable[[Batch], None],
        set_aside: Callable[[list[Delivery]], object] = len,
        take_up: Callable[[list[Delivery]], object] = len,
    ) -> None:
        self._submit, self._set_aside, self._take_up = submit, set_aside, take_up
        self.groups: dict[str, Group] = {}
        """Those that are waited for, by the id of the message that asked."""
        self._closed: OrderedDict[str, None] = OrderedDict()
        self._last: dict[str, MessageState] = {}  # by group: the answer that came last

    def __bool__(self) -> bool:
        return bool(self.groups)

    def ask(self, state: MessageState, puts: Sequence[QueuedMessage], sent: int = 0) -> None:
        """Mark the questions among what a handler sends: all that it forwards.

        Args:
            state: The message that was handled.
            puts: What its handler sends at once.
            sent: How many messages it sent before: what it sends as it goes is asked for itself each time.
        """
        message, wait_s = state.message, state.target_listeners[0].join_s if state.target_listeners else None
        questions = [put for put in puts if not put.outbound and put.in_reply_to is None and put.chain]
        if wait_s is None or message is None or not questions:
            return
        if len(self.groups) >= MAX_GROUPS:
            logger.warning("answers are not joined", extra={"groups": len(self.groups)})
            return
        group_id, size = f"{message.id}+{sent}" if sent else message.id, len(questions)
        for number, put in enumerate(questions):
            put.chain = (*put.chain[:-1], put.chain[-1]._replace(joint=Joint(group_id, number, size)))
        self._closed.pop(group_id, None)  # the same message was handled before, and is again
        self._open(Group(Joint(group_id, 0, size), is_known=True), wait_s)

    def copied(self, parent: QueuedMessage, count: int) -> None:
        """Note that a message has become several: copies of a question for several listeners, mostly."""
        for joint, group in self._of(parent):
            question = group.questions[joint.number]
            if question.open is not None:
                question.open += count - 1
            if parent.chain[-1].message_id == parent.id and parent.chain[-1].joint == joint:
                question.copies = count

    def gather(self, batch: Batch) -> Batch:
        """Keep those of a batch that wait for others; return the rest, with those whose others are all there."""
        if not self.groups and not _has_answers(batch):
            return batch
        through: Batch = []
        for state in batch:
            joint = state.message.joint if state.message is not None else None
            rows = state.target_listeners
            wait_s = rows[0].join_s if rows else None
            is_joined = wait_s is not None or (joint is not None and joint.group in self.groups)
            if joint is None or state.error is not None or not is_joined:
                through.append(state)
            else:  # a reload may have taken the key away, and not from those who wait already
                through += self._arrive(state, joint, wait_s or 0.0)
        return through

    def account(self, state: MessageState, puts: Sequence[QueuedMessage], *, ended: bool = True) -> None:
        """Note what became of a message: whether it, or what follows from it, can still lead to an answer.

        Args:
            state: The message.
            puts: What was sent of it.
            ended: Whether that is all.
        """
        message = state.message
        if message is None:
            return
        looked_at = self._of(message)
        if message.joint is not None and state.error is not None and message.joint.group in self.groups:
            group = self.groups[message.joint.group]
            question = group.questions[message.joint.number]
            question.coming = max(0, question.coming - 1)  # 0 when it had come, and was withdrawn
            looked_at.append((message.joint, group))
        for joint, group in looked_at:
            question = group.questions[joint.number]
            if question.open is not None:
                follow = sum(any(frame.joint == joint for frame in put.chain) for put in puts)
                question.open += follow - (1 if ended and joint != message.joint else 0)
                question.coming += sum(put.joint == joint for put in puts)
            if state.failure is not None and question.failure is None:
                question.failure = to_anybody(state.failure)
            self._look(group)

    def absorbs(self, joint: Joint | None) -> bool:
        """Return whether a failure need not be told to anybody else: somebody is called with the other answers."""
        group = self.groups.get(joint.group) if joint is not None else None
        if group is None or joint is None:
            return False
        others = [question for number, question in enumerate(group.questions) if number != joint.number]
        return not all(question.hopeless for question in others)

    def held(self) -> Batch:
        """Return the answers that are held."""
        return [state for group in self.groups.values() for state in (*group.held, *group.surplus)]

    def reopen(self, state: MessageState, due_in_s: float) -> None:
        """Wait anew for the answers that a state was called with, as all of them come again in so many seconds."""
        group, rows = state.group, state.target_listeners
        if group is not None and rows and rows[0].join_s is not None:
            self._closed.pop(group.id, None)
            for question in group.questions:
                question.coming += len(question.answers)
                question.answers = []
            self._open(group, max(0.0, due_in_s) + rows[0].join_s)

    def withdraw(self, applies: Callable[[MessageState], bool]) -> Batch:
        """Take out the answers that are held and for which `applies` holds; their groups go on without them."""
        taken: Batch = []
        for group in list(self.groups.values()):
            meant = [state for state in (*group.held, *group.surplus) if applies(state)]
            for question in group.questions:
                question.answers = [state for state in question.answers if state not in meant]
            group.surplus = [state for state in group.surplus if state not in meant]
            if meant and not group.held and not group.surplus:
                self._close(group)
            taken += meant
        return taken

    def clear(self) -> None:
        """Forget every group: what was held is in the queue, and comes again."""
        for group in list(self.groups.values()):
            self._close(group)
        self._closed.clear()

    def _of(self, message: QueuedMessage) -> list[tuple[Joint, Group]]:
        """Return the questions for which a message was sent, and their groups."""
        joints = [frame.joint for frame in message.chain if frame.joint is not None]
        return [(joint, self.groups[joint.group]) for joint in joints if joint.group in self.groups]

    def _open(self, group: Group, wait_s: float) -> None:
        self.groups[group.id] = group
        group.timer = asyncio.get_running_loop().call_later(wait_s, self._expire, group)

    def _arrive(self, state: MessageState, joint: Joint, wait_s: float) -> Batch:
        group = self.groups.get(joint.group)
        if group is None:
            if joint.group in self._closed or len(self.groups) >= MAX_GROUPS:
                return [state]
            group = Group(joint, is_known=False)
            self._open(group, wait_s)
        question = group.questions[joint.number]
        question.coming = max(0, question.coming - 1)
        if state.delivery is not None:
            self._set_aside([state.delivery])
        if len(question.answers) >= question.copies:
            group.surplus.append(state)
            return []
        question.answers.append(state)
        self._last[group.id] = state
        return self._led(group) if group.over else []

    def _look(self, group: Group) -> None:
        if group.over and group.id in self.groups:
            batch = self._led(group)
            if batch:
                self._submit(batch)

    def _expire(self, group: Group) -> None:
        if group.id in self.groups:
            batch = self._led(group)
            if batch:
                self._submit(batch)

    def _led(self, group: Group) -> Batch:
        """Close a group; return the state to call its listener with, which stands for all of them, and its surplus."""
        held, last = group.held, self._last.get(group.id)
        surplus, group.surplus = group.surplus, []
        self._take_up([state.delivery for state in (*held, *surplus) if state.delivery is not None])
        self._close(group)
        answers = [state for state in held if state.message is not None and not state.message.feedback]
        if not held:
            return surplus
        candidates = answers or held
        lead = last if last in candidates and last is not None else candidates[-1]
        lead.answers, lead.group = group.told(), group
        lead.joined = [state for state in held if state is not lead]
        return [lead, *surplus]

    def _close(self, group: Group) -> None:
        self.groups.pop(group.id, None)
        self._last.pop(group.id, None)
        if group.timer is not None:
            group.timer.cancel()
        self._closed[group.id] = None
        while len(self._closed) > MAX_CLOSED:
            self._closed.popitem(last=False)
