from __future__ import annotations

import time
from pathlib import Path

import pytest
from lxml import etree

from agentserver.xmlable.compatibility import compare
from agentserver.xmlable.example import example
from agentserver.xmlable.xsd.compiling import compiled
from agentserver.xmlable.xsd_reader import read_outline
from agentserver.xmlable.xsd_writer import schema_documents
from tests.xmlable.schemas_in_short import record_of

UBL = Path(__file__).resolve().parents[2] / "../shared/ubl"
URN = "urn:oasis:names:specification:ubl:schema:xsd"
INVOICE, ORDER = (UBL / f"xsd/maindoc/UBL-{name}-2.1.xsd" for name in ("Invoice", "Order"))
MAIN_SCHEMAS = sorted((UBL / "xsd/maindoc").glob("*.xsd"))


def documents_of(path: Path) -> list[etree._Element]:
    """Read a schema with all that it includes and imports."""
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True)
    found: dict[Path, etree._Element] = {}
    waiting = [path.resolve()]
    for place in waiting:
        if place not in found:
            root = found[place] = etree.parse(str(place), parser).getroot()
            links = root.iterchildren("{*}include", "{*}import")
            waiting += [(place.parent / str(link.get("schemaLocation"))).resolve() for link in links]
    return list(found.values())


def test_ubl_is_at_hand() -> None:
    assert MAIN_SCHEMAS, f"{UBL} holds no UBL schemas; put UBL 2.1 there"


@pytest.mark.parametrize("path", MAIN_SCHEMAS, ids=lambda path: path.stem)
def test_a_ubl_schema_is_read_in_a_second_and_takes_its_documents_when_written_again(path: Path) -> None:
    schemas = documents_of(path)
    root = f"{{{schemas[0].get('targetNamespace')}}}{path.stem.split('-')[1]}"
    start = time.process_time()  # not that of the clock, as the machine may be busy with other things
    field = read_outline(schemas, root)
    assert 1 > time.process_time() - start
    assert record_of(field).fields[0].doc.startswith("A container for all extensions")
    again = compiled(schema_documents(field))
    trees = [etree.parse(str(document)) for document in sorted((UBL / "documents").glob("*.xml"))]
    valid = [again.validate(tree) for tree in trees if tree.getroot().tag == root]
    assert valid
    assert all(valid)


def test_two_readings_of_a_ubl_schema_are_the_same_and_two_documents_of_ubl_are_not() -> None:
    invoice, again, order = (
        read_outline(documents_of(path), f"{{{URN}:{name}-2}}{name}")
        for path, name in ((INVOICE, "Invoice"), (INVOICE, "Invoice"), (ORDER, "Order"))
    )
    assert [] == compare(invoice, again)
    assert "Invoice: was called Invoice, is called Order" in [
        f"{c.path}: {c.what}" for c in compare(invoice, order)
    ]


@pytest.mark.parametrize("path", MAIN_SCHEMAS, ids=lambda path: path.stem)
def test_the_example_made_of_a_ubl_schema_is_valid(path: Path) -> None:
    schemas = documents_of(path)
    root = f"{{{schemas[0].get('targetNamespace')}}}{path.stem.split('-')[1]}"
    schema = etree.XMLSchema(etree.parse(str(path)))
    assert schema.validate(example(read_outline(schemas, root))), schema.error_log
