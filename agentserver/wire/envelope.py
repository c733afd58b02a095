"""The envelope: its namespace, the names in it, and how one is built. Never from strings.

Takes names, a thread and a payload; gives lxml trees. Checks nothing: the envelope's XSD does, on the way in.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Final

from lxml import etree

from agentserver.wire.parser import Element

ENVELOPE_NS: Final = "https://xml-pipeline.org/ns/envelope/v1"
MESSAGE: Final = f"{{{ENVELOPE_NS}}}message"
META: Final = f"{{{ENVELOPE_NS}}}meta"
FROM: Final = f"{{{ENVELOPE_NS}}}from"
TO: Final = f"{{{ENVELOPE_NS}}}to"
THREAD: Final = f"{{{ENVELOPE_NS}}}thread"

MAX_TEMPLATES: Final = 1_024
"""Envelopes without thread and payload that a builder keeps, one for each pair of sender and receiver."""


class EnvelopeBuilder:
    """Build envelopes. Keeps a template for each pair of names, as copying one is four times faster than making it."""

    __slots__ = ("_templates",)

    def __init__(self) -> None:
        self._templates: dict[tuple[str, str | None], Element] = {}

    def build(
        self, from_id: str, to_id: str | None, thread_id: str, root_tag: str, fill: Callable[[Element], None]
    ) -> tuple[Element, Element]:
        """Make an envelope around a payload without a namespace.

        Args:
            from_id: The sender.
            to_id: The receiver; None leaves the address to the payload's tag.
            thread_id: The conversation.
            root_tag: Name of the payload's root element.
            fill: Writes the payload's content into the root element that it is given.

        Returns:
            The envelope and, inside it, the payload.
        """
        template = self._templates.get((from_id, to_id))
        if template is None:
            template = self._remember(from_id, to_id)
        message = deepcopy(template)
        meta, payload = message
        meta[-1].text = thread_id
        payload.tag = root_tag
        fill(payload)
        return message, payload

    def wrap(self, from_id: str, to_id: str | None, thread_id: str | None, payload: Element) -> Element:
        """Make an envelope around a copy of `payload`, whatever its namespace."""
        message = _bare_envelope(from_id, to_id, thread_id)
        message.append(_without_inherited_namespace(payload))
        return message

    def _remember(self, from_id: str, to_id: str | None) -> Element:
        if len(self._templates) >= MAX_TEMPLATES:
            self._templates.clear()
        template = _bare_envelope(from_id, to_id, "")
        template.append(etree.Element("payload", nsmap={None: ""}))  # type: ignore[dict-item]  # writes xmlns=""
        self._templates[from_id, to_id] = template
        return template


def _bare_envelope(from_id: str, to_id: str | None, thread_id: str | None) -> Element:
    message = etree.Element(MESSAGE, nsmap={None: ENVELOPE_NS})  # type: ignore[dict-item]  # None is the default one
    meta = etree.SubElement(message, META)
    etree.SubElement(meta, FROM).text = from_id
    if to_id is not None:
        etree.SubElement(meta, TO).text = to_id
    if thread_id is not None:
        etree.SubElement(meta, THREAD).text = thread_id
    return message


def _without_inherited_namespace(payload: Element) -> Element:
    """Copy `payload` so that it keeps its meaning below the envelope's default namespace.

    libxml2 writes no `xmlns=""` for an element that merely has no namespace; one must be declared on it.
    """
    copied = deepcopy(payload)
    nsmap = {None: "", **copied.nsmap}  # a default namespace of its own wins
    shell = etree.Element(copied.tag, dict(copied.attrib), nsmap=nsmap)  # type: ignore[arg-type,misc]  # see _remember
    shell.text = copied.text
    shell.extend(list(copied))
    return shell
