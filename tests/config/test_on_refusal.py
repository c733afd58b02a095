"""`on_refusal` of a listener, and `feedback` of the organism: who is told of what failed, and how often."""

from collections.abc import Callable

import pytest

from agentserver.config import OrganismConfig
from agentserver.errors import ConfigError

Load = Callable[..., OrganismConfig]
FaultsOf = Callable[..., list[tuple[int, int, str]]]


def organism(on_refusal: str = "shop.tools.take_more", feedback: str = "3") -> str:
    return f"""\
organism: {{name: shop}}
feedback: {feedback}
listeners:
  - name: a
    payload_class: shop.tools.Order
    handler: shop.tools.take
    on_refusal: {on_refusal}
"""


def test_the_function_is_imported(load: Load) -> None:
    (listener,) = load(organism()).listeners
    assert listener.on_refusal is not None
    assert ("shop.tools.take_more", "take_more") == (listener.on_refusal_path, listener.on_refusal.__name__)


def test_feedback_is_read(load: Load) -> None:
    assert [0, 5] == [load(organism(feedback=count)).feedback for count in ("0", "5")]


def test_feedback_is_three_when_nothing_is_said() -> None:
    assert 3 == OrganismConfig("shop").feedback


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shop.tools.took", "has no 'took'"),
        ("shop.tools.Order", "'shop.tools.Order' is a class; on_refusal is a function (payload, metadata)"),
        ("shop.tools.take_one", "'shop.tools.take_one' cannot be called with 2 arguments"),
    ],
)
def test_what_cannot_be_called_is_told_with_its_place(name: str, message: str, faults_of: FaultsOf) -> None:
    ((line, column, told),) = faults_of(organism(name))
    assert (7, 17) == (line, column)
    assert message in told


@pytest.mark.parametrize(
    ("count", "message"),
    [("-1", "found -1, expected at least 0"), ("101", "found 101, expected at most 100")],
)
def test_feedback_has_bounds(count: str, message: str, faults_of: FaultsOf) -> None:
    assert [(2, 11, f"feedback: {message}")] == faults_of(organism(feedback=count))


def test_core_messages_are_taken_with_on_refusal_alone(faults_of: FaultsOf) -> None:
    text = organism().replace("shop.tools.Order", "agentserver.core.Huh")
    assert [(5, 20, "'agentserver.core.Huh' is taken with 'on_refusal' alone")] == faults_of(text)


def test_in_code_feedback_is_checked_too() -> None:
    with pytest.raises(ConfigError, match="feedback: found -1, expected a whole number of at least 0"):
        OrganismConfig("shop", feedback=-1)
