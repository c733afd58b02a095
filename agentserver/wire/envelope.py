"""The envelope: its namespace, the names in it, and how one is built. Never from strings that are not escaped.

Takes names, a thread and a payload; gives lxml trees. Checks nothing: the envelope's XSD does, on the way in.
"""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

from agentserver.errors import WireError
from agentserver.name_dictionary import with_own_names
from agentserver.wire.parser import canonical, new_parser
from agentserver.wire.structure import Element

ENVELOPE_NS: Final = "https://xml-pipeline.org/ns/envelope/v1"
MESSAGE: Final = f"{{{ENVELOPE_NS}}}message"
META: Final = f"{{{ENVELOPE_NS}}}meta"
FROM: Final = f"{{{ENVELOPE_NS}}}from"
TO: Final = f"{{{ENVELOPE_NS}}}to"
THREAD: Final = f"{{{ENVELOPE_NS}}}thread"

_START: Final = re.compile(rb"<[^\s>]+")
_END: Final = b"</message>"
_PREFIX: Final = re.compile(rb"\sxmlns:([^\s=]+)=")
MAX_TEMPLATES: Final = 1_024
"""Envelopes without thread and payload that a builder keeps, one for each pair of sender and receiver."""


class EnvelopeBuilder:
    """Build envelopes. Keeps a template for each pair of names and namespace: copying it is four times faster."""

    __slots__ = ("_templates",)

    def __init__(self) -> None:
        self._templates: dict[tuple[str, str | None, str, str], Element] = {}

    def build(
        self, from_id: str, to_id: str | None, thread_id: str, root_tag: str, prefix: str = ""
    ) -> tuple[Element, Element]:
        """Make an envelope around an empty payload, whose namespace is the default one inside it, or has a prefix.

        Args:
            from_id: The sender.
            to_id: The receiver; None leaves the address to the payload's tag.
            thread_id: The conversation.
            root_tag: Name of the payload's root element, in Clark notation.
            prefix: Prefix of its namespace, for a payload that holds elements in no namespace: lxml would let those
                fall into the default one.

        Returns:
            The envelope and, inside it, the payload, to be filled.
        """
        namespace = root_tag[1:].rpartition("}")[0] if root_tag[:1] == "{" else ""
        template = self._templates.get((from_id, to_id, namespace, prefix))
        if template is None:
            template = self._remember(from_id, to_id, namespace, prefix)
        message = template.__copy__()  # type: ignore[attr-defined]  # copies all below; quicker than copy.copy
        meta, payload = message
        meta[-1].text = thread_id
        payload.tag = root_tag
        return message, payload

    def wrap(self, from_id: str, to_id: str | None, thread_id: str | None, payload: Element) -> Element:
        """Make an envelope around a copy of `payload`, whatever its namespaces: its own canonical form stays.

        Prefixes stay declared where they were: values may use them, and a document that declares one for all of its
        elements would have a declaration on each.

        Written and parsed again, since lxml exchanges prefixes of one URI when it moves an element.

        Raises:
            WireError: `namespace-uri`, as from `canonical`; `too-deep`, for one level more than libxml2 takes.
        """
        envelope = canonical(_bare_envelope(from_id, to_id, thread_id)).removesuffix(_END)
        try:
            return with_own_names(etree.fromstring, envelope + _standing_inside(payload) + _END, new_parser())
        except etree.XMLSyntaxError as exc:
            raise WireError(f"cannot stand in an envelope: {exc}", code="too-deep") from None

    def _remember(self, from_id: str, to_id: str | None, namespace: str, prefix: str) -> Element:
        if len(self._templates) >= MAX_TEMPLATES:
            self._templates.clear()
        template = _bare_envelope(from_id, to_id, "")
        name = f"{{{namespace}}}payload" if namespace else "payload"
        nsmap = (
            {None: "", prefix: namespace} if prefix else {None: namespace}
        )  # the empty one writes xmlns=""
        template.append(etree.Element(name, nsmap=nsmap))  # type: ignore[arg-type]  # None is the default one
        self._templates[from_id, to_id, namespace, prefix] = template
        return template


def compact(element: Element, *, parsed: bool = False) -> bytes:
    """Return the Exclusive XML Canonicalization 1.0 of `element` that treats every prefix inclusively.

    It is what `canonical` gives, but that a prefix is declared where it was declared, used or not: the form for what is
    to be parsed again, as `xs:QName` values use prefixes in a way that no canonical form sees.

    Args:
        element: The element.
        parsed: Whether it is the root of a document that was parsed, and not changed since. Of any other, lxml would
            leave out prefixes that are not in its dictionary of names, so it is parsed again.

    Raises:
        WireError: As from `canonical`; `too-deep`, for one that nests deeper than libxml2 reads.
    """
    written = etree.tostring(element, encoding="utf-8", with_tail=False)
    # one that stands in text is one too many, and harmless
    prefixes = sorted({prefix.decode() for prefix in _PREFIX.findall(written)})
    if not prefixes:
        return canonical(element)
    try:
        return _keeping(prefixes, element) if parsed else with_own_names(_read_keeping, prefixes, written)
    except etree.C14NError as exc:
        raise WireError(f"no canonical form: {exc}", code="namespace-uri") from None
    except etree.XMLSyntaxError as exc:
        raise WireError(f"cannot be read again: {exc}", code="too-deep") from None


def _keeping(prefixes: list[str], element: Element) -> bytes:
    """Write the canonical form with some prefixes where they were declared."""
    return etree.tostring(
        element, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=prefixes
    )


def _read_keeping(prefixes: list[str], written: bytes) -> bytes:
    return _keeping(prefixes, etree.fromstring(written, new_parser()))


def _bare_envelope(from_id: str, to_id: str | None, thread_id: str | None) -> Element:
    message = etree.Element(MESSAGE, nsmap={None: ENVELOPE_NS})  # type: ignore[dict-item]  # None is the default one
    meta = etree.SubElement(message, META)
    etree.SubElement(meta, FROM).text = from_id
    if to_id is not None:
        etree.SubElement(meta, TO).text = to_id
    if thread_id is not None:
        etree.SubElement(meta, THREAD).text = thread_id
    return message


def _standing_inside(payload: Element) -> bytes:
    """Return the compact form of `payload`, with an `xmlns=""` where the envelope's namespace would be inherited.

    In a canonical form the default namespace comes first in a tag, so its absence is easily told.
    """
    data = compact(payload)
    name = _START.match(data)
    assert name is not None  # a canonical form begins with a tag
    if data.startswith(b' xmlns="', name.end()):
        return data
    return data[: name.end()] + b' xmlns=""' + data[name.end() :]
