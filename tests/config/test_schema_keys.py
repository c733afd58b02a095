"""`schema` and `root`: contracts by an XSD that nobody here wrote."""

from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from agentserver.config import ConfigLoader, OrganismConfig
from agentserver.errors import ConfigError

Load = Callable[..., OrganismConfig]
FaultsOf = Callable[..., list[tuple[int, int, str]]]

HEAD = "organism: {name: shop}\nlisteners:\n"
ELEMENT = "payload_class: lxml.etree._Element"
TAKE = "handler: shop.tools.take"
XS = 'xmlns:xs="http://www.w3.org/2001/XMLSchema"'


def listener(*keys: str, name: str = "till") -> str:
    """Write one listener, one key a line; the first listener's second key stands on line 4."""
    first, *others = (f"name: {name}", *keys, TAKE)
    return f"  - {first}\n" + "".join(f"    {key}\n" for key in others)


@pytest.fixture(autouse=True)
def schemas(project: Path) -> Path:
    folder = project / "schemas"
    folder.mkdir()
    for name, namespace, tags in (
        ("order", "urn:order", ("Order",)),
        ("other", "urn:other", ("Order",)),
        ("two", "urn:two", ("One", "Two")),
        ("plain", "", ("Order",)),
    ):
        target = f'targetNamespace="{namespace}"' if namespace else ""
        declared = "".join(f'<xs:element name="{tag}" type="xs:int"/>' for tag in tags)
        (folder / f"{name}.xsd").write_text(f"<xs:schema {XS} {target}>{declared}</xs:schema>")
    return folder


def test_a_schema_is_found_from_the_projects_folder(load: Load) -> None:
    config = load(HEAD + listener("schema: schemas/order.xsd", ELEMENT)).listeners[0]
    assert config.contract is not None
    assert ("schemas/order.xsd", "", "{urn:order}Order") == (
        config.schema_path,
        config.root,
        config.contract.root_tag,
    )
    assert etree._Element is config.payload_class


def test_a_schema_is_found_from_the_working_directory_when_there_is_no_file(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.syspath_prepend(project)
    config = ConfigLoader.loads(HEAD + listener("schema: schemas/order.xsd", ELEMENT))
    assert config.listeners[0].contract is not None


def test_the_element_may_be_called_raw_xml(load: Load) -> None:
    text = HEAD + listener("schema: schemas/order.xsd", "payload_class: agentserver.xmlable.RawXml")
    assert etree._Element is load(text).listeners[0].payload_class


def test_two_listeners_with_one_schema_share_what_is_compiled(load: Load) -> None:
    keys = ("schema: schemas/order.xsd", ELEMENT)
    first, second = load(HEAD + listener(*keys) + listener(*keys, name="clerk")).listeners
    assert first.contract is not None
    assert second.contract is not None
    assert first.contract.schema is second.contract.schema


def test_an_item_of_handles_may_have_a_schema(load: Load) -> None:
    items = "".join(
        f"      - {{schema: schemas/{name}.xsd, {ELEMENT}, {TAKE}}}\n" for name in ("order", "other")
    )
    (config,) = load(HEAD + "  - name: till\n    handles:\n" + items).listeners
    assert config.contract is not None
    assert config.handles[0].contract is not None
    assert ["{urn:order}Order", "{urn:other}Order"] == [
        config.contract.root_tag,
        config.handles[0].contract.root_tag,
    ]


def test_own_and_foreign_contracts_stand_side_by_side(load: Load) -> None:
    items = (
        f"      - {{payload_class: shop.tools.Order, {TAKE}}}\n"
        f"      - {{schema: schemas/order.xsd, {ELEMENT}, {TAKE}}}\n"
    )
    (config,) = load(HEAD + "  - name: till\n    handles:\n" + items).listeners
    assert config.contract is None
    assert config.handles[0].contract is not None


def test_a_variable_in_the_path_is_expanded(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEMAS", "schemas")
    text = HEAD + listener("schema: ${SCHEMAS}/order.xsd", ELEMENT)
    assert load(text, allow_env=True).listeners[0].contract is not None


@pytest.mark.parametrize(("root", "expected"), [("Two", "{urn:two}Two"), ("'{urn:two}One'", "{urn:two}One")])
def test_a_root_is_named(load: Load, root: str, expected: str) -> None:
    contract = (
        load(HEAD + listener("schema: schemas/two.xsd", f"root: {root}", ELEMENT)).listeners[0].contract
    )
    assert contract is not None
    assert expected == contract.root_tag


@pytest.mark.parametrize(
    ("keys", "line", "message"),
    [
        (["schema: schemas/none.xsd", ELEMENT], 4, "there is no file"),
        (["schema: schemas", ELEMENT], 4, "it is no file"),
        (["schema: ''", ELEMENT], 4, "expected text that is not empty"),
        (["schema: 1", ELEMENT], 4, "found 1, expected text"),
        (["schema: schemas/two.xsd", ELEMENT], 4, "declares 2 elements (One, Two); say with `root:`"),
        (["schema: schemas/two.xsd", ELEMENT, "root: Three"], 6, "no element 'Three' is declared"),
        ([ELEMENT, "root: One"], 5, "'root' without 'schema'"),
        (["schema: schemas/order.xsd", "payload_class: shop.tools.Order"], 5, "has a contract of its own"),
        (
            ["schema: schemas/order.xsd", "payload_class: shop.tools.Plain"],
            5,
            "cannot hold a foreign document",
        ),
        (["schema: schemas/order.xsd", "payload_class: builtins.dict"], 5, "use agentserver.RawXml"),
        (["schema: schemas/order.xsd", "payload_class: shop.tools.NUMBER"], 5, "is a value of type int"),
        (["schema: schemas/order.xsd", "payload_class: shop.tools.Nothing"], 5, "has no 'Nothing'"),
        (["schma: schemas/order.xsd", "payload_class: shop.tools.Order"], 4, "did you mean 'schema'?"),
        ([ELEMENT], 4, "'lxml.etree._Element' is no contract; name its XSD under 'schema'"),
    ],
)
def test_what_is_wrong_has_its_place(faults_of: FaultsOf, keys: list[str], line: int, message: str) -> None:
    found = faults_of(HEAD + listener(*keys))
    assert [True] == [message in text for at, _, text in found if at == line], found


def test_a_fault_of_a_schema_names_the_chain_at_the_place_of_the_key(
    faults_of: FaultsOf, schemas: Path
) -> None:
    include = '<xs:include schemaLocation="http://example.org/b.xsd"/>'
    (schemas / "a.xsd").write_text(f"<xs:schema {XS}>\n{include}</xs:schema>")
    ((line, column, message),) = faults_of(HEAD + listener("schema: schemas/a.xsd", ELEMENT))
    assert (4, 13) == (line, column)
    assert message.startswith("schemas/a.xsd line 2 includes http://example.org/b.xsd: ")


def test_a_schema_beside_handles_is_told(faults_of: FaultsOf) -> None:
    handles = f"    handles:\n      - {{payload_class: shop.tools.Order, {TAKE}}}\n"
    text = HEAD + "  - name: till\n    schema: schemas/order.xsd\n" + handles
    assert [(4, 5, "'schema' beside 'handles'; move it into the item whose contract it is")] == faults_of(
        text
    )


def test_one_root_of_two_namespaces_is_no_duplicate_and_one_of_one_namespace_is(faults_of: FaultsOf) -> None:
    items = "".join(
        f"      - {{schema: schemas/{name}.xsd, {ELEMENT}, {TAKE}}}\n" for name in ("order", "other", "order")
    )
    ((line, _, message),) = faults_of(HEAD + "  - name: Till\n    handles:\n" + items)
    assert 7 == line
    assert (
        "two contracts have the root tag 'till.{urn:order}Order': listener 'Till' has it on line 5" in message
    )


def test_a_root_without_a_namespace_is_as_one_of_ours(faults_of: FaultsOf) -> None:
    items = (
        f"      - {{schema: schemas/plain.xsd, {ELEMENT}, {TAKE}}}\n"
        f"      - {{payload_class: shop.tools.Order, {TAKE}}}\n"
    )
    ((line, _, message),) = faults_of(HEAD + "  - name: till\n    handles:\n" + items)
    assert (6, True) == (line, "two contracts have the root tag 'till.order'" in message)


@pytest.mark.parametrize("peer", ["till", "till.order", "TILL.Order", "'till.{urn:order}Order'"])
def test_a_foreign_contract_is_a_peer_by_its_local_name(load: Load, peer: str) -> None:
    clerk = f"  - {{name: clerk, peers: [{peer}], payload_class: shop.tools.Order, {TAKE}}}\n"
    assert load(HEAD + listener("schema: schemas/order.xsd", ELEMENT) + clerk)


def test_a_peer_that_the_foreign_contract_is_not_is_told(faults_of: FaultsOf) -> None:
    clerk = f"  - {{name: clerk, peers: [till.ordre], payload_class: shop.tools.Order, {TAKE}}}\n"
    ((_, _, message),) = faults_of(HEAD + listener("schema: schemas/order.xsd", ELEMENT) + clerk)
    assert "no listener 'till.ordre'; did you mean 'till.order'?" == message


def test_a_fault_of_a_schema_hides_no_other_and_makes_none(load: Load) -> None:
    clerk = f"  - {{name: clerk, peers: [till.order, nobody], payload_class: shop.tools.Order, {TAKE}}}\n"
    with pytest.raises(ConfigError) as caught:
        load(HEAD + listener("schema: schemas/none.xsd", ELEMENT) + clerk)
    messages = [fault.message for fault in caught.value.faults]
    assert 2 == len(messages)
    assert "there is no file" in messages[0]
    assert messages[1].startswith("no listener 'nobody'")


def test_a_class_that_needs_xsdata_tells_how_to_get_it(
    project: Path, load: Load, faults_of: FaultsOf
) -> None:
    (project / "shop" / "bills.py").write_text("from xsdata.models.datatype import XmlNothing\n")
    assert (
        "XmlNothing"
        in faults_of(HEAD + listener("schema: schemas/order.xsd", "payload_class: shop.bills.Bill"))[0][2]
    )
    (project / "shop" / "more.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'xsdata'\", name='xsdata')\n"
    )
    ((line, _, message),) = faults_of(
        HEAD + listener("schema: schemas/order.xsd", "payload_class: shop.more.Bill")
    )
    assert (5, True) == (line, message.endswith("; pip install 'agentserver[xsdata]'"))
