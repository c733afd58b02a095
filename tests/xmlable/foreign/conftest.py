"""The generated classes and the contract of one small schema, and those of UBL's invoice."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import ModuleType

import pytest

from agentserver.xmlable.foreign import ForeignSchema, SchemaLibrary
from tests.xmlable.foreign.generated import generated
from tests.xmlable.foreign.schema_files import BILL, ubl, write


@pytest.fixture(scope="session")
def bill_schema(tmp_path_factory: pytest.TempPathFactory) -> ForeignSchema:
    """The schema of a bill."""
    return SchemaLibrary().load(write(tmp_path_factory.mktemp("bill"), {"schemas/bill.xsd": BILL}))


@pytest.fixture(scope="session")
def bills(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """What xsdata makes of it."""
    folder = tmp_path_factory.mktemp("bills")
    with generated(write(folder, {"bill.xsd": BILL}), "generated_bills", folder) as module:
        yield module


@pytest.fixture(scope="session")
def ubl_invoices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """What xsdata makes of UBL's invoice, in some seconds."""
    schema = ubl("xsd/maindoc/UBL-Invoice-2.1.xsd").resolve()
    with generated(schema, "generated_ubl", tmp_path_factory.mktemp("ubl")) as module:
        yield importlib.import_module(f"{module.__name__}.maindoc")
