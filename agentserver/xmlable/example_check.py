"""Holds an example to the schema that it is an example of.

An outline cannot say all that a foreign XSD can: abstract types, elements that a wildcard asks for, keys. So what was
made is validated before anybody sees it. Takes the element and the compiled schema; raises `ContractError`, which
names the place.
"""

from __future__ import annotations

from typing import Any, Final

from lxml import etree

from agentserver.errors import ContractError, shorten
from agentserver.xmlable.paths import local_name

_MAX_REASON: Final = 300


def require_valid(element: etree._Element, schema: etree.XMLSchema) -> None:
    """Raise `ContractError` unless `schema` allows an example, the root of its document."""
    if schema.validate(element):
        return
    name = local_name(str(element.tag))
    log: Any = schema.error_log  # that it can be gone through, the stubs do not know
    for entry in log:
        place = _place(element, entry.path or "")
        reason = shorten(entry.message or "", _MAX_REASON).rstrip(".")
        raise ContractError(
            name, "", f"no example of it is found, for what its XSD wants at {place}: {reason}"
        )
    raise ContractError(name, "", "no example of it is found that its XSD takes")


def _place(root: etree._Element, path: str) -> str:
    """Give the names of the elements that lead to what an XPath from libxml2 finds."""
    try:
        found = root.getroottree().xpath(path)
    except etree.XPathError:  # it has said none, or one with the prefixes of a document that is not there
        found = []
    for element in found if isinstance(found, list) else []:
        if isinstance(element, etree._Element):  # noqa: SLF001  # it has no other name
            steps = [element, *element.iterancestors()]
            return "/".join(local_name(str(step.tag)) for step in reversed(steps))
    return local_name(str(root.tag))
