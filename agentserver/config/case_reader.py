"""Read a file of test cases: YAML to `Case`s, or one `ConfigError` with all faults in the order of the file.

    cases:
      - name: the greeter greets back
        inject: {payload: {Greeting: {name: Ada}}, to: greeter, from: me}
        mock: {bank: [<Quote>...</Quote>], clock: {fail: out of order}}
        expect:
          - {from: greeter, to: me, payload: <GreetingResponse>...</GreetingResponse>}

Of the organism it knows the names of its listeners alone. Whether a payload is what its contract wants, shows when the
case is run. Never expands `${VAR}`.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, Final, TypeVar

from agentserver.config.cases import Case, CaseInput, CaseMock, CasePayload, Expected
from agentserver.config.fault_log import FaultLog, did_you_mean, quote
from agentserver.config.shape_check import as_written
from agentserver.config.source import read_text
from agentserver.config.tree import Document
from agentserver.config.tree import Path as TreePath
from agentserver.config.values import ValueReader
from agentserver.config.yaml_reader import read_yaml

T = TypeVar("T")

DEFAULT_SENDER: Final = "test"
_CASE_KEYS: Final = (
    "name", "inject", "mock", "expect", "any_order", "exactly", "refusal", "expect_none",
)  # fmt: skip
_INPUT_KEYS: Final = ("payload", "to", "from")


def read_cases(path: Path, listeners: Collection[str]) -> list[Case]:
    """Read one file.

    Args:
        path: The file.
        listeners: Names of the organism's listeners.

    Raises:
        ConfigError: The file cannot be used; all of its faults.
    """
    faults = FaultLog(str(path))
    document = read_yaml(read_text(path, str(path)), faults)
    values = ValueReader(None, faults).read(document.root)
    cases = _Reader(str(path), document, faults, listeners).cases(values)
    faults.raise_if_any()
    return cases


class _Reader:
    def __init__(self, file: str, document: Document, faults: FaultLog, listeners: Collection[str]) -> None:
        self._file, self._document, self._faults, self._listeners = file, document, faults, listeners

    def cases(self, values: object) -> list[Case]:
        root = self._mapping((), values, ("cases",))
        cases = self._items(("cases",), self._typed(("cases",), root.get("cases"), list, "a list"))
        if "cases" not in root:
            self._fault((), "missing key 'cases': a list of cases")
        read = [self._case(path, self._mapping(path, each, _CASE_KEYS)) for path, each in cases]
        for index, case in enumerate(read):
            if case.name and any(case.name == other.name for other in read[:index]):
                self._fault(("cases", index, "name"), f"another case is called {quote(case.name)}")
        return read

    def _case(self, path: TreePath, case: dict[str, Any]) -> Case:
        none = self._flag(path, case, "expect_none")
        self._check(path, case, none=none)
        injected = self._one_or_more((*path, "inject"), case.get("inject"))
        mocks = self._mapping((*path, "mock"), case.get("mock", {}), None)
        return Case(
            self._file,
            self._document.value_place(path).line,
            self._text(path, case, "name") or "",
            tuple(self._input(*pair) for pair in injected),
            {name: self._mock((*path, "mock", name), name, mock) for name, mock in mocks.items()},
            tuple(self._expected(*pair) for pair in self._one_or_more((*path, "expect"), case.get("expect"))),
            self._flag(path, case, "any_order"),
            self._flag(path, case, "exactly"),
            self._text(path, case, "refusal") or "",
            none,
        )

    def _check(self, path: TreePath, case: dict[str, Any], *, none: bool) -> None:
        for key in ("name", "inject"):
            if key not in case:
                self._fault(path, f"missing key {key!r}")
        if not {"expect", "refusal", "expect_none"} & case.keys():
            self._fault(path, "nothing is expected; give 'expect', 'refusal' or 'expect_none: true'")
        if none and "expect" in case:
            self._fault((*path, "expect_none"), "nothing and something is expected; leave one of them out")

    def _input(self, path: TreePath, value: object) -> CaseInput:
        item = self._mapping(path, value, _INPUT_KEYS)
        if "payload" not in item:
            self._fault(path, "missing key 'payload': what is injected, as XML or as {Root: {field: value}}")
        payload = self._payload((*path, "payload"), item.get("payload", ""))
        return CaseInput(
            payload, self._text(path, item, "to"), self._text(path, item, "from") or DEFAULT_SENDER
        )

    def _expected(self, path: TreePath, value: object) -> Expected:
        item = self._mapping(path, value, _INPUT_KEYS)
        payload = self._payload((*path, "payload"), item["payload"]) if "payload" in item else None
        sender = self._text(path, item, "from")
        if sender is not None and sender not in self._listeners and not sender.startswith("system"):
            self._unknown((*path, "from"), sender)
        return Expected(self._document.value_place(path).line, payload, self._text(path, item, "to"), sender)

    def _mock(self, path: TreePath, name: str, value: object) -> CaseMock:
        if name not in self._listeners:
            self._unknown(path, name)
        if isinstance(value, dict) and value.keys() == {"fail"}:
            return CaseMock(failure=self._text(path, value, "fail"))
        return CaseMock(tuple(self._payload(*pair) for pair in self._one_or_more(path, value)))

    def _payload(self, path: TreePath, value: object) -> CasePayload:
        line = self._document.value_place(path).line
        if isinstance(value, str):
            return CasePayload(line, text=value)
        if isinstance(value, dict) and len(value) == 1:
            ((root, fields),) = value.items()
            return CasePayload(line, root=root, fields={} if fields is None else fields)
        found = as_written(self._document, path)
        self._fault(path, f"found {found}, expected XML as text, or a mapping as {{Root: {{field: value}}}}")
        return CasePayload(line)

    def _mapping(self, path: TreePath, value: object, keys: Collection[str] | None) -> dict[str, Any]:
        """Return the mapping with its known keys; None knows all."""
        mapping = self._typed(path, value, dict, "a mapping (key: value)") or {}
        for key in mapping.keys() - set(keys if keys is not None else mapping):
            at = self._document.key_place((*path, key))
            self._faults.add(at, f"unknown key {quote(key)}{did_you_mean(key, keys or ())}")
        return {key: each for key, each in mapping.items() if keys is None or key in keys}

    def _one_or_more(self, path: TreePath, value: object) -> list[tuple[TreePath, Any]]:
        if value is None:
            return []
        return self._items(path, value) if isinstance(value, list) else [(path, value)]

    def _items(self, path: TreePath, values: list[Any] | None) -> list[tuple[TreePath, Any]]:
        return [((*path, index), each) for index, each in enumerate(values or ())]

    def _text(self, path: TreePath, holder: dict[str, Any], key: str) -> str | None:
        if key not in holder:
            return None
        return self._typed((*path, key), holder[key], str, "text") or None

    def _flag(self, path: TreePath, holder: dict[str, Any], key: str) -> bool:
        return key in holder and bool(self._typed((*path, key), holder[key], bool, "true or false"))

    def _typed(self, path: TreePath, value: Any, kind: type[T], expected: str) -> T | None:
        if isinstance(value, kind):
            return value
        if value is not None or self._document.node(path) is not None:
            self._fault(path, f"found {as_written(self._document, path)}, expected {expected}")
        return None

    def _unknown(self, path: TreePath, name: str) -> None:
        near = did_you_mean(name, self._listeners) or f"; there are {', '.join(self._listeners)}"
        self._faults.add(self._document.key_place(path), f"no listener {quote(name)}{near}")

    def _fault(self, path: TreePath, message: str) -> None:
        self._faults.add(self._document.value_place(path), message)
