"""The names of listeners in a file that is only looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentserver.config.listener_names import listener_names

ORGANISM = """
organism:
  name: ${NAME}
listeners:
  - {name: Greeter, payload_class: nowhere.Nothing, handler: nowhere.nothing}
  - {name: search.google, surprise: 1}
  - {payload_class: nowhere.Nothing}
  - text
"""


def test_names_are_read_whatever_else_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "organism.yaml").write_text(ORGANISM)

    assert {"greeter", "search.google"} == listener_names(tmp_path / "organism.yaml")


@pytest.mark.parametrize(
    "data", [b"", b"services: {web: {}}", b"{", b"\xff", b"- a\n- b", b"listeners: 3", b"a: *b"]
)
def test_what_is_no_organism_has_none(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_bytes(data)

    assert frozenset() == listener_names(tmp_path / "other.yaml")


def test_what_is_not_there_has_none(tmp_path: Path) -> None:
    assert frozenset() == listener_names(tmp_path / "nowhere.yaml")
