"""A project on disk that is changed while its organism runs: a desk that takes orders, in several versions."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path

_NUMBERS = itertools.count()

HEADER = (
    "from __future__ import annotations\nfrom dataclasses import dataclass\n"
    "from agentserver import HandlerResponse, xmlify\n"
)

CONTRACT = """
@xmlify
@dataclass
class Order:
    {fields}

@xmlify
@dataclass
class Done:
    text: str
"""

HANDLER = """
from {package}.contracts import Done, Order

async def take(payload, metadata):
    return HandlerResponse.respond(Done(f"{word} {{payload.{first}}}"))
"""

BESIDE = """
@xmlify
@dataclass
class Note:
    text: str

async def take(payload, metadata):
    return HandlerResponse.respond(payload)
"""


@dataclass
class Project:
    """A project; its package has a name of its own, as modules are the whole process's."""

    folder: Path
    package: str = field(default_factory=lambda: f"reloadable_{next(_NUMBERS)}")

    def __post_init__(self) -> None:
        (self.folder / "config").mkdir()
        (self.folder / self.package).mkdir()
        self.module("contracts", CONTRACT.format(fields="item: str"))
        self.module("desk", HANDLER.format(package=self.package, word="old", first="item"))
        self.module("beside", BESIDE)
        self.organism()

    @property
    def config(self) -> Path:
        return self.folder / "config" / "organism.yaml"

    @property
    def beside(self) -> str:
        return f"payload_class: {self.package}.beside.Note, handler: {self.package}.beside.take"

    def module(self, name: str, text: str) -> None:
        (self.folder / self.package / f"{name}.py").write_text(HEADER + text)

    def contract(self, fields: str) -> None:
        self.module("contracts", CONTRACT.format(fields=fields))

    def handler(self, word: str, first: str = "item") -> None:
        self.module("desk", HANDLER.format(package=self.package, word=word, first=first))

    def organism(self, desk: str = "", listeners: str = "", settings: str = "") -> None:
        first = f"payload_class: {self.package}.contracts.Order, handler: {self.package}.desk.take"
        self.config.write_text(
            f"organism: {{name: shop}}\n{settings}\nlisteners:\n"
            f"- {{name: desk, {first}{desk}}}\n- {{name: beside, {self.beside}}}\n"
            f"{listeners}\n"
        )


def order(tag: str = "Item", text: str = "tea") -> bytes:
    return f"<Order><{tag}>{text}</{tag}></Order>".encode()
