"""The pump with contracts by the schemas of others, from bytes to bytes."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from lxml import etree

from agentserver import HandlerMetadata, HandlerResponse, RequestFailed, running
from agentserver.config import HandlesConfig, ListenerConfig
from agentserver.errors import ConfigError, ContractError
from agentserver.message_bus import MessageState
from tests.organisms import Ping, Pong, Recorder, envelope, listener, meta_of, outcomes, pump_of
from tests.xmlable.foreign.generated import generated
from tests.xmlable.foreign.schema_files import BILL, element, schema, ubl, write

THE_BILL = '<b:Bill xmlns:b="urn:shop"><b:Number>7</b:Number><b:Total>2.50</b:Total>{}</b:Bill>'


@pytest.fixture
def bill(tmp_path: Path) -> str:
    return str(write(tmp_path, {"schemas/bill.xsd": BILL}))


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    folder = tmp_path_factory.mktemp("classes")
    with generated(write(folder, {"bill.xsd": BILL}), "generated_bills_of_the_pump", folder) as module:
        yield module


def foreign(
    name: str, schema_path: str, handler: Any, cls: type[Any] = etree._Element, **options: Any
) -> ListenerConfig:
    return ListenerConfig(name, payload_class=cls, handler=handler, schema_path=schema_path, **options)


def respond(payload: Any) -> HandlerResponse:
    return HandlerResponse.respond(payload)


def payload_of(state: MessageState) -> etree._Element:
    assert state.error is None
    assert state.canonical is not None
    return etree.fromstring(state.canonical)[1]


async def relay(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
    """Send it on to `second`, and what comes back from there to whoever asked."""
    return respond(payload) if metadata.from_id == "second" else HandlerResponse(payload, "second")


def codes(states: list[MessageState]) -> list[str]:
    return [state.failure.code if state.failure else "ok" for state in states]


async def test_the_handler_gets_the_validated_element(bill: str) -> None:
    recorder = Recorder()
    await outcomes(pump_of(foreign("till", bill, recorder)), envelope(THE_BILL.format(""), to="till"))
    (payload,) = recorder.payloads
    assert ("{urn:shop}Bill", "2.50") == (payload.tag, payload.findtext("{urn:shop}Total"))
    assert payload.getparent() is None


async def test_without_an_address_the_qualified_root_tells(bill: str) -> None:
    recorder = Recorder()
    await outcomes(
        pump_of(foreign("till", bill, recorder)),
        THE_BILL.format("").encode(),
        envelope(THE_BILL.format(""), to=None),
    )
    assert 2 == len(recorder.calls)


async def test_one_local_name_goes_by_its_namespace(bill: str, tmp_path: Path) -> None:
    other = str(write(tmp_path, {"o/a.xsd": schema(element("Bill", "xs:int"), "urn:other")}))
    ours, theirs = Recorder(), Recorder()
    pump = pump_of(foreign("till", bill, ours), foreign("clerk", other, theirs))
    states = await outcomes(
        pump,
        THE_BILL.format("").encode(),
        b'<Bill xmlns="urn:other">5</Bill>',
        b'<Bill xmlns="urn:none"/>',
        b"<Bill/>",
    )
    assert (1, 1) == (len(ours.calls), len(theirs.calls))
    assert ["no-listener", "no-listener"] == codes(states)
    assert "<Bill> of urn:none" in str(states[0].error)


async def test_one_listener_takes_one_local_name_of_two_namespaces(bill: str, tmp_path: Path) -> None:
    other = str(write(tmp_path, {"o/a.xsd": schema(element("Bill", "xs:int"), "urn:other")}))
    recorder = Recorder()
    config = foreign("till", bill, recorder)
    config.handles = [HandlesConfig(payload_class=etree._Element, handler=recorder, schema_path=other)]
    pump = pump_of(config)
    await outcomes(
        pump,
        envelope(THE_BILL.format(""), to="till"),
        envelope('<Bill xmlns="urn:other">5</Bill>', to="till"),
    )
    assert ["{urn:shop}Bill", "{urn:other}Bill"] == [payload.tag for payload in recorder.payloads]


@pytest.mark.parametrize(
    "broken",
    [
        THE_BILL.replace("2.50", "much"),
        THE_BILL.replace("<b:Number>7</b:Number>", ""),
        THE_BILL.format("<b:Total>1</b:Total>"),
        '<Bill xmlns="urn:shop"/>',
    ],
)
async def test_what_the_schema_forbids_is_refused(bill: str, broken: str) -> None:
    recorder = Recorder()
    (state,) = await outcomes(
        pump_of(foreign("till", bill, recorder)), envelope(broken.replace("{}", ""), to="till")
    )
    assert ("schema", "xsd_validation", []) == (codes([state])[0], state.stage, recorder.calls)


async def test_case_matters_in_a_qualified_root(bill: str) -> None:
    lower = THE_BILL.replace("b:Bill", "b:bill")
    (state,) = await outcomes(
        pump_of(foreign("till", bill, Recorder())), envelope(lower.format(""), to="till")
    )
    assert ["no-listener"] == codes([state])


async def test_hints_where_a_schema_is_are_accepted(bill: str) -> None:
    hint = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:shop http://127.0.0.1:9/b"'
    recorder = Recorder(respond)
    (state,) = await outcomes(
        pump_of(foreign("till", bill, recorder)),
        envelope(THE_BILL.format("").replace(">", f" {hint}>", 1), to="till"),
    )
    assert "{urn:shop}Bill" == payload_of(state).tag


@pytest.mark.parametrize("switch", ['xsi:type="b:T"', 'xsi:nil="true"'])
async def test_type_switches_are_refused(bill: str, switch: str) -> None:
    text = THE_BILL.format("").replace(
        ">", f' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" {switch}>', 1
    )
    (state,) = await outcomes(pump_of(foreign("till", bill, Recorder())), envelope(text, to="till"))
    assert ["schema"] == codes([state])


async def test_an_element_is_answered_with(bill: str) -> None:
    (state,) = await outcomes(
        pump_of(foreign("till", bill, Recorder(respond))), envelope(THE_BILL.format(""), to="till")
    )
    assert {"from": "till", "to": "user"} == {key: meta_of(state)[key] for key in ("from", "to")}
    assert "2.50" == payload_of(state).findtext("{urn:shop}Total")


async def test_an_answer_whose_root_no_listener_knows_leaves(bill: str) -> None:
    def other(_: Any) -> HandlerResponse:
        return respond(etree.fromstring('<Receipt xmlns="urn:elsewhere">1</Receipt>'))

    (state,) = await outcomes(
        pump_of(foreign("till", bill, Recorder(other))), envelope(THE_BILL.format(""), to="till")
    )
    assert "{urn:elsewhere}Receipt" == payload_of(state).tag


async def test_an_answer_whose_root_a_listener_knows_is_held_to_its_schema(bill: str) -> None:
    def broken(payload: etree._Element) -> HandlerResponse:
        payload[1].text = "much"
        return respond(payload)

    (state,) = await outcomes(
        pump_of(foreign("till", bill, Recorder(broken))), envelope(THE_BILL.format(""), to="till")
    )
    assert "bad-reply" == codes([state])[0]
    assert "its own contract refuses the reply" in str(state.error)


@pytest.mark.parametrize("to", [None, "clerk"])
async def test_an_element_is_sent_on_by_its_root_or_its_address(
    bill: str, tmp_path: Path, to: str | None
) -> None:
    other = str(write(tmp_path, {"o/a.xsd": schema(element("Receipt", "xs:int"), "urn:o")}))
    clerk = Recorder()

    def forward(_: Any) -> HandlerResponse:
        return HandlerResponse(etree.fromstring('<r:Receipt xmlns:r="urn:o">5</r:Receipt>'), to)

    pump = pump_of(foreign("till", bill, Recorder(forward)), foreign("clerk", other, clerk))
    assert [] == await outcomes(pump, envelope(THE_BILL.format(""), to="till"))
    ((payload, metadata),) = clerk.calls
    assert ("{urn:o}Receipt", "till") == (payload.tag, metadata.from_id)


async def test_a_part_of_a_larger_tree_is_sent_alone(bill: str) -> None:
    def part(payload: etree._Element) -> HandlerResponse:
        tree = etree.Element("tree")
        tree.append(payload)
        payload.tail = "tail"
        return respond(payload)

    (state,) = await outcomes(
        pump_of(foreign("till", bill, Recorder(part))), envelope(THE_BILL.format(""), to="till")
    )
    assert ("{urn:shop}Bill", None) == (payload_of(state).tag, payload_of(state).tail)


async def test_bytes_are_answered_with_as_ever(bill: str) -> None:
    pump = pump_of(foreign("till", bill, Recorder(lambda _: respond(THE_BILL.format("").encode()))))
    (state,) = await outcomes(pump, envelope(THE_BILL.format(""), to="till"))
    assert "{urn:shop}Bill" == payload_of(state).tag


@pytest.mark.parametrize("size", [1, 10_000])
async def test_a_prefix_that_only_values_use_survives_each_hop(bill: str, size: int) -> None:
    kind = f'<b:Kind xmlns:q="urn:q">q:{"x" * size}</b:Kind>'
    pump = pump_of(foreign("first", bill, relay), foreign("second", bill, Recorder(respond)))
    (state,) = await outcomes(pump, envelope(THE_BILL.format(kind), to="first"))
    found = payload_of(state).find("{urn:shop}Kind")
    assert found is not None
    assert "urn:q" == found.nsmap["q"]


async def test_instances_of_a_generated_class_come_and_go(bill: str, classes: ModuleType) -> None:
    def more(payload: Any) -> HandlerResponse:
        payload.total += Decimal("0.01")
        return respond(payload)

    recorder = Recorder(more)
    (state,) = await outcomes(
        pump_of(foreign("till", bill, recorder, classes.Bill)), envelope(THE_BILL.format(""), to="till")
    )
    assert isinstance(recorder.payloads[0], classes.Bill)
    assert classes.Bill(number="7", total=Decimal("2.51")) == state.payload
    assert "2.51" == payload_of(state).findtext("{urn:shop}Total")


async def test_an_instance_that_its_schema_forbids_is_no_reply(bill: str, classes: ModuleType) -> None:
    reply = Recorder(lambda _: respond(classes.Bill(number="1", total="much")))
    (state,) = await outcomes(
        pump_of(foreign("till", bill, reply, classes.Bill)), envelope(THE_BILL.format(""), to="till")
    )
    assert ["bad-reply"] == codes([state])


async def test_a_program_asks_with_an_instance_and_with_an_element(bill: str, classes: ModuleType) -> None:
    pump = pump_of(foreign("till", bill, Recorder(respond), classes.Bill))
    async with running(pump):
        asked = classes.Bill(number="7", total=Decimal("2.50"))
        assert asked == await pump.request(asked, timeout_s=5)
        assert asked == await pump.request(etree.fromstring(THE_BILL.format("")), to="till", timeout_s=5)
        with pytest.raises(RequestFailed):
            await pump.request(etree.fromstring(THE_BILL.replace("2.50", "much")), timeout_s=5)
        with pytest.raises(ContractError):
            await pump.request(object(), timeout_s=5)


async def test_own_and_foreign_contracts_under_one_name(bill: str) -> None:
    pump = pump_of(foreign("till", bill, Recorder(respond)))
    pump.register_listener(listener("till", Ping, Recorder(lambda payload: respond(Pong(payload.text)))))
    states = await outcomes(
        pump,
        envelope(THE_BILL.format(""), to="till"),
        envelope("<Ping xmlns=''><Text>x</Text></Ping>", to="TILL"),
    )
    assert ["ok", "ok"] == codes(states)


async def test_broadcast_listeners_get_a_tree_each(bill: str) -> None:
    recorders = [Recorder(respond), Recorder(respond)]
    pump = pump_of(
        *(foreign(f"till.{index}", bill, each, broadcast=True) for index, each in enumerate(recorders))
    )
    states = await outcomes(pump, envelope(THE_BILL.format(""), to="till"))
    assert ["ok", "ok"] == codes(states)
    assert recorders[0].payloads[0] is not recorders[1].payloads[0]
    assert {"b"} == {each.payloads[0].prefix for each in recorders}


def test_a_listener_made_in_code_names_its_schema_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"till: .*there is no file"):
        pump_of(foreign("till", str(tmp_path / "none.xsd"), Recorder()))


def test_listeners_made_in_code_share_what_is_compiled(bill: str) -> None:
    pump = pump_of(foreign("till", bill, Recorder()), foreign("clerk", bill, Recorder()))
    assert pump.listeners["till"].schema is pump.listeners["clerk"].schema


def test_a_second_listener_of_one_name_and_root_is_refused(bill: str) -> None:
    with pytest.raises(ConfigError, match="registered already"):
        pump_of(foreign("till", bill, Recorder()), foreign("Till", bill, Recorder()))


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("Invoice", "UBL-Invoice-2.1-Example.xml"),
        ("Invoice", "UBL-Invoice-2.0-Example-NS4.xml"),
        ("CreditNote", "UBL-CreditNote-2.1-Example.xml"),
        ("DespatchAdvice", "UBL-DespatchAdvice-2.0-Example.xml"),
        ("OrderResponseSimple", "UBL-OrderResponseSimple-2.0-Example.xml"),
        ("Order", "UBL-Order-2.1-Example.xml"),
    ],
)
async def test_the_documents_of_ubl_pass_twice_under_the_default_limits(kind: str, document: str) -> None:
    path = str(ubl(f"xsd/maindoc/UBL-{kind}-2.1.xsd"))
    pump = pump_of(foreign("first", path, relay), foreign("second", path, Recorder(respond)))
    sent = etree.fromstring(ubl(f"documents/{document}").read_bytes())
    (state,) = await outcomes(pump, envelope(etree.tostring(sent, encoding="unicode"), to="first"))
    assert state.error is None
    assert etree.tostring(sent, method="c14n", exclusive=True, with_comments=False) == etree.tostring(
        payload_of(state), method="c14n", exclusive=True
    )


async def test_a_bare_document_keeps_a_prefix_that_only_values_use(bill: str) -> None:
    kind = '<b:Kind xmlns:q="urn:q">q:x</b:Kind>'
    (state,) = await outcomes(
        pump_of(foreign("till", bill, Recorder(respond))), THE_BILL.format(kind).encode()
    )
    found = payload_of(state).find("{urn:shop}Kind")
    assert found is not None
    assert "urn:q" == found.nsmap["q"]
