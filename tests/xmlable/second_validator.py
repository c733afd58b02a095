"""A second, independent validator: the package xmlschema, on the documents of a contract."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import xmlschema
from lxml import etree

from agentserver.xmlable import Contract


def second_validator(contract: Contract[Any]) -> xmlschema.XMLSchema10:
    """Compile the contract's schema, whose documents find one another beside each other."""
    main = Path()
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, document) in enumerate(contract.schema_documents().items()):
            path = Path(folder, name)
            path.write_bytes(etree.tostring(document))
            main = main if number else path
        return xmlschema.XMLSchema10(main.as_uri())
