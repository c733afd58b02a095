"""What a document breaks, in words, in time that grows with its size alone."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from lxml import etree

from agentserver.wire import (
    ENVELOPE_NS,
    ParseLimits,
    Schema,
    StrictParser,
    Violation,
    canonical,
    envelope_schema,
    first_violation,
    violations_of,
)
from tests.wire.samples import is_linear, seconds

XS = 'xmlns:xs="http://www.w3.org/2001/XMLSchema"'
LONG = ParseLimits(elements=100_000, message_bytes=1 << 24)


def schema_of(body: str) -> Schema:
    return etree.XMLSchema(etree.fromstring(f"<xs:schema {XS}>{body}</xs:schema>"))


INTS = schema_of(
    '<xs:element name="r"><xs:complexType><xs:sequence>'
    '<xs:element name="n" type="xs:int" maxOccurs="unbounded"/>'
    "</xs:sequence></xs:complexType></xs:element>"
)


def ints(values: str, count: int) -> bytes:
    return b"<r>" + f"<n>{values}</n>".encode() * count + b"</r>"


def violation(schema: Schema, data: bytes) -> Violation | None:
    return first_violation(schema, StrictParser(LONG).parse(data), data)


def test_a_valid_document_breaks_nothing() -> None:
    assert violation(INTS, ints("1", 3)) is None


def test_the_first_violation_is_told_with_its_line() -> None:
    found = violation(INTS, b"<r>\n<n>1</n>\n<n>x</n>\n<n>y</n></r>")
    assert found is not None
    assert ("r/n[2]", 3) == (found.path, found.line)


@pytest.mark.parametrize("count", [3, 9_990])
def test_the_words_are_bounded(count: int) -> None:
    found = violation(INTS, ints("x" * 5_000, 1) if count == 3 else ints("x" * 50, count))
    assert 0 < len(str(found)) <= 500


def test_a_large_valid_document_breaks_nothing() -> None:
    assert violation(INTS, ints("1", 9_990)) is None


@pytest.mark.parametrize("count", [3, 9_990])
@pytest.mark.parametrize("at", [0, 1, -1])
def test_a_large_document_breaks_what_a_small_one_breaks(count: int, at: int) -> None:
    values = [b"<n>1</n>\n"] * count
    values[at] = b"<n>x</n>\n"
    found = violation(INTS, b"<r>\n" + b"".join(values) + b"</r>")
    number = at % count + 1
    assert found is not None
    assert (f"r/n[{number}]", "'x'", number + 1) == (found.path, found.found, found.line)


def test_b21_many_violations_take_linear_time() -> None:
    def validation(count: int) -> Callable[[], object]:
        data = ints("x", count)
        return partial(first_violation, INTS, StrictParser(LONG).parse(data), data)

    assert is_linear(validation, 9_990)


@pytest.mark.parametrize("bad", [[0], [0, 1, 2, 3, 4, 5], [-1], [0, -1]], ids=str)
def test_b21_several_violations_take_linear_time(bad: list[int]) -> None:
    def validation(count: int) -> Callable[[], object]:
        values = ["1"] * count
        for at in bad:
            values[at] = "x"
        data = f"<r>{''.join(f'<n>{value}</n>' for value in values)}</r>".encode()
        return partial(violations_of, INTS, StrictParser(LONG).parse(data), data)

    assert is_linear(validation, 9_990)
    assert seconds(validation(9_990)) < 0.25


def test_many_faults_in_one_envelope_take_linear_time() -> None:
    def validation(count: int) -> Callable[[], object]:
        data = f'<message xmlns="{ENVELOPE_NS}"><meta>{"<from>1</from>" * count}</meta></message>'.encode()
        return partial(first_violation, envelope_schema(), StrictParser(LONG).parse(data))

    assert is_linear(validation, 1_200)


@pytest.mark.parametrize(
    "pattern", ["[A-Za-z][A-Za-z0-9._\\-]*", "(a|aa)+b", "(.*a){10}", "(a+)+b", "([ab]*c?)*d"]
)
@pytest.mark.parametrize("size", [10, 1_000, 20_000])
def test_b22_patterns_give_a_verdict_for_long_input(pattern: str, size: int) -> None:
    schema = schema_of(
        '<xs:element name="r"><xs:simpleType><xs:restriction base="xs:string">'
        f'<xs:pattern value="{pattern}"/></xs:restriction></xs:simpleType></xs:element>'
    )
    found = violation(schema, b"<r>" + b"a" * size + b"!</r>")
    assert found is not None
    assert "r" == found.path


def named(size: int) -> bytes:
    meta = f"<meta><from>{'a' * size}</from></meta>"
    return f'<message xmlns="{ENVELOPE_NS}">{meta}<p xmlns=""/></message>'.encode()


@pytest.mark.parametrize(("size", "valid"), [(64, True), (65, False), (100_000, False)])
def test_b22_names_of_the_envelope(size: int, valid: bool) -> None:
    assert valid is (violation(envelope_schema(), named(size)) is None)


def test_b22_names_of_the_envelope_are_judged_in_linear_time() -> None:
    schema = envelope_schema()
    assert is_linear(lambda size: partial(violation, schema, named(size)), 100_000)


def test_a_part_of_a_tree_is_validated_by_itself() -> None:
    root = StrictParser().parse(b"<envelope><r><n>1</n></r></envelope>")
    assert first_violation(INTS, root[0]) is None
    assert first_violation(INTS, root[0], canonical(root[0])) is None
    assert first_violation(INTS, root) is not None


def test_the_schema_is_found_from_any_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert isinstance(envelope_schema(), etree.XMLSchema)
