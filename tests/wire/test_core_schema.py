"""`schemas/core.xsd` says what the contracts of the core messages say."""

from __future__ import annotations

from typing import Any

from lxml import etree

from agentserver.core import CORE_NS, Huh, SystemError_
from agentserver.wire.schemas import schema_file
from agentserver.xmlable import contract_of


def canonical_parts(schema: etree._Element) -> set[bytes]:
    """Give what stands at the top of a schema, without layout."""
    parser = etree.XMLParser(remove_blank_text=True, remove_comments=True)
    return {etree.tostring(each, method="c14n") for each in etree.fromstring(etree.tostring(schema), parser)}


def test_core_xsd_is_what_the_contracts_write() -> None:
    written = [
        schema for cls in (Huh, SystemError_) for schema in contract_of(cls).schema_documents().values()
    ]
    kept = etree.parse(schema_file("core.xsd")).getroot()
    assert set().union(*map(canonical_parts, written)) == canonical_parts(kept)
    assert {CORE_NS} == {schema.get("targetNamespace") for schema in (kept, *written)}


def test_core_xsd_takes_what_the_pump_sends() -> None:
    schema = etree.XMLSchema(etree.parse(schema_file("core.xsd")))
    messages: list[Huh | SystemError_] = [Huh("schema", "why", path="A/B", left=2), SystemError_("a", "b")]
    for message in messages:
        contract: Any = contract_of(type(message))
        element = etree.Element(contract.root_tag)
        contract.fill(message, element)
        schema.assertValid(element)


def test_the_elements_keep_their_names() -> None:
    roots = [contract_of(cls).root_tag for cls in (Huh, SystemError_)]
    assert [f"{{{CORE_NS}}}huh", f"{{{CORE_NS}}}SystemError"] == roots
