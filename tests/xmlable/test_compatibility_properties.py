from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from agentserver.errors import ContractError
from agentserver.xmlable import contract_of, xmlify
from agentserver.xmlable.compatibility import compare
from agentserver.xmlable.outline import Field, Text
from agentserver.xmlable.xsd.compiling import compiled
from agentserver.xmlable.xsd_reader import read_outline
from agentserver.xmlable.xsd_writer import schema_documents
from tests.properties import examples
from tests.xmlable.dataclass_strategies import contracts
from tests.xmlable.outline_edits import SAMPLES, changed_outlines, combined, texts
from tests.xmlable.outline_strategies import documents, outlines


@given(outlines())
def test_an_outline_is_the_same_as_itself_and_as_what_its_schema_says(root: Field) -> None:
    again = read_outline(list(schema_documents(root).values()), root.tag)
    assert [[], [], []] == [compare(root, root), compare(root, again), compare(again, root)]


@given(contracts())
@examples(50)
def test_the_outline_of_a_class_is_the_same_as_what_its_schema_says(typed: tuple[Any, Any]) -> None:
    contract = contract_of(xmlify(typed[0]))
    again = read_outline(list(contract.schema_documents().values()), contract.root_tag)
    assert [[], []] == [compare(contract.outline, again), compare(again, contract.outline)]


@given(outlines(), st.data())
@examples(400)
def test_what_is_only_compatible_keeps_all_documents_valid(root: Field, data: st.DataObject) -> None:
    new = data.draw(changed_outlines(root))
    if any(change.kind == "breaking" for change in compare(root, new)):
        return
    try:
        schema = compiled(schema_documents(new))
    except ContractError:
        return  # two global elements of one name
    document = data.draw(documents(root))
    assert schema.validate(document), (schema.error_log, etree.tostring(document), compare(root, new))


@given(combined(texts()), combined(texts()))
@examples(600)
def test_texts_that_are_only_widened_keep_what_they_took(old: Text, new: Text) -> None:
    before, after = Field("R", old), Field("R", new)
    if any(change.kind == "breaking" for change in compare(before, after)):
        return
    try:
        schemas = [compiled(schema_documents(field)) for field in (before, after)]
    except etree.XMLSchemaParseError:
        return  # facets that make no sense together
    for sample in SAMPLES:
        element = etree.Element("R")
        element.text = sample
        assert schemas[1].validate(element) or not schemas[0].validate(element), sample
