from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from agentserver.xmlable import contract_of, parse_element, xmlify
from tests.properties import examples
from tests.xmlable.constrained_strategies import Typed
from tests.xmlable.dataclass_strategies import SCALARS, contracts, same
from tests.xmlable.second_validator import second_validator


def through_xml(value: Any) -> Any:
    contract = contract_of(type(value))
    text = etree.tostring(value.xml_value(type(value).__name__), encoding="utf-8")
    element = etree.fromstring(text)
    contract.schema.assertValid(element)
    return parse_element(type(value), element)


@given(st.data(), contracts())
@examples(250)
def test_every_value_of_every_contract_survives(data: st.DataObject, typed: Typed) -> None:
    _, values = typed
    for _ in range(3):
        value = data.draw(values)
        assert same(value, through_xml(value))


@pytest.mark.parametrize("kind", SCALARS, ids=str)
@given(data=st.data())
@examples(60)
def test_every_scalar_survives_pretty_printing_too(kind: Any, data: st.DataObject) -> None:
    cls: Any = xmlify(dataclasses.make_dataclass("Holder", [("value", kind), ("more", list[kind])]))
    values = SCALARS[kind]
    value = cls(data.draw(values), data.draw(st.lists(values, max_size=2)))
    element = value.xml_value("Holder")
    etree.indent(element)
    assert same(value, parse_element(cls, element))


@given(contracts())
@examples(25)
def test_the_schema_compiles_elsewhere_and_is_the_same_each_time(typed: Typed) -> None:
    contract = contract_of(typed[0])
    first = etree.tostring(contract.xsd())
    second_validator(contract)
    assert first == etree.tostring(contract.xsd())
