"""Names in a document that its outline does not know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import pytest
from lxml import etree

from agentserver.errors import BindingError
from agentserver.xmlable import RawXml, Secret, contract_of, parse_element, xml, xmlify
from agentserver.xmlable.secrets import masked
from agentserver.xmlable.strange_names import strange_names


@dataclass
class Totp:
    code: Annotated[str, Secret]


@dataclass
class Mail:
    address: str


@xmlify
@dataclass
class Vault:
    tokens: dict[str, Annotated[int, Secret]]
    pin: Annotated[str | None, Secret] = None
    how: Totp | Mail | None = None
    level: int = field(default=0, metadata=xml(attribute=True))
    body: RawXml | None = None


def names(document: str) -> list[str]:
    return strange_names(contract_of(Vault).outline, etree.fromstring(document))


def test_unknown_names_are_strange_and_slips_are_not() -> None:
    assert ["id", "hunter2", "deep"] == names(
        '<Vault id="1"><hunter2/><Tokns/><PIN/><how><deep/></how></Vault>'
    )


def test_raw_xml_and_the_root_have_no_strange_names() -> None:
    assert [] == names("<Anything><Body><free x='1'/></Body></Anything>")


def test_a_namespace_is_strange_that_is_no_uri() -> None:
    assert ["hunter2"] == names('<Vault><Pin xmlns="hunter2"/><How xmlns="urn:x"/></Vault>')


@pytest.mark.parametrize(
    ("inside", "found"),
    [
        ("<Tokens><hunter2/></Tokens>", "unknown element '***'"),
        ("<Tokens><Entri/></Tokens>", "unknown element 'Entri'"),
        ("<Tokens><Entry><hunter2/></Entry></Tokens>", "unknown element '***'"),
        ('<Tokens hunter2="1"/>', "attribute '***'"),
        ("<Tokens/><Pin><hunter2/></Pin>", "a value that is not shown, as it is secret"),
        ("<Tokens/><How><hunter2/></How>", "unknown element '***'"),
        ("<Tokens/><How><hi/></How>", "unknown element '***'"),
    ],
)
def test_the_reader_does_not_tell_them(inside: str, found: str) -> None:
    with pytest.raises(BindingError) as caught:
        parse_element(Vault, etree.fromstring(f"<Vault>{inside}</Vault>"))

    assert found == caught.value.found


@pytest.mark.parametrize(
    ("document", "shown"),
    [
        (
            "<Vault><Tokens><hunter2/></Tokens></Vault>",
            "<Vault><Tokens><hidden>***</hidden></Tokens></Vault>",
        ),
        ('<Vault hunter2="1" level="2"/>', '<Vault level="2" hidden="***"/>'),
        ("<Vault><Tokns>a</Tokns></Vault>", "<Vault><Tokns>a</Tokns></Vault>"),
        ("<Vault><Pinn>1234</Pinn></Vault>", "<Vault><Pinn>***</Pinn></Vault>"),
        ("<Vault><Body><hunter2/></Body></Vault>", "<Vault><Body><hunter2/></Body></Vault>"),
    ],
)
def test_a_masked_copy_does_not_show_them(document: str, shown: str) -> None:
    assert shown == etree.tostring(
        masked(contract_of(Vault).outline, etree.fromstring(document)), encoding="unicode"
    )
