"""A project in a temporary folder, with a package `shop`; nothing of it stays importable after the test."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentserver.config import ConfigLoader, OrganismConfig
from agentserver.errors import ConfigError

TOOLS = """\
class Order:
    __contract__ = object()

class Order2:
    __contract__ = object()

class Plain:
    pass

class Child(Order):
    pass

NUMBER = 1

async def take(payload, metadata): ...
async def take_more(payload, metadata, *, retries=3): ...
async def take_any(*args): ...
async def take_default(payload, metadata=None, extra=None): ...
async def take_one(payload): ...
async def take_three(payload, metadata, extra): ...
def step(state): return state
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "config").mkdir()
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").touch()
    (tmp_path / "shop" / "tools.py").write_text(TOOLS)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    modules = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - modules:
        if name.partition(".")[0] in {"shop", "stall"}:
            del sys.modules[name]


@pytest.fixture
def load(project: Path) -> Callable[..., OrganismConfig]:
    """Write a text to the project's organism.yaml, and load it."""

    def write_and_load(text: str, *, allow_env: bool = False) -> OrganismConfig:
        path = project / "config" / "organism.yaml"
        path.write_text(text, encoding="utf-8")
        return ConfigLoader.load(path, allow_env=allow_env)

    return write_and_load


@pytest.fixture
def faults_of(load: Callable[..., OrganismConfig]) -> Callable[..., list[tuple[int, int, str]]]:
    """Load a text that has faults, and list them as (line, column, message)."""

    def collect(text: str, *, allow_env: bool = False) -> list[tuple[int, int, str]]:
        with pytest.raises(ConfigError) as caught:
            load(text, allow_env=allow_env)
        return [(fault.line, fault.column, fault.message) for fault in caught.value.faults]

    return collect
