"""What must hold of any bytes: of what the fuzzer found, of mutated documents, and of garbage."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.invariants import Invariants
from tests.fuzz.mutations import SEEDS, SPLICES, mutated

CORPUS = sorted(Path(__file__).with_name("corpus").iterdir())
MAX_CORPUS_BYTES = 200_000


@pytest.fixture(scope="module")
def invariants() -> Invariants:
    return Invariants()


@pytest.mark.parametrize("part", range(10))
def test_what_the_fuzzer_found(part: int, invariants: Invariants) -> None:
    for path in CORPUS[part::10]:
        try:
            invariants.check(path.read_bytes())
        except BaseException as exc:
            exc.add_note(f"for the bytes of {path}")
            raise


def test_the_corpus_is_small_and_has_every_verdict(invariants: Invariants) -> None:
    verdicts = {invariants.check(path.read_bytes()) for path in CORPUS}
    assert sum(path.stat().st_size for path in CORPUS) < MAX_CORPUS_BYTES
    assert {"accept", "syntax", "schema", "doctype", "encoding", "not-utf8", "namespace-uri"} <= verdicts


def run(invariants: Invariants, seed: int, seconds: float) -> int:
    """Check mutated documents for at most that long, and return how many."""
    source, count, deadline = random.Random(seed), 0, time.monotonic() + seconds
    while time.monotonic() < deadline and count < 20_000:
        count += 1
        data = mutated(source)
        try:
            invariants.check(data)
        except BaseException as exc:
            exc.add_note(f"for {data!r}")
            raise
    return count


@pytest.mark.parametrize("seed", [1, 2])
def test_mutated_documents(seed: int, invariants: Invariants) -> None:
    assert run(invariants, seed, seconds=1.0) > 50


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 15))
def test_many_mutated_documents(seed: int, invariants: Invariants) -> None:
    assert run(invariants, seed, seconds=20.0) > 1_000


TOKENS = st.sampled_from(
    [
        *SPLICES,
        *SEEDS,
        b"<Order>",
        b"</Order>",
        b"<Name>",
        b"</Name>",
        b"<Parcel>",
        b"<Body>",
        b"</Body></Parcel>",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300) | st.lists(TOKENS | st.binary(max_size=6), max_size=15).map(b"".join))
def test_garbage(data: bytes) -> None:
    GARBAGE.check(data)


GARBAGE = Invariants()
