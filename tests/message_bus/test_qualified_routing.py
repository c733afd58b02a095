"""Routing by roots that have a namespace: exact, whatever dots and letters it holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from agentserver.errors import RoutingError
from agentserver.message_bus import Listener
from agentserver.message_bus.routing import RoutingTable
from agentserver.xmlable.foreign import SchemaLibrary, foreign_contract
from tests.organisms import Ping, Recorder
from tests.xmlable.foreign.schema_files import element, schema, write

DOTTED = "http://example.org/v1.0/Orders"


@pytest.fixture
def library(tmp_path: Path) -> dict[str, Path]:
    return {
        namespace: write(tmp_path / str(number), {"s/a.xsd": schema(element("Order"), namespace)})
        for number, namespace in enumerate(("urn:a", "urn:A", DOTTED))
    }


def row(name: str, path: Path, broadcast: bool = False) -> Listener:
    contract = foreign_contract(etree._Element, SchemaLibrary().load(path))
    return Listener(name, etree._Element, Recorder(), broadcast=broadcast, contract=contract)


def table(*listeners: Listener) -> RoutingTable:
    made = RoutingTable()
    for listener in listeners:
        made.add(listener)
    return made


def test_the_key_keeps_the_tag_as_it_is(library: dict[str, Path]) -> None:
    listener = row("Till.One", library[DOTTED])
    assert {f"till.one.{{{DOTTED}}}Order": [listener]} == dict(table(listener))


def test_the_name_ignores_case_and_the_tag_does_not(library: dict[str, Path]) -> None:
    listener = row("Till", library[DOTTED])
    assert [listener] == table(listener).find("TILL", f"{{{DOTTED}}}Order")
    for tag in (f"{{{DOTTED}}}order", f"{{{DOTTED.lower()}}}Order", "Order"):
        with pytest.raises(RoutingError):
            table(listener).find("till", tag)


def test_one_local_name_of_several_namespaces(library: dict[str, Path]) -> None:
    rows = {namespace: row("till", path) for namespace, path in library.items()}
    made = table(*rows.values())
    for namespace, listener in rows.items():
        assert [listener] == made.find("till", f"{{{namespace}}}Order")
        assert [listener] == made.find(None, f"{{{namespace}}}Order")


def test_a_tag_that_several_listeners_take_is_ambiguous(library: dict[str, Path]) -> None:
    made = table(row("a.b", library["urn:a"]), row("c", library["urn:a"]))
    with pytest.raises(
        RoutingError, match=r"<Order> of urn:a without <to> could be for any of a\.b, c"
    ) as caught:
        made.find(None, "{urn:a}Order")
    assert "ambiguous" == caught.value.code


@pytest.mark.parametrize(
    ("to_id", "expected"), [("till", "no listener 'till' takes"), (None, "no listener takes")]
)
def test_what_nobody_takes_is_told_with_its_namespace(
    library: dict[str, Path], to_id: str | None, expected: str
) -> None:
    with pytest.raises(RoutingError, match=f"{expected} <Bill> of urn:a$") as caught:
        table(row("till", library["urn:a"])).find(to_id, "{urn:a}Bill")
    assert "no-listener" == caught.value.code


def test_broadcast_listeners_share_a_qualified_key(library: dict[str, Path]) -> None:
    rows = [row(f"till.{name}", library[DOTTED], broadcast=True) for name in ("one", "two")]
    made = table(*rows)
    assert rows == made.find("Till", f"{{{DOTTED}}}Order")
    assert [rows[0]] == made.pinned(rows[0].root_tag)


def test_names_are_known_and_forgotten_with_their_keys(library: dict[str, Path]) -> None:
    listener = row("till.one", library[DOTTED])
    made = table(listener)
    assert [True, False] == [made.has_name(name) for name in ("Till.One", "till")]
    del made[listener.root_tag]
    assert not made.has_name("till.one")
    with pytest.raises(RoutingError):
        made.find(None, f"{{{DOTTED}}}Order")


def test_a_qualified_tag_is_no_whole_key(library: dict[str, Path]) -> None:
    made = table(Listener("a", Ping, Recorder()), row("b", library["urn:a"]))
    with pytest.raises(RoutingError):
        made.find(None, "{urn:x}a.ping")
    with pytest.raises(RoutingError):
        made.find("a", "{urn:x}Ping")
