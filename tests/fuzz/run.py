"""Fuzz the wire and the gate with atheris: `python -m tests.fuzz.run CORPUS -max_total_time=1800`.

Needs `pip install -e '.[fuzz]'`. The arguments are libFuzzer's. What it finds is written to the folder that it was
started in; a finding that is repaired goes into `tests/fuzz/corpus`, which `test_corpus.py` replays.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

TOKENS = Path(__file__).with_name("tokens.dict")


def main() -> None:
    """Run libFuzzer over the invariants."""
    atheris: Any = import_module("atheris")
    with atheris.instrument_imports(include=["agentserver"]):
        invariants = import_module("tests.fuzz.invariants").Invariants()
    atheris.Setup([*sys.argv, f"-dict={TOKENS}"], invariants.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
