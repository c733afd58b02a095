"""A chain: the editor asks the counter, the counter asks the printer, and the answer comes back the same way.

`HandlerResponse.respond` answers whoever asked, one step back: who passes a question on also takes the `Page`.
"""

from dataclasses import dataclass

from agentserver import HandlerMetadata, HandlerResponse, xmlify


@xmlify
@dataclass
class Draft:
    """A text as somebody wrote it."""

    text: str


@xmlify
@dataclass
class Edited(Draft):
    """The text with its blanks in order."""


@xmlify
@dataclass
class Counted:
    """The text, and how many words it has."""

    text: str
    words: int


@xmlify
@dataclass
class Page:
    """The answer."""

    content: str


async def edit(payload: Draft, metadata: HandlerMetadata) -> HandlerResponse:
    """Put the blanks in order, and ask the counter."""
    return HandlerResponse(Edited(" ".join(payload.text.split())), to="counter")


async def count_words(payload: Edited, metadata: HandlerMetadata) -> HandlerResponse:
    """Count, and ask the printer."""
    return HandlerResponse(Counted(payload.text, len(payload.text.split())), to="printer")


async def print_page(payload: Counted, metadata: HandlerMetadata) -> HandlerResponse:
    """Answer the counter."""
    return HandlerResponse.respond(Page(f"{payload.text} ({payload.words} words)"))


async def pass_back(payload: Page, metadata: HandlerMetadata) -> HandlerResponse:
    """Hand the answer on to whoever asked us."""
    return HandlerResponse.respond(payload)
