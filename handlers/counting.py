"""A step of your own in the pipeline: it sees every message after its envelope was read, and counts senders.

A step takes the state of a message and gives it back; raising fails that message alone. What a step remembers lives
in an object, so that a test can make its own. In organism.yaml:

    pipeline:
      - {step: handlers.counting.count_senders, after: payload_extraction}
"""

import logging
from collections import Counter
from typing import Final

from agentserver import MessageState

logger = logging.getLogger(__name__)

MAX_SENDERS: Final = 1_000
"""Names come from outside, and whoever sends may invent any number of them: later ones are counted as "others"."""


class SenderCounter:
    """Counts the messages of each sender."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def __call__(self, state: MessageState) -> MessageState:
        """Count one message, and let it go on."""
        sender = state.from_id or "nobody"
        if sender not in self.counts and len(self.counts) >= MAX_SENDERS:
            sender = "others"
        self.counts[sender] += 1
        if self.counts[sender] % 100 == 0:
            logger.info("counted", extra={"sender": sender, "messages": self.counts[sender]})
        return state


count_senders = SenderCounter()
