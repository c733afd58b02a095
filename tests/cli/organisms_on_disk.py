"""Small projects on disk for the tests of `agentserver contracts`: one listener, `desk`, that takes a class `Form`."""

from __future__ import annotations

import itertools
from pathlib import Path

_NUMBERS = itertools.count()


def project(folder: Path, fields: str, above: str = "", listeners: str = "") -> Path:
    """Write a project, or write it anew with other fields; return its organism.yaml.

    Its module gets a new name each time, as one that was imported stays as it was.
    """
    module = f"forms_{next(_NUMBERS)}"
    (folder / "config").mkdir(parents=True, exist_ok=True)
    (folder / f"{module}.py").write_text(
        f"{above}from dataclasses import dataclass, field\nfrom typing import Annotated\n"
        "from agentserver import xml, xmlify\n\n\n@xmlify\n@dataclass(kw_only=True)\n"
        f"class Form:\n    {fields}\n\n\n@xmlify\n@dataclass\nclass Note:\n    text: str\n\n\n"
        "async def take(payload, metadata): ...\n"
    )
    config = folder / "config" / "organism.yaml"
    lines = listeners or ONE_LISTENER
    config.write_text(f"organism: {{name: desk}}\nlisteners:\n{lines}\n".replace("MODULE", module))
    return config


TWO_LISTENERS = """
- {name: desk, payload_class: MODULE.Form, handler: MODULE.take}
- {name: shelf, payload_class: MODULE.Note, handler: MODULE.take}"""

TWO_CONTRACTS = """
- name: desk
  handles:
    - {payload_class: MODULE.Form, handler: MODULE.take}
    - {payload_class: MODULE.Note, handler: MODULE.take}"""

ONE_LISTENER = "- {name: desk, payload_class: MODULE.Form, handler: MODULE.take}"

FOREIGN = """
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:acme" elementFormDefault="qualified">
  <xs:element name="Order"><xs:complexType><xs:sequence><xs:element name="Item" type="xs:string"/></xs:sequence>
  </xs:complexType></xs:element>
</xs:schema>"""

TAKES_FOREIGN = """
- {name: orders, schema: theirs/xsd/Order.xsd, payload_class: lxml.etree._Element, handler: MODULE.take}"""
