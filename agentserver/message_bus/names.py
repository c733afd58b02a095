"""What a sender or a receiver may be called, as `schemas/envelope.xsd` has it. Knows no listeners."""

from __future__ import annotations

import re
from typing import Final

_is_name: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}").fullmatch

MAX_KNOWN_NAMES: Final = 1_000
"""Names that were checked before and are not checked again, in each place that remembers them."""


def check_name(what: str, name: object) -> str:
    """Check the name of a sender or a receiver.

    Args:
        what: What it is called, for the error.
        name: What was given.

    Returns:
        The name.

    Raises:
        ValueError: It is no name as `schemas/envelope.xsd` has it.
    """
    if not isinstance(name, str) or _is_name(name) is None:
        shown = repr(name)[:80]
        raise ValueError(f"{what} {shown} is no name: a letter, then up to 63 letters, digits, '.', '_', '-'")
    return name
