from __future__ import annotations

import sys
from pathlib import Path

import pytest

from .process import ROOT

PATIENCE = '''
import asyncio, logging, time
from dataclasses import dataclass
from pathlib import Path
from agentserver import HandlerResponse, xmlify

@xmlify
@dataclass
class Wait:
    """Asks to wait until a file exists."""
    file: str

@xmlify
@dataclass
class Done:
    """It does."""

async def until_file(payload, metadata):
    logging.getLogger("patience").warning("handler began")
    while not Path(payload.file).exists():
        await asyncio.sleep(0.01)
    print("printed by a handler")
    return HandlerResponse.respond(Done())

async def never(payload, metadata):
    logging.getLogger("patience").warning("handler began")
    while True:
        try:
            await asyncio.sleep(3600)
        except BaseException:
            pass

async def block(payload, metadata):
    logging.getLogger("patience").warning("handler began")
    time.sleep(3600)
'''

ORGANISM = """
organism: {name: patience}
listeners:
  - {name: greeter, payload_class: handlers.hello.Greeting, handler: handlers.hello.handle_greeting}
  - {name: until-file, payload_class: patience.Wait, handler: patience.until_file}
  - {name: never, payload_class: patience.Wait, handler: patience.never}
  - {name: block, payload_class: patience.Wait, handler: patience.block}
"""


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in the project's folder; forget which folders a configuration put on the path."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", sys.path[:])


@pytest.fixture
def patience(tmp_path: Path) -> Path:
    """A project whose handlers wait: for a file, for ever, or in the event loop's way."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "organism.yaml").write_text(ORGANISM)
    (tmp_path / "patience.py").write_text(PATIENCE)
    return tmp_path
