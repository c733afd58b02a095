"""Expand `${VAR}` and `${VAR:-default}` in one text, as a shell would, from a given mapping of variables.

`$${` is a literal `${`. The default also stands in for an empty variable. What a variable holds is not
expanded again. Knows nothing of YAML: the caller decides where expansion is allowed, and that its result is
one value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from agentserver.config.fault_log import quote

_REFERENCE = re.compile(r"(?P<escaped>\$\$\{)|\$\{(?P<body>[^}]*)(?P<end>\}?)")
_BODY = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(:-(?P<default>.*))?", re.DOTALL)


class ExpansionError(Exception):
    """A text cannot be expanded; the argument says why and what to do."""


def refers_to_environment(text: str) -> bool:
    """Say whether `text` holds a `${` that is not escaped."""
    return any(found["escaped"] is None for found in _REFERENCE.finditer(text))


def unescape(text: str) -> str:
    """Turn each `$${` into `${`, in a text without references."""
    return text.replace("$${", "${")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace every reference in `text`.

    Args:
        text: The text as written.
        variables: The environment.

    Returns:
        The expanded text.

    Raises:
        ExpansionError: A reference is not closed, is no name, or is not set and has no default.
    """
    return _REFERENCE.sub(lambda found: _replacement(found, variables), text)


def _replacement(found: re.Match[str], variables: Mapping[str, str]) -> str:
    if found["escaped"] is not None:
        return "${"
    if not found["end"]:
        raise ExpansionError(
            f"{quote(found.group())} is not closed; add a }}, or write $${{ for a literal ${{"
        )
    body = _BODY.fullmatch(found["body"])
    if body is None:
        raise ExpansionError(
            f"{quote(found.group())} names no variable; write ${{NAME}} or ${{NAME:-default}}"
        )
    if "${" in (body["default"] or ""):
        raise ExpansionError(f"{quote(found.group())} holds another reference; a default is plain text")
    value = variables.get(body["name"], "")
    if value or body["default"] is not None:
        return value or body["default"]
    if body["name"] in variables:
        return ""
    name = body["name"]
    raise ExpansionError(f"the environment variable {name} is not set; set it, or write ${{{name}:-default}}")
