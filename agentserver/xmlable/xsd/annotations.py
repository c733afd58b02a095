"""What a schema says to people, and what a contract has put into `xs:appinfo`.

Documentation may be plain text, marked up, or one of the forms of the Core Components that UBL and its kin use, of
which the definition counts. Of several languages English is taken, as the rest of what is made from an outline is
in English.
"""

from __future__ import annotations

import inspect
from typing import Final

from lxml import etree

from agentserver.xmlable.schema_document import XML, XS

SECRET: Final = "{https://xml-pipeline.org/ns/contract/v1}secret"  # noqa: S105  # a name
"""What marks a field as secret, in `xs:appinfo`."""

_LANGUAGE = f"{{{XML}}}lang"


def documentation(node: etree._Element) -> str:
    """Give the documentation of a declaration or definition; empty for none."""
    texts = node.findall(f"{{{XS}}}annotation/{{{XS}}}documentation")
    english = [text for text in texts if text.get(_LANGUAGE, "en").lower().startswith("en")]
    paragraphs = [_plain(text) for text in english or texts[:1]]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def is_secret(node: etree._Element) -> bool:
    """Tell whether a declaration is of something secret."""
    return node.find(f"{{{XS}}}annotation/{{{XS}}}appinfo/{SECRET}") is not None


def _plain(text: etree._Element) -> str:
    if not len(text):
        return inspect.cleandoc(text.text or "").strip()
    definition = text.find(".//{*}Definition")
    words = "".join(map(str, (text if definition is None else definition).itertext()))
    return " ".join(words.split())
