"""What `pipe` counts, and how it says so: in one line for a person, as JSON for a program.

Keeps the first failures, not all: how many there were is counted exactly.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from agentserver.cli.terminal import printable
from agentserver.errors import GateError
from agentserver.message_bus import MessageState

MAX_KEPT_FAILURES: Final = 1_000

_SINGULAR: Final = MappingProxyType({"messages": "message", "replies": "reply"})


@dataclass(frozen=True, slots=True)
class Failure:
    """A message that failed.

    Args:
        message: The how-manieth of the input it was, or came of; None when that is not known any more.
        code: What was wrong, in one kebab-case word.
        reason: What was wrong, in words.
        stage: Where it failed.
        line: The line of the input on which it is wrong, 1-based; 0 when that is not known, or when a listener wrote
            the message that failed, whose own line the reason then tells.
        repairs: What was mended in what a listener had written it in.
    """

    message: int | None
    code: str
    reason: str
    stage: str
    line: int = 0
    repairs: tuple[str, ...] = ()

    @classmethod
    def of(cls, state: MessageState) -> Failure:
        """Describe the failure of a state."""
        code = state.failure.code if state.failure is not None else "error"
        number = state.message.root_id.rpartition("-")[2] if state.message is not None else ""
        reason, line = (state.error or "").removeprefix(f"{code}: "), 0
        if isinstance(state.failure, GateError) and state.failure.line and state.message is not None:
            if state.message.hop:
                reason = f"{state.failure.detail} (line {state.failure.line} of what a listener sent)"
            else:
                reason, line = state.failure.detail, state.message.first_line - 1 + state.failure.line
        repairs = state.message.repairs if state.message is not None else ()
        return cls(int(number) if number.isdecimal() else None, code, reason, state.stage, line, repairs)

    def __str__(self) -> str:
        number = "?" if self.message is None else self.message
        place = f" (line {self.line})" if self.line else ""
        return printable(f"message {number}: {self.code}: {self.reason}{place}")


@dataclass(slots=True)
class Tally:
    """Counts of one run."""

    messages: int = 0
    replies: int = 0
    failed: int = 0
    unfinished: int = 0
    duplicates: int = 0
    written: int = 0
    failures: list[Failure] = field(default_factory=list)
    repaired: dict[int, tuple[str, ...]] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def add_reply(self, state: MessageState, *, is_refusal: bool) -> None:
        """Count a reply; a refusal is none, but stands among them."""
        self.replies += not is_refusal
        self.written += 1
        message = state.message
        if message is not None and message.repairs and len(self.repaired) < MAX_KEPT_FAILURES:
            self.repaired[self.written] = message.repairs

    def add_failure(self, failure: Failure) -> None:
        """Count a failure."""
        self.failed += 1
        if len(self.failures) < MAX_KEPT_FAILURES:
            self.failures.append(failure)

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        return not self.failed and not self.unfinished

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def rate(self) -> float:
        """Messages of the input a second."""
        return self.messages / self.elapsed_s if self.elapsed_s else 0.0

    def counts(self) -> dict[str, int]:
        """Return the counts that everything shows, by name."""
        return {"messages": self.messages, "replies": self.replies, "failed": self.failed}

    def document(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        return {
            **self.counts(),
            "unfinished": self.unfinished,
            "duplicates": self.duplicates,
            "seconds": round(self.elapsed_s, 3),
            "repaired": [
                {"reply": number, "repairs": list(kinds), "recovered": "recovered" in kinds}
                for number, kinds in self.repaired.items()
            ],
            "failures": [
                {
                    "message": each.message,
                    "code": each.code,
                    "reason": each.reason,
                    "stage": each.stage,
                    "line": each.line or None,
                    **({"repairs": list(each.repairs)} if each.repairs else {}),
                }
                for each in self.failures
            ],
        }

    def __str__(self) -> str:
        counts = ", ".join(
            f"{count:,} {_SINGULAR.get(name, name) if count == 1 else name}"
            for name, count in self.counts().items()
        )
        unfinished = f", {self.unfinished:,} unfinished" if self.unfinished else ""
        duplicates = f", {self.duplicates:,} handled before" if self.duplicates else ""
        return f"{counts}{unfinished}{duplicates} in {self.elapsed_s:.2f} s ({self.rate:,.0f} msg/s)"
