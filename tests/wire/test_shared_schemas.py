"""A compiled schema that several threads validate with at once: each gets its own verdicts."""

from __future__ import annotations

import threading
import time

from agentserver.wire import StrictParser, canonical, first_violation
from agentserver.xmlable import contract_of
from tests.fuzz.invariants import Order

SECONDS = 0.5
DOCUMENTS = {
    b"<Order><Name>x</Name></Order>": True,
    b"<Order><Name>x</Name><Ratio>no number</Ratio></Order>": False,
    b"<Order>" + b"<Name>x</Name>" * 3_000 + b"</Order>": False,
}


def test_threads_do_not_meet_each_others_faults() -> None:
    schema, wrong, counts = contract_of(Order).schema, list[bytes](), list[int]()

    def validate() -> None:
        parser, count, deadline = StrictParser(), 0, time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            for data, is_valid in DOCUMENTS.items():
                root = parser.parse(data)
                violation = first_violation(schema, root, canonical(root))
                count += 1
                if (violation is None) is not is_valid or (violation and "Order" not in violation.path):
                    wrong.append(data)
        counts.append(count)

    threads = [threading.Thread(target=validate) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == wrong
    assert len(counts) == len(threads)
    assert all(counts)
