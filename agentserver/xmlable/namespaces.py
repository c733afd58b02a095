"""Namespaces: which ones a contract may use, and names in Clark notation.

Raises `ValueError`, whose text is the reason and the remedy.
"""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

ENVELOPE: Final = "https://xml-pipeline.org/ns/envelope/v1"
"""The namespace of what messages travel in: nothing inside may pass for it."""

_RESERVED: Final = frozenset(
    {
        ENVELOPE,
        "http://www.w3.org/2000/xmlns/",
        "http://www.w3.org/2001/XMLSchema",
        "http://www.w3.org/2001/XMLSchema-instance",
        "http://www.w3.org/XML/1998/namespace",
    }
)
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")


def require_namespace(namespace: object) -> None:
    """Raise `ValueError` unless elements may be in a namespace; an empty one is none."""
    if not isinstance(namespace, str):
        raise ValueError(f"a namespace is a str, not {type(namespace).__name__}")
    if namespace in _RESERVED:
        raise ValueError(f"the namespace {namespace} has a meaning of its own; use one of yours")
    if namespace and not (_ABSOLUTE.fullmatch(namespace) and _is_uri(namespace)):
        raise ValueError(f"{namespace!r} is no absolute URI; write a namespace such as 'urn:example:orders'")


def _is_uri(namespace: str) -> bool:
    try:
        etree.Element(clark(namespace, "name"))
    except ValueError:  # such as a '%' before what are no two hexadecimal digits
        return False
    return True


def clark(namespace: str, name: str) -> str:
    """Give a name in Clark notation."""
    return f"{{{namespace}}}{name}" if namespace else name
