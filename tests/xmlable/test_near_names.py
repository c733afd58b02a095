"""Names that are slips of others."""

from __future__ import annotations

import time

import pytest

from agentserver.xmlable.near_names import NearNames, folded

NEAR = NearNames({"password", "user", "unitprice"})


@pytest.mark.parametrize(
    "name",
    [
        "Password",
        "pass_word",
        "Pass-Word",
        "{urn:x}PASSWORD",
        "Passwrd",
        "passsword",
        "passwotd",
        "passwodr",
        "usr",
        "UnitPrices",
    ],
)
def test_a_slip_is_near(name: str) -> None:
    assert NEAR.has(name)


@pytest.mark.parametrize("name", ["hunter2", "s3cr3t", "word", "price", "u", "", "paswrd", "password" * 20])
def test_another_name_is_not(name: str) -> None:
    assert not NEAR.has(name)


def test_no_name_is_near_to_none() -> None:
    assert not NearNames({""})
    assert not NearNames(()).has("a")


def test_many_names_against_many_take_bounded_time() -> None:
    near = NearNames({f"{'name' * 15}{number}" for number in range(500)})
    start = time.perf_counter()
    for number in range(20_000):
        near.has(f"{'name' * 15}x{number}")
    assert time.perf_counter() - start < 10  # seconds: comparing each pair would take many minutes


def test_folding() -> None:
    assert "apikey" == folded("{urn:x}Api_Key")
