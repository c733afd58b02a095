"""Where in a JSON document something is: `Order/lines[2]/price`, counted from 1 as in the paths of XML.

A place is a link to the one above it, so that descending costs next to nothing and a path is made only for an error.
It also knows whether what stands there is secret, since then no error may quote it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from agentserver.errors import shorten
from agentserver.xmlable.concealment import HIDDEN

_SHOWN_STEPS: Final = 8
_STEP_CHARACTERS: Final = 60


class Place(NamedTuple):
    """A value within a document.

    Attributes:
        above: What it is in; None for the document itself.
        step: Its key, or its number as `[2]`.
        secret: Whether it is, or is in, a secret field.
        depth: How many elements its element is in.
        number: Which it is, counted from 1, where its step is a key that its sender chose; 0 elsewhere.
    """

    above: Place | None
    step: str
    secret: bool = False
    depth: int = 0
    number: int = 0

    def below(self, step: str, secret: bool = False, levels: int = 1, number: int = 0) -> Place:
        """Give the place of what is in this one, in an element `levels` deeper."""
        return Place(self, step, self.secret or secret, self.depth + levels, number)

    def path(self, hides: Callable[[str], bool] | None = None) -> str:
        """Give the path, its middle left out when it is long.

        Args:
            hides: Tells of a key that its sender chose whether to give its number instead; None for never.
        """
        steps: list[str] = []
        place: Place | None = self
        while place is not None:
            hidden = place.number and hides is not None and hides(place.step)
            steps.append(f"[{place.number}]" if hidden else shorten(place.step, _STEP_CHARACTERS))
            place = place.above
        joined: list[str] = []
        for step in reversed(steps):
            if step.startswith("[") and joined:
                joined[-1] += step
            else:
                joined.append(step)
        if len(joined) > _SHOWN_STEPS:
            joined[_SHOWN_STEPS // 2 : -_SHOWN_STEPS // 2] = ["…"]
        return "/".join(joined)

    def told(self, found: str) -> str:
        """Give what was found here; a secret is not told."""
        return HIDDEN if self.secret and found != "nothing" else found

    def misfit(self, found: str, expected: str) -> JsonMisfit:
        """Give the error that here `found` stands where `expected` should."""
        return JsonMisfit(self, self.told(found), expected)


class JsonMisfit(Exception):
    """Data, or an element, that do not fit the outline.

    Args:
        place: Where.
        found: What stood there.
        expected: What the outline wants there.
    """

    def __init__(self, place: Place, found: str, expected: str) -> None:
        super().__init__(found, expected)
        self.place, self.found, self.expected = place, found, expected
