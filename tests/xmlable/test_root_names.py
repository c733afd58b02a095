"""The root element of a contract is called as its class, or as the decorator says."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from lxml import etree

from agentserver.errors import ContractError
from agentserver.xmlable import contract_of, xmlify


@xmlify(namespace="urn:a", name="short-order")
@dataclass
class Order:
    """Is called otherwise."""

    count: int


def test_a_root_can_have_a_name_of_its_own() -> None:
    contract = contract_of(Order)
    element = etree.Element(contract.root_tag)
    contract.fill(Order(3), element)
    assert "{urn:a}short-order" == contract.root_tag
    assert contract.schema.validate(element)
    element.tag = "{urn:a}Order"
    assert not contract.schema.validate(element)


def test_a_name_that_xml_does_not_allow_is_refused() -> None:
    with pytest.raises(ContractError, match="'1 2' is no name that XML allows"):
        xmlify(name="1 2")(dataclass(type("Named", (), {"__annotations__": {"count": int}})))
