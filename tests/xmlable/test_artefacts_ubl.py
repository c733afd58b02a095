"""The artefacts of UBL's schemas, which nobody here wrote, and its documents in JSON and back."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest
from lxml import etree

from agentserver.xmlable.example import example
from agentserver.xmlable.json_notation import element_to_json, json_to_element
from agentserver.xmlable.json_schema import json_schema
from agentserver.xmlable.markdown import markdown
from agentserver.xmlable.outline import Field
from agentserver.xmlable.prompt import MAX_CARD, prompt_card
from agentserver.xmlable.schema_files import outlines_in

UBL = Path(__file__).resolve().parents[2] / "../shared/ubl"
DOCUMENTS = sorted((UBL / "documents").glob("*.xml"))


@functools.cache
def schema_of(name: str) -> tuple[Field, etree.XMLSchema]:
    """Give the outline and the compiled schema of a kind of document, whichever of its versions there is."""
    path = next((UBL / "xsd/maindoc").glob(f"UBL-{name}-2.*.xsd"))
    (outline,) = outlines_in(path).values()
    return outline, etree.XMLSchema(etree.parse(path))


def test_ubl_is_at_hand() -> None:
    assert DOCUMENTS, f"{UBL} holds no UBL documents; put UBL 2.1 there"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_document_comes_back_from_json(path: Path) -> None:
    document = etree.parse(path).getroot()
    outline, schema = schema_of(etree.QName(document).localname)
    found = json_to_element(outline, json.loads(json.dumps(element_to_json(outline, document))))
    again = etree.fromstring(etree.tostring(found))
    schema.assertValid(again)
    assert element_to_json(outline, document) == element_to_json(outline, again)


@pytest.mark.parametrize("name", ["Invoice", "Order"])
def test_the_examples_are_valid(name: str) -> None:
    outline, schema = schema_of(name)
    for required_only in (False, True):
        schema.assertValid(etree.fromstring(etree.tostring(example(outline, required_only=required_only))))


@pytest.mark.parametrize("name", ["Invoice", "Order"])
def test_the_other_artefacts_are_bounded(name: str) -> None:
    outline, _ = schema_of(name)
    assert "more records (" in markdown(outline, "ubl", "")
    assert len(markdown(outline, "ubl", "")) < 200_000
    card = prompt_card(outline, "ubl", "", [])
    assert len(card) <= MAX_CARD
    assert f":{name}Line>" in card or ":OrderLine>" in card
    assert f"#/$defs/{name}Type" == json_schema(outline)["$ref"]
