"""The routing table: by address, by tag, and as it changes."""

from __future__ import annotations

import pytest

from agentserver.errors import RoutingError
from agentserver.message_bus import Listener
from agentserver.message_bus.routing import RoutingTable
from tests.organisms import Ping, Pong, Recorder


def row(name: str, payload_class: type = Ping, broadcast: bool = False) -> Listener:
    return Listener(name, payload_class, Recorder(), broadcast=broadcast)


def table(*listeners: Listener) -> RoutingTable:
    made = RoutingTable()
    for listener in listeners:
        made.add(listener)
    return made


def test_a_listener_is_entered_under_its_root_tag() -> None:
    listener = row("Search.Web")
    assert dict(table(listener)) == {"search.web.ping": [listener]}


def test_find_ignores_case() -> None:
    listener = row("Search.Web")
    assert table(listener).find("SEARCH.web", "PING") == [listener]


def test_find_by_a_tag_that_one_key_takes() -> None:
    one, other = row("a", Ping), row("a", Pong)
    assert table(one, other).find(None, "Pong") == [other]


def test_find_by_a_tag_that_is_a_whole_key() -> None:
    one, other = row("a"), row("b")
    assert table(one, other).find(None, "b.ping") == [other]


def test_a_tag_that_several_keys_take_is_ambiguous() -> None:
    with pytest.raises(RoutingError, match="could be for any of a, b") as caught:
        table(row("a"), row("b")).find(None, "Ping")
    assert caught.value.code == "ambiguous"


@pytest.mark.parametrize("to_id", ["b", None])
def test_what_nobody_takes_is_refused(to_id: str | None) -> None:
    with pytest.raises(RoutingError, match="takes <Pong>"):
        table(row("a")).find(to_id, "Pong")


def test_a_broadcast_key_holds_every_sibling() -> None:
    one, other = row("s.a", broadcast=True), row("s.b", broadcast=True)
    assert table(one, other).find("s", "Ping") == [one, other]


def test_pinned_leaves_out_those_that_share_a_key_by_broadcasting() -> None:
    own, sibling = row("s"), row("s.a", broadcast=True)
    assert table(own, sibling).pinned("s.ping") == [own]


def test_what_is_deleted_is_found_by_its_tag_no_more() -> None:
    made = table(row("a"), row("b"))
    del made["a.ping"]
    assert (made.find(None, "Ping")[0].name, made.has_name("a")) == ("b", False)


def test_what_is_assigned_is_found_by_its_tag() -> None:
    made, listener = RoutingTable(), row("a")
    made["a.ping"] = [listener]
    assert (made.find(None, "Ping"), made.has_name("A")) == ([listener], True)


def test_a_name_stays_as_long_as_one_key_has_it() -> None:
    made = table(row("a", Ping), row("a", Pong))
    del made["a.ping"]
    assert made.has_name("a")


def test_a_dot_in_a_tag_does_not_reach_another_name() -> None:
    with pytest.raises(RoutingError):
        table(row("a.b")).find("a", "b.ping")
