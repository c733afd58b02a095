"""Schemas written in short, and what is read from them in short."""

from __future__ import annotations

from lxml import etree

from agentserver.xmlable.outline import Content, Field, Record, Text, Variants
from agentserver.xmlable.xsd_reader import read_outline


def schema(body: str, **attributes: str) -> etree._Element:
    """Make a schema whose prefix for XSD is x, and for its target namespace, if it has one, t."""
    target = attributes.get("targetNamespace", "")
    own = f'xmlns:t="{target}"' if target else ""
    attributes_said = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    return etree.fromstring(
        f'<x:schema xmlns:x="http://www.w3.org/2001/XMLSchema" {own} {attributes_said}>{body}</x:schema>'
    )


def read(body: str, root: str = "R", **attributes: str) -> Field:
    return read_outline([schema(body, **attributes)], root)


def record_of(field: Field) -> Record:
    assert isinstance(field.content, Record)
    return field.content


def read_type(body: str, rest: str = "") -> Record:
    """Read the content of an element with a complex type of this body."""
    field = read(f'<x:element name="R"><x:complexType>{body}</x:complexType></x:element>{rest}')
    assert isinstance(field.content, Record)
    return field.content


def read_simple(body: str, rest: str = "") -> Text:
    field = read(f'<x:element name="R"><x:simpleType>{body}</x:simpleType></x:element>{rest}')
    assert isinstance(field.content, Text)
    return field.content


def shown(content: Content) -> list[str]:
    """Give the fields as `Name`, `@name`, with the occurrences of DTDs."""
    fields = (
        content.members
        if isinstance(content, Variants)
        else content.fields
        if isinstance(content, Record)
        else []
    )
    signs = {(1, 1): "", (0, 1): "?", (0, None): "*", (1, None): "+"}
    return [
        ("@" if field.attribute else "")
        + field.tag
        + signs.get((field.least, field.most), f"{field.least}-{field.most}")
        for field in fields
    ]
