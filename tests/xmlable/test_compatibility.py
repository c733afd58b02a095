from __future__ import annotations

import pytest

from agentserver.xmlable.compatibility import Change, compare
from agentserver.xmlable.outline import Content, Field, Variants
from tests.xmlable.contract_changes import BREAKING, COMPATIBLE, INT, STR, A, B, record, root


@pytest.mark.parametrize(("old", "new", "words"), COMPATIBLE.values(), ids=COMPATIBLE)
def test_what_is_compatible_is_said_to_be(old: Field, new: Field, words: str) -> None:
    changes = compare(old, new)
    assert [] == [change for change in changes if change.kind == "breaking"]
    assert words in "\n".join(f"{change.path}: {change.what}" for change in changes)
    assert bool(words) == bool(changes)


@pytest.mark.parametrize(("old", "new", "words"), BREAKING.values(), ids=BREAKING)
def test_what_breaks_documents_is_said_to(old: Field, new: Field, words: str) -> None:
    breaking = [f"{change.path}: {change.what}" for change in compare(old, new) if change.kind == "breaking"]
    assert words in "\n".join(breaking)


def test_a_change_reads_as_a_line() -> None:
    assert "breaking: R/A: was removed" == str(Change("R/A", "breaking", "was removed"))


def test_paths_lead_through_records_and_unions() -> None:
    def nested(content: Content) -> Field:
        return root(Field("Lines", Variants([Field("Line", record(Field("Price", content))), B]), most=None))

    assert ["R/Lines/Line/Price"] == [change.path for change in compare(nested(STR), nested(INT))]


def test_each_place_of_a_changed_text_is_named() -> None:
    assert ["R/A", "R/B"] == [c.path for c in compare(root(A, B), root(Field("A", INT), Field("B", INT)))]


def test_a_shared_record_is_compared_once() -> None:
    def shared(content: Content) -> Field:
        inner = record(Field("X", content))
        return root(Field("A", inner), Field("B", inner))

    assert ["R/A/X"] == [change.path for change in compare(shared(STR), shared(INT))]


def recursive(content: Content) -> Field:
    tree = record(Field("Label", content), name="Tree")
    tree.fields.append(Field("Branch", tree, least=0, most=None))
    return Field("Tree", tree)


def test_recursive_outlines_end() -> None:
    assert [] == compare(recursive(STR), recursive(STR))
    assert ["Tree/Label"] == [change.path for change in compare(recursive(STR), recursive(INT))]


def chain(length: int) -> Field:
    content: Content = STR
    for number in range(length):
        content = record(Field(f"F{number}", content))
    return Field("R", content)


def test_deep_outlines_are_compared() -> None:
    assert [] == compare(chain(2000), chain(2000))
