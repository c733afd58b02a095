from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from lxml import etree

from agentserver.xmlable import contract_of, parse_element, xmlify


@pytest.mark.parametrize(
    ("field_name", "tag"),
    [
        ("name", "Name"),
        ("unit_price", "UnitPrice"),
        ("unitPrice", "UnitPrice"),
        ("line_2", "Line2"),
        ("class_", "Class_"),
        ("_private", "_Private"),
        ("html_url", "HtmlUrl"),
        ("URL", "URL"),
        ("größe", "Größe"),
        ("名前", "名前"),
    ],
)
def test_elements_are_named_in_pascal_case(field_name: str, tag: str) -> None:
    cls: Any = xmlify(dataclasses.make_dataclass("Order", [(field_name, int)]))
    element = cls(1).xml_value("Order")
    assert [child.tag for child in element] == [tag]
    again = etree.fromstring(etree.tostring(element, method="c14n"))
    assert contract_of(cls).schema.validate(again)
    assert parse_element(cls, again) == cls(1)
