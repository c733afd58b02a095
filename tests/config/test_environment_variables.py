"""`${VAR}` is expanded in values alone, where it is allowed, and cannot add structure."""

from collections.abc import Callable

import pytest

from agentserver.config import OrganismConfig

Load = Callable[..., OrganismConfig]
FaultsOf = Callable[..., list[tuple[int, int, str]]]

LISTENERS = "listeners: [{name: a, payload_class: shop.tools.Order, handler: shop.tools.take}]\n"
NOT_ALLOWED = "${...} is not expanded; allow it by `env: true` or --allow-env, or write $${ for a literal ${"


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_NAME", "corner")
    monkeypatch.setenv("SHOP_PORT", "9001")
    monkeypatch.setenv("SHOP_EMPTY", "")
    monkeypatch.setenv("SHOP_NESTED", "${SHOP_NAME}")
    monkeypatch.setenv("SHOP_YAML", "{x: [1, 2]}")
    monkeypatch.setenv("SHOP_SECRET", "s3cret")
    monkeypatch.setenv("SHOP_ODD", "a\x01")
    monkeypatch.delenv("SHOP_UNSET", raising=False)


def named(value: str) -> str:
    return f"organism:\n  name: {value}\n{LISTENERS}"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("${SHOP_NAME}", "corner"),
        ('"${SHOP_NAME}"', "corner"),
        ("the ${SHOP_NAME} of ${SHOP_NAME}", "the corner of corner"),
        ("${SHOP_UNSET:-fallback}", "fallback"),
        ("${SHOP_EMPTY:-fallback}", "fallback"),
        ("${SHOP_NAME:-fallback}", "corner"),
        ("a${SHOP_UNSET:-}", "a"),
        ("a${SHOP_EMPTY}", "a"),
        ("$${SHOP_NAME}", "${SHOP_NAME}"),
        ("$${", "${"),
        ("$SHOP_NAME", "$SHOP_NAME"),
        ("${SHOP_NESTED}", "${SHOP_NAME}"),
        ("${SHOP_YAML}", "{x: [1, 2]}"),
        ('"${SHOP_PORT}"', "9001"),
    ],
)
def test_expansion(written: str, expected: str, load: Load) -> None:
    assert expected == load(named(written), allow_env=True).name


def test_expanded_plain_value_is_typed_again(load: Load) -> None:
    text = f"organism:\n  name: a\n  port: ${{SHOP_PORT}}\n{LISTENERS}"
    assert load(text, allow_env=True).port == 9001


def test_expanded_quoted_value_stays_text(faults_of: FaultsOf) -> None:
    text = f'organism:\n  name: a\n  port: "${{SHOP_PORT}}"\n{LISTENERS}'
    expected = [(3, 9, "organism.port: found what '${SHOP_PORT}' expands to, expected a whole number")]
    assert expected == faults_of(text, allow_env=True)


def test_expanded_number_is_no_text(faults_of: FaultsOf) -> None:
    expected = "organism.name: found what '${SHOP_PORT}' expands to, expected text; put it in quotes"
    assert [(2, 9, expected)] == faults_of(named("${SHOP_PORT}"), allow_env=True)


def test_file_may_allow_it(load: Load) -> None:
    assert load("env: true\n" + named("${SHOP_NAME}")).name == "corner"


@pytest.mark.parametrize("head", ["", "env: false\n"])
def test_not_allowed_is_a_fault(head: str, faults_of: FaultsOf) -> None:
    line = 2 + head.count("\n")
    assert [(line, 9, NOT_ALLOWED)] == faults_of(head + named("${SHOP_NAME}"))


def test_a_quoted_true_does_not_allow_it(faults_of: FaultsOf) -> None:
    expected = [
        (1, 6, "env: found 'true', expected true or false; remove the quotes"),
        (3, 9, NOT_ALLOWED),
    ]
    assert expected == faults_of('env: "true"\n' + named("${SHOP_NAME}"))


def test_escape_needs_no_permission(load: Load) -> None:
    assert load(named("$${SHOP_NAME}")).name == "${SHOP_NAME}"


def test_unset_variable_is_a_fault(faults_of: FaultsOf) -> None:
    expected = "the environment variable SHOP_UNSET is not set; set it, or write ${SHOP_UNSET:-default}"
    assert [(2, 9, expected)] == faults_of(named("${SHOP_UNSET}"), allow_env=True)


@pytest.mark.parametrize("allow_env", [True, False])
def test_reference_that_is_not_closed_is_a_fault(allow_env: bool, faults_of: FaultsOf) -> None:
    message = "'${SHOP_NAME' is not closed; add a }, or write $${ for a literal ${"
    expected = message if allow_env else NOT_ALLOWED
    assert [(2, 9, expected)] == faults_of(named('"${SHOP_NAME"'), allow_env=allow_env)


@pytest.mark.parametrize("reference", ["${}", "${1A}", "${A B}", "${A-b}", "${:-x}"])
def test_reference_to_no_name_is_a_fault(reference: str, faults_of: FaultsOf) -> None:
    expected = f"'{reference}' names no variable; write ${{NAME}} or ${{NAME:-default}}"
    assert [(2, 9, expected)] == faults_of(named(f'"{reference}"'), allow_env=True)


def test_keys_are_not_expanded(faults_of: FaultsOf) -> None:
    expected = [(1, 1, "unknown key '${SHOP_NAME}'")]
    assert expected == faults_of('"${SHOP_NAME}": 1\n' + named("a"), allow_env=True)


def test_unset_variable_hides_no_other_fault(faults_of: FaultsOf) -> None:
    text = f"organism:\n  name: ${{SHOP_UNSET}}\n  port: 0\n{LISTENERS}"
    expected = [(2, 9), (3, 9)]
    assert expected == [(line, column) for line, column, _ in faults_of(text, allow_env=True)]


def test_messages_do_not_show_what_a_variable_holds(faults_of: FaultsOf) -> None:
    text = f"organism:\n  name: a\n  port: ${{SHOP_SECRET}}\nqueue: ${{SHOP_SECRET}}\n{LISTENERS}"
    assert [text for _, _, text in faults_of(text, allow_env=True) if "s3cret" in text] == []


def test_character_that_xml_forbids_is_a_fault(faults_of: FaultsOf) -> None:
    expected = "expands to a text with the character '\\x01', which XML cannot hold"
    assert [(2, 9, expected)] == faults_of(named("${SHOP_ODD}"), allow_env=True)


def test_reference_inside_braces_gets_a_remedy(faults_of: FaultsOf) -> None:
    [(line, _, message)] = faults_of(f"organism: {{name: ${{SHOP_NAME}}}}\n{LISTENERS}", allow_env=True)
    remedy = "inside { } and [ ] write ${VAR} in quotes, or use one line per key"
    assert (line, message.endswith(remedy)) == (1, True)


def test_a_default_that_holds_another_reference_is_refused(faults_of: FaultsOf) -> None:
    ((line, column, message),) = faults_of("env: true\n" + named("${SHOP_UNSET:-${SHOP_NAME}}"))
    assert (line, column, "holds another reference" in message) == (3, 9, True)
