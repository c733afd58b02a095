"""Hostile and mistaken YAML gives faults, and what is not true or false is no boolean."""

from collections.abc import Callable

import pytest

from agentserver.config import ConfigLoader, OrganismConfig
from agentserver.errors import ConfigError

Load = Callable[..., OrganismConfig]

LISTENERS = "listeners: [{name: a, payload_class: shop.tools.Order, handler: shop.tools.take}]\n"


def only_fault(text: str) -> tuple[int, int, str]:
    with pytest.raises(ConfigError) as caught:
        ConfigLoader.loads(text)
    [fault] = caught.value.faults
    return fault.line, fault.column, fault.message


def faults_in(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        ConfigLoader.loads(text)
    return [f"{fault.line}:{fault.column}: {fault.message}" for fault in caught.value.faults]


def test_syntax_error_has_its_place() -> None:
    expected = (2, 3, "not YAML: while parsing a flow node, expected the node content, but found '}'")
    assert expected == only_fault("a: [\n  }\n")


def test_tab_gets_a_remedy() -> None:
    assert only_fault("a:\n\tb: 1\n")[2].endswith("; indent with spaces, not tabs")


@pytest.mark.parametrize("text", ["", "# nothing\n", "\n\n"])
def test_empty_file(text: str) -> None:
    expected = (1, 1, "the file is empty; it needs at least 'organism' and 'listeners'")
    assert expected == only_fault(text)


def test_top_level_that_is_no_mapping() -> None:
    assert only_fault("- a\n") == (1, 1, "found a list, expected a mapping (key: value)")


def test_second_document() -> None:
    expected = (2, 1, "a second document begins here; one file holds one organism")
    assert expected == only_fault("a: 1\n---\nb: 1\n")


def test_duplicate_key_has_the_place_of_the_second() -> None:
    expected = "2:3: duplicate key 'a'; the first is on line 1"
    assert expected in faults_in("{ a: 1,\n  a: 2}\n")


def test_list_as_a_key() -> None:
    assert "1:3: a list or a mapping cannot be a key; write a plain word" in faults_in("? [a, b]\n: 1\n")


@pytest.mark.parametrize("tag", ["python/object/apply:os.system", "python/name:os.system", "int", "binary"])
def test_tags_are_refused(tag: str) -> None:
    expected = f"1:18: the tag 'tag:yaml.org,2002:{tag}' is not allowed; remove it"
    assert expected in faults_in(f"organism: {{name: !!{tag} [x]}}\n")


def test_merge_keys_are_unknown_keys() -> None:
    assert "2:1: unknown key '<<'" in faults_in("organism: &o {name: a}\n<<: *o\n")


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_a_fault(opening: str) -> None:
    assert only_fault(opening * 5_000)[2] == "nested deeper than 16 levels"


def test_deep_nesting_by_aliases_is_a_fault() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 40)]
    expected = (16, 12, "nested deeper than 16 levels once aliases are expanded")
    assert expected == only_fault("\n".join(lines))


def test_alias_bomb_is_a_fault() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    line, _, message = only_fault("\n".join(lines))
    assert (line, message) == (6, "more than 200000 values once aliases are expanded")


def test_alias_of_itself_is_a_fault() -> None:
    expected = (1, 8, "the alias *a stands for nothing that is complete before it")
    assert expected == only_fault("a: &a [*a]\n")


def test_aliases_are_expanded(load: Load) -> None:
    text = """\
organism: {name: shop}
listeners:
  - {name: a, payload_class: shop.tools.Order, handler: shop.tools.take, peers: &all [a, b]}
  - {name: b, payload_class: shop.tools.Order, handler: shop.tools.take, peers: *all}
"""
    assert [listener.peers for listener in load(text).listeners] == [["a", "b"], ["a", "b"]]


@pytest.mark.parametrize(
    "word", ["no", "yes", "on", "off", "y", "n", "No", "ON", "22:22", "2024-01-01", "1_000"]
)
def test_what_yaml_1_1_would_convert_is_text(word: str, load: Load) -> None:
    assert word == load(f"organism: {{name: {word}}}\n{LISTENERS}").name


@pytest.mark.parametrize(
    ("written", "number"), [("80", 80), ("+80", 80), ("0x50", 80), ("0o120", 80), ("0080", 80)]
)
def test_integers_of_the_core_schema(written: str, number: int, load: Load) -> None:
    assert number == load(f"organism: {{name: a, port: {written}}}\n{LISTENERS}").port


@pytest.mark.parametrize(
    ("written", "number"), [("1.5", 1.5), ("2", 2.0), (".5", 0.5), ("1e1", 10.0), ("3.", 3.0)]
)
def test_floats_of_the_core_schema(written: str, number: float, load: Load) -> None:
    config = load(f"organism: {{name: a}}\nlimits: {{handler_timeout_s: {written}}}\n{LISTENERS}")
    assert number == config.limits.handler_timeout_s


@pytest.mark.parametrize("number", [".inf", "-.inf", ".nan", "1e999"])
def test_numbers_that_are_not_finite_are_faults(number: str) -> None:
    text = f"organism: {{name: a}}\nlimits:\n  drain_timeout_s: {number}\n{LISTENERS}"
    assert [
        fault for fault in faults_in(text) if fault.startswith("3:20: limits.drain_timeout_s: found ")
    ] != []


def test_number_of_5000_digits_is_a_fault() -> None:
    text = f"organism: {{name: a, port: {'9' * 5_000}}}\n{LISTENERS}"
    expected = f"1:27: organism.port: found '{'9' * 59}…', expected a whole number"
    assert expected in faults_in(text)


@pytest.mark.parametrize("text", ['a: "\\Uffffffff"\n', f"%YAML {'1' * 5_000}.1\n--- a\n"])
def test_what_pyyaml_stumbles_over_is_a_fault(text: str) -> None:
    assert only_fault(text)[2] == "not YAML: a number or an escape is out of range"


def test_character_that_yaml_forbids() -> None:
    expected = (2, 4, "the character '\\x00' is not allowed in YAML; remove it")
    assert expected == only_fault("a: 1\nb: \0\n")


def test_escaped_character_that_xml_forbids() -> None:
    text = f'organism: {{name: "a\\x01"}}\n{LISTENERS}'
    assert "1:18: the character '\\x01' cannot stand in XML; remove it" in faults_in(text)


def test_lone_surrogate_is_a_fault() -> None:
    text = f'organism: {{name: "a\\ud800"}}\n{LISTENERS}'
    assert "1:18: the character '\\ud800' cannot stand in XML; remove it" in faults_in(text)
