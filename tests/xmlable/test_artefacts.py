"""The artefacts of a contract as texts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from lxml import etree

from agentserver.errors import SchemaError
from agentserver.xmlable import artefacts, contract_of, xml, xmlify
from agentserver.xmlable.compatibility import compare
from agentserver.xmlable.schema_files import outlines_in


@xmlify
@dataclass
class Parcel:
    """What is sent."""

    weight: int
    note: str = field(metadata=xml(namespace="urn:note"))
    words: list[str] = field(default_factory=list)


CONTRACT = contract_of(Parcel)


def texts() -> list[str]:
    return [
        *artefacts.schema_texts(CONTRACT).values(),
        artefacts.example_text(CONTRACT),
        artefacts.json_schema_text(CONTRACT, "sends"),
        artefacts.markdown_text(CONTRACT, "post", "sends"),
        artefacts.prompt_text(CONTRACT, "post", "sends", ["till"]),
    ]


def test_each_ends_with_one_line_break() -> None:
    assert [True] * 6 == [text.endswith("\n") and not text.endswith("\n\n") for text in texts()]


def test_each_is_the_same_every_time() -> None:
    assert texts() == texts()


def test_making_one_changes_no_other() -> None:
    schema = CONTRACT.xsd()
    before = etree.tostring(schema)
    artefacts.document_text(schema)

    assert before == etree.tostring(schema)


def test_documents_are_declared_and_indented() -> None:
    lines = artefacts.schema_texts(CONTRACT)["Parcel.xsd"].splitlines()

    assert "<?xml version='1.0' encoding='UTF-8'?>" == lines[0]
    assert '  <xs:element name="Parcel" type="ns2:Parcel"/>' in lines


def test_a_json_schema_is_called_as_the_root_element() -> None:
    found = json.loads(artefacts.json_schema_text(CONTRACT, "sends"))

    assert ("Parcel", "sends") == (found["title"], found["description"])


def test_bytes_are_those_of_the_xml() -> None:
    parcel = Parcel(1, "ü<")
    element = etree.Element("Parcel")
    CONTRACT.fill(parcel, element)

    assert len(etree.tostring(element, encoding="UTF-8")) == artefacts.written_bytes(parcel)


def test_written_schemas_are_read_as_what_they_were_made_of(tmp_path: Path) -> None:
    for name, text in artefacts.schema_texts(CONTRACT).items():
        (tmp_path / name).write_text(text, "utf-8")
    outlines = outlines_in(tmp_path / "Parcel.xsd")

    assert ["Parcel"] == list(outlines)
    assert ([], []) == (
        compare(CONTRACT.outline, outlines["Parcel"]),
        compare(outlines["Parcel"], CONTRACT.outline),
    )


@pytest.mark.parametrize("text", ["", "<a/>", "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>"])
def test_what_is_no_schema_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "bad.xsd").write_text(text)

    with pytest.raises(SchemaError, match=r"bad\.xsd"):
        outlines_in(tmp_path / "bad.xsd")
