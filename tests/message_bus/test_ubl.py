"""Real documents at the gate of the UBL organism: what their XSD forbids is refused with path, line and reason."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import pytest

from agentserver import StreamPump, bootstrap, running
from agentserver.errors import PayloadError
from agentserver.message_bus import MessageState
from handlers.ubl_orders import OrderMatch, OrderStatus
from handlers.ubl_totals import InvoiceTotals
from tests.message_bus.ubl_mutations import (
    DOCUMENTS,
    MUTATIONS,
    NAMES,
    SCHEMAS,
    Mutant,
    attribute_mutants,
    mutants,
    needs_ubl,
    original,
    schema_of,
)

pytestmark = needs_ubl

CONFIG = Path(__file__).resolve().parents[2] / "config" / "ubl.yaml"
SAMPLED = 60
"""Elements of each document that are changed in each way."""


@pytest.fixture(autouse=True)
def schemas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UBL_SCHEMAS", str(SCHEMAS))
    monkeypatch.setattr(sys, "path", sys.path[:])


async def leaving(documents: Sequence[bytes], pump: StreamPump | None = None) -> list[list[MessageState]]:
    """Send bare documents, each on a thread of its own; return what left or failed on each."""
    pump = pump or await bootstrap(CONFIG)
    left: dict[str, list[MessageState]] = {str(uuid4()): [] for _ in documents}
    for thread_id, states in left.items():
        pump.add_outlet(states.append, thread_id)
    async with running(pump):
        for thread_id, document in zip(left, documents, strict=True):
            await pump.inject(document, thread_id, "me")
        await pump.drained()
    return list(left.values())


def is_accepted(states: list[MessageState]) -> bool:
    assert states, "neither a reply nor a failure"
    return all(state.error is None for state in states)


def payloads(states: list[MessageState]) -> list[object]:
    return [state.payload for state in states]


async def test_each_document_is_accepted_and_answered() -> None:
    kinds = [
        [type(payload) for payload in payloads(states)] for states in await leaving([*map(original, NAMES)])
    ]
    match_, status = [OrderMatch], [OrderStatus]
    assert [[InvoiceTotals], match_, *[[InvoiceTotals, OrderMatch]] * 2, status, status] == kinds


async def check(sample: Sequence[Mutant], mutation: str) -> None:
    for mutant, states in zip(sample, await leaving([each.data for each in sample]), strict=True):
        assert mutant.allowed is is_accepted(states), (
            mutant.tag,
            mutant.path,
            [state.error for state in states],
        )
        if mutant.allowed:
            continue
        (state,) = states
        failure = state.failure
        assert isinstance(failure, PayloadError)
        path, _, reason = failure.detail.partition(": found ")
        assert (shortened(mutant.path), mutant.line) == (path, failure.line)
        assert ", expected " in reason
        assert "{" not in failure.detail
        if mutation == "renamed":
            assert mutant.line == 1 + mutant.data.partition(b"Renamed")[0].count(b"\n")


def shortened(path: str) -> str:
    """Cut a long path in the middle, as the gate does."""
    steps, attribute = path.split("/"), []
    if steps[-1].startswith("@"):
        attribute = [steps.pop()]
    if len(steps) > 8:
        steps[4:-4] = ["…"]
    return "/".join([*steps, *attribute])


@pytest.mark.parametrize("mutation", MUTATIONS)
@pytest.mark.parametrize("name", NAMES)
async def test_a_changed_document_is_refused_where_its_xsd_forbids_it(name: str, mutation: str) -> None:
    await check(mutants(name, mutation, SAMPLED), mutation)


@pytest.mark.parametrize("name", [name for name in NAMES if "2.1" in name])
async def test_attributes_that_lack_or_that_nobody_knows(name: str) -> None:
    sample = attribute_mutants(name)
    assert sum(not each.allowed for each in sample) > 10
    await check(sample, "attributes")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutation", MUTATIONS)
@pytest.mark.parametrize("name", NAMES)
async def test_every_element_changed_in_every_way(name: str, mutation: str) -> None:
    await check(mutants(name, mutation, 1_000_000), mutation)


@pytest.mark.parametrize("name", NAMES)
def test_the_changes_are_forbidden_at_some_elements_and_allowed_at_others(name: str) -> None:
    """So that the tests above see both."""
    verdicts = [each.allowed for mutation in MUTATIONS for each in mutants(name, mutation, SAMPLED)]
    assert 20 <= sum(verdicts) <= len(verdicts) - 100


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NAMES)
def test_another_validator_says_the_same(name: str) -> None:
    import xmlschema

    kind = name.split("-")[1]
    schema = xmlschema.XMLSchema(str(SCHEMAS / "maindoc" / f"UBL-{kind}-2.1.xsd"))
    assert schema_of(name)
    for mutation in MUTATIONS:
        for mutant in mutants(name, mutation, 20):
            assert mutant.allowed is schema.is_valid(mutant.data.decode()), (
                mutation,
                mutant.tag,
                mutant.path,
            )


async def test_the_documents_are_all_that_there_are() -> None:
    assert sorted(f"{name}.xml" for name in NAMES) == sorted(path.name for path in DOCUMENTS.glob("*.xml"))
