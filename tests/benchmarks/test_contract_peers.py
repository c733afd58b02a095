"""Contracts beside xsdata and pydantic-xml: the same fields, the same document, in the same run.

Floors far below the targets, as in `test_ratios.py`; the table (`pytest -s`) shows the figures themselves: three times
the speed of either peer is aimed at, and with the XSD's validation included, no less than theirs without it.
Lines take turns, and a ratio is the median of those of the rounds. Each reads bytes into an instance and writes an
instance as bytes, by the fastest public way of its package; xsdata reads and writes the very class that is xmlified.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, make_dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from statistics import median
from typing import Any, Final, TypeAlias

import pytest
from lxml import etree
from pydantic_xml import BaseXmlModel, create_model
from pydantic_xml import element as xml_element
from xsdata.formats.dataclass.context import XmlContext
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.parsers.handlers import LxmlEventHandler
from xsdata.formats.dataclass.serializers import XmlSerializer
from xsdata.formats.dataclass.serializers.writers import XmlEventWriter

from agentserver import xmlify
from agentserver.xmlable import contract_of

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(180)]

ROUNDS: Final = 9
TURNS: Final = 4
FIELDS_A_TURN: Final = 4_000

VALUES: Final[Mapping[type, Any]] = {
    str: "some words of text",
    int: 12_345,
    Decimal: Decimal("12.50"),
    bool: True,
    date: date(2024, 2, 29),
}
KINDS: Final = tuple(VALUES)
SHAPES: Final = ("1 field", "20 fields", "200 fields", "200 fields in 40 rows")
PEERS: Final = ("xsdata", "pydantic-xml")

FLOORS: Final = {"plain": 2.0, "validated": 0.7}

Lines: TypeAlias = dict[str, Callable[[], Any]]
"""What does the work once, by the name of the line: ours, ours with the XSD's validation, and those of the peers."""


def names_of(count: int) -> dict[str, type]:
    return {f"field_{number}": KINDS[number % len(KINDS)] for number in range(count)}


def tag_of(name: str) -> str:
    return name.title().replace("_", "")


def ours(name: str, fields: Mapping[str, Any]) -> type[Any]:
    """Make a dataclass that says of itself what xsdata wants to know."""
    made = []
    for each, kind in fields.items():
        metadata = {"name": tag_of(each), "type": "Element"}
        if kind is date:
            metadata["format"] = "%Y-%m-%d"
        is_list = not isinstance(kind, type)
        default: Any = field(default_factory=list, metadata=metadata) if is_list else field(metadata=metadata)
        made.append((each, kind, default))
    return make_dataclass(name, made)


def theirs(name: str, fields: Mapping[str, Any]) -> type[Any]:
    members: Any = {each: (kind, xml_element(tag=tag_of(each))) for each, kind in fields.items()}
    model: type[Any] = create_model(name, __base__=BaseXmlModel, __cls_kwargs__={"tag": name}, **members)
    return model


@dataclass(frozen=True)
class Shape:
    """One document, and the instances of it.

    Args:
        fields: How many fields it has in all.
        instance: Of the dataclass.
        model: Of the pydantic-xml model.
    """

    fields: int
    instance: Any
    model: Any


@cache
def shape_of(name: str) -> Shape:
    if name.endswith("rows"):
        row = names_of(5)
        our_row, their_row = ours("Row", row), theirs("Row", row)
        our_class = xmlify(ours("Table", {"rows": list[our_row]}))  # type: ignore[valid-type]
        their_class = theirs("Table", {"rows": list[their_row]})  # type: ignore[valid-type]
        values = {each: VALUES[kind] for each, kind in row.items()}
        instance = our_class([our_row(**values) for _ in range(40)])
        return Shape(200, instance, their_class(rows=[their_row(**values) for _ in range(40)]))
    fields = names_of(int(name.split()[0]))
    values = {each: VALUES[kind] for each, kind in fields.items()}
    return Shape(len(fields), xmlify(ours("Flat", fields))(**values), theirs("Flat", fields)(**values))


def reading(shape: Shape) -> Lines:
    """Give what reads a document by each line."""
    cls, model = type(shape.instance), type(shape.model)
    contract, tag = contract_of(cls), cls.__name__
    data = etree.tostring(shape.instance.xml_value(tag))
    strict = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    read, schema, parser = (
        contract.read,
        contract.schema,
        XmlParser(context=XmlContext(), handler=LxmlEventHandler),
    )

    def plain() -> Any:
        return read(etree.fromstring(data, strict))

    def validated() -> Any:
        element = etree.fromstring(data, strict)
        assert schema.validate(element)
        return read(element)

    lines: Lines = {
        "plain": plain,
        "validated": validated,
        "xsdata": lambda: parser.from_bytes(data, cls),
        "pydantic-xml": lambda: model.from_xml(data),
    }
    assert [shape.instance, shape.instance, shape.instance, shape.model] == [
        line() for line in lines.values()
    ]
    return lines


def writing(shape: Shape) -> Lines:
    """Give what writes an instance by each line."""
    instance, model, tag = shape.instance, shape.model, type(shape.instance).__name__
    schema = contract_of(type(instance)).schema
    serializer = XmlSerializer(context=XmlContext(), writer=XmlEventWriter)

    def validated() -> bytes:
        element = instance.xml_value(tag)
        assert schema.validate(element)
        return etree.tostring(element)

    lines: Lines = {
        "plain": lambda: etree.tostring(instance.xml_value(tag)),
        "validated": validated,
        "xsdata": lambda: serializer.render(instance).encode(),
        "pydantic-xml": lambda: model.to_xml(),
    }
    assert 1 == len({etree.tostring(etree.fromstring(line()), method="c14n") for line in lines.values()})
    return lines


def in_turns(lines: Mapping[str, Callable[[], Any]], count: int) -> dict[str, list[float]]:
    """Time lines in short turns, round by round, in an order that moves on; the first round warms up and is dropped."""
    names = list(lines)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(ROUNDS):
        gc.collect()
        taken_s = dict.fromkeys(names, 0.0)
        for turn in range(TURNS):
            first = (number + turn) % len(names)
            for name in (*names[first:], *names[:first]):
                line, started = lines[name], time.perf_counter()
                for _ in range(count):
                    line()
                taken_s[name] += time.perf_counter() - started
        if number:
            for name, total_s in taken_s.items():
                seconds[name].append(total_s / TURNS / count)
    return seconds


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Collect rows, and show them at the end, whether anybody captures what tests print or not."""
    rows: list[str] = []
    yield rows
    capture: Any = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print("\n" + "\n".join([HEAD, *rows]))


HEAD: Final = (
    f"{'':30}{'plain':>11}{'validated':>11}{'xsdata':>11}{'pydantic-xml':>14}"
    f"{'plain of x, p':>18}{'validated of x, p':>20}"
)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("work", [reading, writing])
def test_contracts_are_faster_than_their_peers(
    work: Callable[[Shape], Lines], shape: str, table: list[str]
) -> None:
    what = shape_of(shape)
    seconds = in_turns(work(what), max(10, FIELDS_A_TURN // what.fields // TURNS))

    ratios = {
        (line, peer): median(theirs / ours for ours, theirs in zip(seconds[line], seconds[peer], strict=True))
        for line in FLOORS
        for peer in PEERS
    }
    us = "".join(f"{median(each) * 1e6:11,.1f}" for each in seconds.values())
    told = [", ".join(f"{ratios[line, peer]:.1f}" for peer in PEERS) for line in FLOORS]
    table.append(f"{work.__name__ + ', ' + shape:30}{us} us{told[0]:>18}{told[1]:>20}")
    short = {pair: ratio for pair, ratio in ratios.items() if ratio < FLOORS[pair[0]]}
    assert {} == short
