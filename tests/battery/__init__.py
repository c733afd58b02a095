"""The battery of faults: each row is a fault that is brought about, and what must hold holds.

A test names its row in its own name, `test_f9_...`. `test_index.py` says where each row's tests are, and looks that
they are there: many are beside what they are about, in `tests/crash`, `tests/queues` and `tests/cli`.
"""
