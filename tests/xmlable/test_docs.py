"""What classes and fields mean is taken from docstrings and `Doc`, and said in the outline and the XSD."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Annotated, Any

import annotated_types

from agentserver.xmlable import Doc, contract_of, xml, xmlify
from agentserver.xmlable.outline import Record


@dataclass
class Base:
    """Something.

    Args:
        id: Its number.
        name: What the base says.
    """

    id: int
    name: str


@xmlify
@dataclass
class Order(Base):
    """An order,
    of one customer.

    More about it: nothing
    that counts.

    Attributes:
        name (str): Who ordered
            it, and where: here.

        price: What it costs.
        *tags: Some words.

    Returns:
        other: Nothing of the kind.
    """

    price: int = 0
    tags: list[str] = field(default_factory=list)
    other: Annotated[int, Doc("Said beside the type.")] = 0
    name_too: Annotated[list[Annotated[str, Doc("One.")]], Doc("All.")] = field(default_factory=list)
    each: list[Annotated[str, Doc("One of them.")]] = field(default_factory=list)
    price_too: Annotated[int, annotated_types.doc("Of another library.")] = field(
        default=0, metadata=xml(attribute=True)
    )


@xmlify
@dataclass
class Silent:
    x: int


def docs(cls: Any) -> dict[str, str]:
    content = contract_of(cls).outline.content
    assert isinstance(content, Record)
    return {field.name: field.doc for field in content.fields}


def test_the_first_paragraph_says_what_the_class_is() -> None:
    content = contract_of(Order).outline.content
    assert isinstance(content, Record)
    assert content.doc == "An order, of one customer."


def test_fields_are_said_in_the_docstring_or_beside_the_type() -> None:
    assert docs(Order) == {
        "id": "Its number.",
        "name": "Who ordered it, and where: here.",
        "price": "What it costs.",
        "tags": "Some words.",
        "other": "Said beside the type.",
        "name_too": "All.",
        "each": "One of them.",
        "price_too": "Of another library.",
    }


def test_they_are_in_the_schema_once() -> None:
    texts = [node.text for node in contract_of(Order).xsd().iter("{*}documentation")]
    assert sorted(texts) == sorted(["An order, of one customer.", *docs(Order).values()])  # type: ignore[type-var]


def test_the_docstring_that_dataclass_makes_up_does_not_count() -> None:
    assert (Silent.__doc__ or "").startswith("Silent(")
    assert docs(Silent) == {"x": ""}
    assert list(contract_of(Silent).xsd().iter("{*}documentation")) == []


def test_characters_that_xml_does_not_allow_are_replaced() -> None:
    kind = Annotated[int, Doc("a\x00b")]
    cls: Any = xmlify(dataclasses.make_dataclass("Odd", [("x", kind)], namespace={"__doc__": "c\x0bd\x0ce"}))
    assert docs(cls) == {"x": "a\ufffdb"}
    assert contract_of(cls).schema is not None


def test_a_class_docstring_of_a_section_alone_says_nothing_of_the_class() -> None:
    cls: Any = xmlify(
        dataclasses.make_dataclass("Odd", [("x", int)], namespace={"__doc__": "Args:\n    x: An x."})
    )
    content = contract_of(cls).outline.content
    assert isinstance(content, Record)
    assert (content.doc, docs(cls)) == ("", {"x": "An x."})
