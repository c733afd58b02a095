"""The artefacts of foreign contracts, for real schemas: UBL 2.1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from lxml import etree

from agentserver import StreamPump, meta, running
from agentserver.cli import main
from agentserver.config import ConfigLoader, MetaConfig

from .process import ROOT, agentserver, environment

SCHEMAS = ROOT.parent / "shared" / "ubl" / "xsd"
KINDS = {
    "invoices": "Invoice",
    "credit-notes": "CreditNote",
    "despatch-advices": "DespatchAdvice",
    "order-responses": "OrderResponseSimple",
    "orders": "Order",
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not SCHEMAS.is_dir(), reason="../shared/ubl/xsd, the schemas of UBL 2.1, is not there"
    ),
]


@pytest.fixture(autouse=True)
def schemas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UBL_SCHEMAS", str(SCHEMAS))


def compiled(kind: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(SCHEMAS / "maindoc" / f"UBL-{kind}-2.1.xsd"))


def contracts(*args: str | Path) -> Any:
    result = CliRunner().invoke(main, ["contracts", *map(str, args), "--config", "config/ubl.yaml", "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_files_are_the_same_in_every_run_and_no_schema_is_among_them(tmp_path: Path) -> None:
    written = contracts("write", "--dir", tmp_path)
    check = ("contracts", "check", "--config", "config/ubl.yaml", "--dir", tmp_path)
    done = agentserver(*check, env=environment(PYTHONHASHSEED="7", UBL_SCHEMAS=str(SCHEMAS)))

    assert 0 == done.returncode, done.stdout
    assert [f"maindoc/UBL-{kind}-2.1.xsd" for kind in KINDS.values()] == written["not_copied"]
    assert [] == [kind for name, kind in KINDS.items() if (tmp_path / name / "v1" / f"{kind}.xsd").exists()]


@pytest.mark.parametrize("listener", KINDS)
def test_the_example_is_valid_by_the_schema_of_others(listener: str) -> None:
    shown = CliRunner().invoke(
        main, ["contracts", f"{listener}.{KINDS[listener]}", "--example", "--config", "config/ubl.yaml"]
    )

    compiled(KINDS[listener]).assertValid(etree.fromstring(shown.stdout.encode()))


async def test_system_meta_answers_for_them() -> None:
    config = ConfigLoader.load("config/ubl.yaml")
    config.meta = MetaConfig("all", "all", "all", "all")
    pump = StreamPump(config)
    pump.register_all()
    async with running(pump):
        example = await pump.request(meta.RequestExample("invoices", "Invoice"), to="system.meta")
        prompt = await pump.request(meta.RequestPrompt("invoices", "Invoice"), to="system.meta")
        schema = await pump.request(meta.RequestSchema("invoices", "Invoice"), to="system.meta")

    compiled("Invoice").assertValid(example.examples[0].document)
    assert "Invoice" in prompt.prompt
    assert "maindoc/UBL-Invoice-2.1.xsd" == schema.schemas[0].file
