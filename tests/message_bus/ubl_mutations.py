"""Real UBL documents, and what they are after one element was removed, renamed, moved, doubled or retyped.

The documents and the schemas stand beside the project, in ../shared/ubl. What is forbidden is asked of libxml2
directly, with the bytes alone and no part of AgentServer in between.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from lxml import etree

from agentserver import RawXml

UBL = Path(__file__).resolve().parents[2].parent / "shared" / "ubl"
SCHEMAS, DOCUMENTS = UBL / "xsd", UBL / "documents"
NAMES = (
    "UBL-CreditNote-2.1-Example",
    "UBL-DespatchAdvice-2.0-Example",
    "UBL-Invoice-2.0-Example-NS4",
    "UBL-Invoice-2.1-Example",
    "UBL-Order-2.1-Example",
    "UBL-OrderResponseSimple-2.0-Example",
)

needs_ubl = pytest.mark.skipif(
    not (SCHEMAS / "maindoc").is_dir() or not DOCUMENTS.is_dir(),
    reason=f"the UBL schemas and documents are missing: {UBL}/xsd and {UBL}/documents are looked for",
)


def remove(element: RawXml) -> None:
    parent = element.getparent()
    assert parent is not None
    _keep_lines(element)
    parent.remove(element)


def rename(element: RawXml) -> None:
    namespace, _, local = str(element.tag).rpartition("}")
    element.tag = f"{namespace}}}{local}Renamed"


def move(element: RawXml) -> None:
    """Put an element behind its last sibling; the last one, and what stands behind others of its name, first."""
    parent = element.getparent()
    assert parent is not None
    first = parent.index(element) if element.getnext() is None else -1
    _keep_lines(element)
    element.tail = "\n"
    parent.insert(0 if first >= 0 else len(parent), element)


def double(element: RawXml) -> None:
    twin = deepcopy(element)
    twin.tail = "\n"
    element.addprevious(twin)


def retype(element: RawXml) -> None:
    """Give a text where numbers, dates, codes or elements belong, and an element where there is a text alone."""
    if len(element):
        element[0].tail = "text"
    elif (element.text or "").strip().isalpha():
        etree.SubElement(element, "Element")
    else:
        element.text = "?"


def change_attribute(element: RawXml) -> None:
    """Take the first attribute away, or, every other time, call it something else."""
    name, value = next(iter(element.attrib.items()))
    del element.attrib[name]
    if len(str(value)) % 2:
        element.set(f"{name!s}Renamed", value)


def _keep_lines(element: RawXml) -> None:
    """Hand the white space behind an element on to whoever stands before it, so that other lines stay as they are."""
    before, parent = element.getprevious(), element.getparent()
    assert parent is not None
    if before is not None:
        before.tail = (before.tail or "") + (element.tail or "")
    else:
        parent.text = (parent.text or "") + (element.tail or "")
    element.tail = None


MUTATIONS: MappingProxyType[str, Callable[[RawXml], None]] = MappingProxyType(
    {"removed": remove, "renamed": rename, "moved": move, "doubled": double, "retyped": retype}
)


@dataclass(frozen=True)
class Mutant:
    """A document after one change.

    Args:
        data: Its bytes.
        tag: Name of the element that was changed.
        allowed: Whether its XSD still allows it.
        line: Where libxml2 finds it at fault.
        path: The same as a path of local names, with numbers where there are several.
    """

    data: bytes
    tag: str
    allowed: bool
    line: int
    path: str


@cache
def schema_of(name: str) -> etree.XMLSchema:
    kind = name.split("-")[1]
    return etree.XMLSchema(etree.parse(SCHEMAS / "maindoc" / f"UBL-{kind}-2.1.xsd"))


def original(name: str) -> bytes:
    return (DOCUMENTS / f"{name}.xml").read_bytes()


@cache
def mutants(name: str, mutation: str, wanted: int) -> tuple[Mutant, ...]:
    """Change each element below the root in turn; of more than `wanted`, so many at even distances."""
    return tuple(_mutants(name, mutation, wanted))


def attribute_mutants(name: str) -> list[Mutant]:
    """Change the first attribute of each element that has one."""
    data = original(name)
    bearers = [
        number for number, each in enumerate(etree.fromstring(data, _parser()).iter("*")) if each.attrib
    ]
    changed = []
    for number in bearers:
        root = etree.fromstring(data, _parser())
        change_attribute(list(root.iter("*"))[number])
        changed.append(judged(name, etree.tostring(root, encoding="UTF-8", xml_declaration=True)))
    return changed


def _mutants(name: str, mutation: str, wanted: int) -> Iterator[Mutant]:
    data = original(name)
    count = sum(1 for _ in etree.fromstring(data, _parser()).iter("*")) - 1
    step = max(1, count // wanted)
    for number in range(1, count + 1, step):
        root = etree.fromstring(data, _parser())
        element = list(root.iter("*"))[number]
        MUTATIONS[mutation](element)
        yield judged(name, etree.tostring(root, encoding="UTF-8", xml_declaration=True), str(element.tag))


def judged(name: str, data: bytes, tag: str = "") -> Mutant:
    """Ask libxml2 about a document."""
    root = etree.fromstring(data, _parser())
    schema = schema_of(name)
    if schema.validate(root):
        return Mutant(data, tag, True, 0, "")
    log: Any = schema.error_log  # the stubs know no index
    first = log[0]
    return Mutant(data, tag, False, first.line, _path(root, first))


def _parser() -> etree.XMLParser:
    return etree.XMLParser(remove_comments=True, remove_pis=True)


def _path(root: RawXml, error: etree._LogEntry) -> str:
    """Write the place of an error as the gate does, from the path that libxml2 gives."""
    node = _element_at(root, str(error.path))
    steps: list[str] = []
    for each in [node, *node.iterancestors()]:
        parent = each.getparent()
        alike = [] if parent is None else [sibling for sibling in parent if sibling.tag == each.tag]
        steps.insert(
            0, etree.QName(each).localname + (f"[{alike.index(each) + 1}]" if len(alike) > 1 else "")
        )
    if named := re.search(r"attribute '([^']+)'", str(error.message)):
        steps.append(f"@{named[1].rpartition('}')[2]}")
    return "/".join(steps)


def _element_at(root: RawXml, path: str) -> RawXml:
    """Follow libxml2's path by prefixes as they are written: one of the documents binds them anew further down."""
    node = root
    for step in path.split("/")[2:]:
        name, _, number = step.partition("[")
        alike = [child for child in node if name in ("*", _written(child))]
        node = alike[int(number.rstrip("]") or 1) - 1]
    return node


def _written(element: RawXml) -> str:
    local = etree.QName(element).localname
    return f"{element.prefix}:{local}" if element.prefix else local
