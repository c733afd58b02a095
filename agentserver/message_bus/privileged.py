"""Roots that are the organism's own: nobody else sends them, a handler no more than somebody outside.

Takes a root tag; raises `RoutingError` with the code `privileged`. They are the elements of the core namespace, as
`<huh>`, those of the envelope's, and, where an answer bears it, a name that is kept for the organism's listeners.
"""

from __future__ import annotations

from typing import Final

from agentserver.config.routing_keys import shown_tag
from agentserver.config.system_names import is_kept
from agentserver.core import CORE_NS
from agentserver.errors import RoutingError
from agentserver.wire import ENVELOPE_NS

PRIVILEGED: Final = "privileged"
_OWN: Final = (f"{{{CORE_NS}}}", f"{{{ENVELOPE_NS}}}")


def refuse_privileged(tag: str, *, is_answer: bool = False) -> None:
    """Refuse a root that is the organism's own.

    Args:
        tag: The root, in Clark notation.
        is_answer: Whether it is sent to whoever asked, so that nobody looks it up.

    Raises:
        RoutingError: It is.
    """
    if tag.startswith(_OWN) if tag[:1] == "{" else is_answer and "." in tag and is_kept(tag):
        raise RoutingError(f"{shown_tag(tag)} is sent by the organism alone", code=PRIVILEGED)
