"""Which text stands at a place of a document, as its outline has it."""

from __future__ import annotations

import pytest

from agentserver.xmlable.outline import Anything, Field, Record, Text, Variants
from agentserver.xmlable.outline_places import text_at

NUMBER, NAME = Text("int", "integer"), Text("str", "string")
AMOUNT = Record(
    "class", fields=[Field("currency", NAME, attribute=True), Field("currency", NUMBER)], text=NUMBER
)
TREE = Record("class")
TREE.fields = [
    Field("{urn:x}Name", NAME),
    Field("Amount", AMOUNT),
    Field("Either", Variants([Field("Int", NUMBER), Field("Tree", TREE)])),
    Field("Any", Anything()),
    Field("Tree", TREE),
]
ROOT = Field("Root", TREE)


@pytest.mark.parametrize(
    ("path", "attribute", "text"),
    [
        ("Root {urn:x}Name", "", NAME),
        ("Root Amount", "", NUMBER),
        ("Root Amount", "currency", NAME),
        ("Root Amount currency", "", NUMBER),
        ("Root Either Int", "", NUMBER),
        ("Root Tree Tree Either Tree {urn:x}Name", "", NAME),
        ("Root", "", None),
        ("Other", "", None),
        ("Other {urn:x}Name", "", None),
        ("Root Name", "", None),
        ("Root Any Name", "", None),
        ("Root {urn:x}Name Deeper", "", None),
        ("Root {urn:x}Name", "currency", None),
        ("Root Either", "", None),
        ("", "", None),
    ],
)
def test_places(path: str, attribute: str, text: Text | None) -> None:
    assert text is text_at(ROOT, path.split(), attribute)
