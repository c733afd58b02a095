"""Row B52 of the battery of bad input: a configuration that nothing starts with, and the line that says why."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from agentserver.cli import main

HEAD = "organism:\n  name: shop\n"
LAUGHS = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
ROWS = {
    "B52 duplicate key": (f"{HEAD}  name: other\n", 3, "duplicate key 'name'"),
    "B52 bomb": ("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + LAUGHS, 6, "once aliases are expanded"),
    "B52 alias of itself": (f"{HEAD}listeners: &l [*l]\n", 3, "stands for nothing"),
    "B52 deep [": (f"{HEAD}listeners: " + "[" * 5_000, 3, "nested deeper"),
    "B52 !!python/": (f"{HEAD}listeners: !!python/object/apply:os.system [id]\n", 3, "is not allowed"),
    "B52 unknown key": (f"{HEAD}listenres: []\n", 3, "unknown key 'listenres'"),
    "B52 wrong type": (f"{HEAD}limits:\n  message_bytes: many\n", 4, "message_bytes"),
    "B52 a boolean of YAML 1.1": (f"{HEAD}limits:\n  hops: yes\n", 4, "hops"),
    "B52 a number in base 60": (f"{HEAD}limits:\n  hops: 22:22\n", 4, "hops"),
    "B52 5,000 digits": (f"{HEAD}limits:\n  hops: {'9' * 5_000}\n", 4, "hops"),
    "B52 no UTF-8": (f"{HEAD}# \udcff\n", 0, "not UTF-8: byte 26"),
    "B52 no mapping": ("- a\n", 1, "mapping"),
}


@pytest.mark.parametrize("command", ["run", "validate", "pipe"])
@pytest.mark.parametrize("row", ROWS)
def test_row(row: str, command: str, tmp_path: Path) -> None:
    text, line, words = ROWS[row]
    path = tmp_path / "organism.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    result = CliRunner().invoke(main, [command, str(path)])
    assert 78 == result.exit_code, result.output
    place = rf":{line}:\d+" if line else ""
    told = re.search(rf"organism\.yaml{place}: .*{re.escape(words)}", result.output)
    assert told, result.output
    assert len(result.output) < 4_000
