"""Whatever the text, reading it gives a configuration or a `ConfigError`, and nothing else."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from agentserver.config import ConfigLoader, OrganismConfig
from agentserver.errors import ConfigError

PIECES = st.sampled_from(
    [
        *("organism", "name", "port", "env", "queue", "limits", "depth", "pipeline", "step", "listeners"),
        *("payload_class", "handler", "handles", "peers", "broadcast", "agent", "description", "true", "1"),
        *(": ", "- ", "\n", "\n  ", "\n    ", "[", "]", "{", "}", ", ", '"', "'", "|", ">", "? ", "#", "\t"),
        *(
            "&a ",
            "*a",
            "!!python/object ",
            "!x",
            "%YAML 1.1\n",
            "---\n",
            "...\n",
            "<<",
            "${",
            "${HOME}",
            "$${",
        ),
        *(
            "\\U0010ffff",
            "\\Uffffffff",
            "\\x",
            "\0",
            "\ud800",
            "\u2028",
            "\x85",
            "\ufeff",
            "\r",
            "0x",
            ".nan",
        ),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def outcome(text: str, *, allow_env: bool = False) -> bool:
    """Read `text`; True when it gave a configuration, or at least one fault that can be written out."""
    try:
        config: object = ConfigLoader.loads(text, allow_env=allow_env)
    except ConfigError as exc:
        return bool(exc.faults) and bool(str(exc).encode("utf-8"))
    return isinstance(config, OrganismConfig)


@given(st.text(max_size=300))
@settings(max_examples=100, deadline=None, database=None)
def test_any_text(text: str) -> None:
    assert outcome(text)


@given(st.lists(PIECES, max_size=60), st.booleans())
@settings(max_examples=300, deadline=None, database=None)
def test_any_pieces_of_yaml(pieces: list[str], allow_env: bool) -> None:
    assert outcome("".join(pieces), allow_env=allow_env)


@given(st.sampled_from(["organism", "env", "limits", "pipeline", "listeners", "repair", "queue"]), VALUES)
@settings(max_examples=150, deadline=None, database=None)
def test_any_value_under_any_key(key: str, value: object) -> None:
    assert outcome(f"{key}: {json.dumps(value, ensure_ascii=False)}\n")


@given(st.dictionaries(st.sampled_from(["name", "handles", "peers", "agent", "broadcast", "x"]), VALUES))
@settings(max_examples=150, deadline=None, database=None)
def test_any_listener(listener: dict[str, object]) -> None:
    assert outcome(f"organism: {{name: a}}\nlisteners: [{json.dumps(listener, ensure_ascii=False)}]\n")
