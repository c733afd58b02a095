"""The battery of faults: each is brought about, and what must hold, holds. A row's tests are called `test_fN_...`.

(placeholder)
"""
