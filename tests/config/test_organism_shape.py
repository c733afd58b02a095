"""Every key has one type and bounds, and what breaks them is told in plain words with its place."""

import dataclasses
from collections.abc import Callable

import pytest

from agentserver.config import Limits, OrganismConfig

Load = Callable[..., OrganismConfig]
FaultsOf = Callable[..., list[tuple[int, int, str]]]

ORGANISM = "organism: {name: shop}\n"
LISTENERS = "listeners: [{name: a, payload_class: shop.tools.Order, handler: shop.tools.take}]\n"


def listener(extra: str) -> str:
    return f"""\
{ORGANISM}listeners:
  - name: a
    payload_class: shop.tools.Order
    handler: shop.tools.take
    {extra}
"""


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("organism: {port: 1}", 11, "organism: missing key 'name'"),
        ("organism: shop", 11, "organism: found 'shop', expected a mapping (key: value)"),
        ('organism: {name: ""}', 18, "organism.name: found '', expected text that is not empty"),
        ("organism: {name: 7}", 18, "organism.name: found 7, expected text; put it in quotes"),
        ("organism: {name: a, port: 0}", 27, "organism.port: found 0, expected at least 1"),
        ("organism: {name: a, port: 65536}", 27, "organism.port: found 65536, expected at most 65535"),
        ("organism: {name: a, port: 8.5}", 27, "organism.port: found 8.5, expected a whole number"),
        ("organism: {name: a, port: true}", 27, "organism.port: found true, expected a whole number"),
        (
            'organism: {name: a, port: "80"}',
            27,
            "organism.port: found '80', expected a whole number; remove the quotes",
        ),
        (
            "organism: {name: a, identity: ~}",
            31,
            "organism.identity: found nothing, expected text; put it in quotes",
        ),
        ("organism: {name: a, limits: {}}", 21, "organism: unknown key 'limits'"),
        ("organism: {name: a, idenity: k}", 21, "organism: unknown key 'idenity'; did you mean 'identity'?"),
    ],
)
def test_faults_of_the_organism(line: str, column: int, message: str, faults_of: FaultsOf) -> None:
    assert [(1, column, message)] == faults_of(f"{line}\n{LISTENERS}")


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("max_concurrent_handlers: 0", 26, "max_concurrent_handlers: found 0, expected at least 1"),
        (
            "max_concurrent_pipelines: 10001",
            27,
            "max_concurrent_pipelines: found 10001, expected at most 10000",
        ),
        ("qeue: x", 1, "unknown key 'qeue'; did you mean 'queue'?"),
        ("port: 80", 1, "unknown key 'port'; it belongs under 'organism'"),
        ("repair: on", 9, "repair: found 'on', expected 'off', 'safe' or 'recover'"),
        ("env: yes", 6, "env: found 'yes', expected true or false"),
        ("queue: [a]", 8, "queue: found a list, expected text"),
        ("limits: 5", 9, "limits: found 5, expected a mapping (key: value)"),
        ("limits: {dept: 5}", 10, "limits: unknown key 'dept'; did you mean 'depth'?"),
        ("limits: {depth: 257}", 17, "limits.depth: found 257, expected at most 256"),
        ("limits: {depth: 3}", 17, "limits.depth: found 3, expected at least 4"),
        ("limits: {hops: ten}", 16, "limits.hops: found 'ten', expected a whole number"),
        ("limits: {drain_timeout_s: 0}", 27, "limits.drain_timeout_s: found 0, expected more than 0"),
        ("limits: {drain_timeout_s: soon}", 27, "limits.drain_timeout_s: found 'soon', expected a number"),
        ('queue: ""', 8, "queue: found '', expected text that is not empty"),
        ("pipeline: {}", 11, "pipeline: found a mapping, expected a list"),
        ("pipeline: [x]", 12, "pipeline[0]: found 'x', expected a mapping (key: value)"),
        ("pipeline: [{before: c14n}]", 12, "pipeline[0]: missing key 'step'"),
    ],
)
def test_faults_at_the_top(line: str, column: int, message: str, faults_of: FaultsOf) -> None:
    assert [(2, column, message)] == faults_of(f"{ORGANISM}{line}\n{LISTENERS}")


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("agent: yes", 12, "listeners[0].agent: found 'yes', expected true or false"),
        ("broadcast: 1", 16, "listeners[0].broadcast: found 1, expected true or false"),
        ("peers: a", 12, "listeners[0].peers: found 'a', expected a list"),
        ("peers:", 11, "listeners[0].peers: found nothing, expected a list"),
        ("peers: [a, 1]", 16, "listeners[0].peers[1]: found 1, expected text; put it in quotes"),
        ("description: 5", 18, "listeners[0].description: found 5, expected text; put it in quotes"),
        ("desciption: x", 5, "listeners[0]: unknown key 'desciption'; did you mean 'description'?"),
        ("is_agent: true", 5, "listeners[0]: unknown key 'is_agent'; did you mean 'agent'?"),
    ],
)
def test_faults_of_a_listener(line: str, column: int, message: str, faults_of: FaultsOf) -> None:
    assert [(6, column, message)] == faults_of(listener(line))


def test_near_choice_is_suggested(faults_of: FaultsOf) -> None:
    expected = (
        "thread_scheduling: found 'depth', expected 'breadth-first' or 'depth-first'; "
        "did you mean 'depth-first'?"
    )
    assert [(2, 20, expected)] == faults_of(f"{ORGANISM}thread_scheduling: depth\n{LISTENERS}")


@pytest.mark.parametrize("name", ["a", "A.b-c_d9", "x" * 64])
def test_good_listener_names(name: str, load: Load) -> None:
    assert name == load(listener("").replace("name: a", f"name: {name}")).listeners[0].name


@pytest.mark.parametrize("name", ["9a", "-a", "a b", "a/b", "a<", "é", "x" * 65])
def test_bad_listener_names(name: str, faults_of: FaultsOf) -> None:
    shown = name if len(name) < 60 else f"{name[:59]}…"
    wanted = "a letter, then up to 63 letters, digits, '.', '_' or '-'"
    message = f"listeners[0].name: found '{shown}', expected {wanted}"
    assert [(3, 11, message)] == faults_of(listener("").replace("name: a", f"name: {name}"))


@pytest.mark.parametrize(("line", "column"), [("", 1), ("listeners: []\n", 12)])
def test_no_listeners(line: str, column: int, faults_of: FaultsOf) -> None:
    text = f"{ORGANISM}{line}"
    expected = [(2 if line else 1, column, "no listeners; an organism needs at least one")]
    assert expected == faults_of(text)


def test_unknown_key_of_a_pair(faults_of: FaultsOf) -> None:
    text = f"""\
{ORGANISM}listeners:
  - name: a
    handles:
      - {{payload_class: shop.tools.Order, handler: shop.tools.take, peer: x}}
"""
    assert faults_of(text) == [(5, 69, "listeners[0].handles[0]: unknown key 'peer'")]


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Limits)])
def test_every_limit_can_be_given(name: str, load: Load) -> None:
    config = load(f"{ORGANISM}limits: {{{name}: 256}}\n{LISTENERS}")
    assert dataclasses.replace(Limits(), **{name: 256}) == config.limits


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Limits)])
@pytest.mark.parametrize("value", [-1, 10**12])
def test_every_limit_has_bounds(name: str, value: int, faults_of: FaultsOf) -> None:
    [(line, _, message)] = faults_of(f"{ORGANISM}limits: {{{name}: {value}}}\n{LISTENERS}")
    assert (line, message.startswith(f"limits.{name}: found {value}, expected ")) == (2, True)
