"""Where in a JSON document something is: `Order/lines[2]/price`, counted from 1 as in the paths of XML.

A place is a link to the one above it, so that descending costs next to nothing and a path is made only for an error.
It also knows whether what stands there is secret, since then no error may quote it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from agentserver.errors import BindingError, shorten
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
    """

    above: Place | None
    step: str
    secret: bool = False
    depth: int = 0

    def below(self, step: str, secret: bool = False, levels: int = 1) -> Place:
        """Give the place of what is in this one, in an element `levels` deeper."""
        return Place(self, step, self.secret or secret, self.depth + levels)

    def path(self) -> str:
        """Give the path, its middle left out when it is long."""
        steps: list[str] = []
        place: Place | None = self
        while place is not None:
            steps.append(shorten(place.step, _STEP_CHARACTERS))
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

    def misfit(self, found: str, expected: str) -> BindingError:
        """Give the error that here `found` stands where `expected` should; a secret is not told."""
        return BindingError(self.path(), HIDDEN if self.secret else found, expected)
