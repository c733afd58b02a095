"""Refusing what is too long before it is written: never what would fit, and without looking at more than it must."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from agentserver import xmlify
from agentserver.message_bus.reply_size import ReplySize
from agentserver.xmlable import contract_of


@xmlify
@dataclass
class Leaf:
    text: str
    number: int | None = None


@xmlify
@dataclass
class Tree:
    names: list[str]
    leaves: list[Leaf] = field(default_factory=list)
    one: Leaf | None = None


leaves = st.builds(Leaf, st.text("ab ", max_size=8), st.none() | st.integers(0, 99))
trees = st.builds(
    Tree, st.lists(st.text("ab", max_size=5), max_size=5), st.lists(leaves, max_size=5), st.none() | leaves
)


@given(leaves | trees)
def test_what_fits_is_never_refused(payload: Any) -> None:
    element = etree.Element("P")
    contract_of(type(payload)).fill(payload, element)
    assert not ReplySize(len(etree.tostring(element, method="c14n"))).is_beyond(payload)


class Text(str):
    """A text of a class of its own, which says it is short."""

    def __len__(self) -> int:
        return 0


class Many(list[str]):
    """A list of a class of its own, which has no end."""

    def __iter__(self) -> Any:
        while True:
            yield "again"


@pytest.mark.parametrize(
    "payload",
    [
        Leaf("x" * 1_001),
        Leaf(Text("x" * 1_001)),
        Leaf(b"x" * 1_001),  # type: ignore[arg-type]
        Tree(["x" * 100] * 11),
        Tree(["x"] * 1_001),
        Tree(Many(["x"] * 501)),
        Tree([], [Leaf("x" * 500), Leaf("x" * 501)]),
        Tree([], [], Leaf("x" * 1_001)),
        Tree({"x" * 501: "x" * 501}),  # type: ignore[arg-type]
    ],
    ids=lambda payload: str(payload)[:40],
)
def test_what_is_too_long_is_refused_wherever_it_is_long(payload: Any) -> None:
    assert ReplySize(1_000).is_beyond(payload)


def test_what_holds_itself_comes_to_an_end() -> None:
    tree = Tree([], [])
    tree.leaves.append(tree)  # type: ignore[arg-type]
    assert ReplySize(1_000).is_beyond(tree)


@pytest.mark.parametrize("payload", [object(), None, 7, etree.Element("a"), Leaf])
def test_what_it_does_not_know_is_left_to_whoever_writes_it(payload: Any) -> None:
    assert not ReplySize(1_000).is_beyond(payload)


def test_an_instance_without_a_field_is_left_to_whoever_writes_it() -> None:
    leaf, size = Leaf("x"), ReplySize(1_000)
    assert not size.is_beyond(leaf)
    del leaf.text
    assert not size.is_beyond(leaf)
    assert not size.is_beyond(Tree([], [leaf]))
