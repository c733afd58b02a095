"""What can be wrong with the history of a queue's file: one value for each thing that is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Wrong: TypeAlias = Literal["edited", "missing", "reordered", "head", "anchor", "books", "stray"]
"""What is wrong: a row was edited; one is missing; one stands elsewhere; the end, or the beginning that retention left,
is another; the counts do not add up; a row belongs to nothing."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong.

    Args:
        wrong: What kind.
        conversation: Where: the root thread; empty for what is in none.
        place: The place in it; 0 where it has none.
        message_id: The message; empty where nobody can tell.
        detail: In words.
    """

    wrong: Wrong
    conversation: str
    place: int
    message_id: str
    detail: str

    def __str__(self) -> str:
        where = f"conversation {self.conversation or '(unknown)'}"
        where += f", place {self.place}" if self.place else ""
        where += f", message {self.message_id}" if self.message_id else ""
        return f"{self.wrong}: {where}: {self.detail}" if self.wrong != "books" else f"books: {self.detail}"
