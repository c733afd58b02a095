"""Schemas for tests, written to a folder; and the real ones of UBL, where they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

UBL = Path(__file__).resolve().parents[3] / "../shared/ubl"
XS = 'xmlns:xs="http://www.w3.org/2001/XMLSchema"'

BILL = f"""\
<xs:schema {XS} targetNamespace="urn:shop" xmlns="urn:shop" elementFormDefault="qualified">
  <xs:element name="Bill">
    <xs:complexType>
      <xs:sequence>
        <xs:element name="Number" type="xs:string"/>
        <xs:element name="Total" type="xs:decimal"/>
        <xs:element name="Kind" type="xs:QName" minOccurs="0"/>
        <xs:element name="Issued" type="xs:date" minOccurs="0"/>
        <xs:any minOccurs="0" namespace="##other" processContents="skip"/>
      </xs:sequence>
      <xs:attribute name="currency" type="xs:string"/>
    </xs:complexType>
  </xs:element>
</xs:schema>
"""


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write schema files, and return the path of the first."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / next(iter(files))


def schema(body: str = "", namespace: str = "urn:a", head: str = "") -> str:
    """Write a schema document."""
    target = f'targetNamespace="{namespace}" xmlns="{namespace}"' if namespace else ""
    return f"<xs:schema {XS} {target} {head}>{body}</xs:schema>"


def element(name: str, type_: str = "xs:string") -> str:
    """Declare an element."""
    return f'<xs:element name="{name}" type="{type_}"/>'


def ubl(path: str) -> Path:
    """Return a file of UBL 2.1; the test is skipped where it is not there."""
    if not (UBL / path).exists():
        pytest.skip(f"UBL 2.1 is not at {UBL}: {path} is missing")
    return UBL / path
