"""Hardened reading of YAML text: parse it, and tell every way in which it is none as a fault.

With `tree_builder` the only place that knows PyYAML. Takes text of a bounded length, gives a `Document`,
raises `ConfigError` and nothing else. Values stay as they are written; `values` reads them.
"""

from __future__ import annotations

from collections.abc import Callable

import yaml

from agentserver.config.fault_log import FaultLog
from agentserver.config.source import check_length, line_and_column
from agentserver.config.tree import Document, Node, Place
from agentserver.config.tree_builder import TreeBuilder, place_of

_EMPTY = "the file is empty; it needs at least 'organism' and 'listeners'"


def read_yaml(text: str, faults: FaultLog) -> Document:
    """Parse one YAML document.

    Args:
        text: The document, at most `MAX_FILE_BYTES` long.
        faults: Takes the faults with which reading can go on, as duplicate keys and tags.

    Returns:
        The tree.

    Raises:
        ConfigError: There is no tree: not YAML, empty, too deep, too large, or more than one document.
    """
    check_length(text, faults)
    try:
        loader = yaml.SafeLoader(text)
    except yaml.reader.ReaderError as exc:
        place = line_and_column(text, exc.position)
        faults.stop(place, f"the character {text[exc.position]!a} is not allowed in YAML; remove it")
    try:
        root = _build(loader, faults)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark or loader.get_mark()
        faults.stop(place_of(mark), _syntax_message(exc, text, mark.line))
    except (ValueError, OverflowError):  # "\Uffffffff", or a %YAML version of 5,000 digits
        faults.stop(place_of(loader.get_mark()), "not YAML: a number or an escape is out of range")
    finally:
        loader.dispose()
    return Document(root) if root is not None else faults.stop(Place(1, 1), _EMPTY)


def _build(loader: yaml.SafeLoader, faults: FaultLog) -> Node | None:
    builder = TreeBuilder(faults)
    next_event: Callable[[], yaml.Event | None] = loader.get_event
    while (event := next_event()) is not None:
        builder.take(event)
    return builder.root


def _syntax_message(exc: yaml.MarkedYAMLError, text: str, line_index: int) -> str:
    reason = ", ".join(part for part in (exc.context, exc.problem) if part)
    line = "".join(text.splitlines()[line_index : line_index + 1])
    if "${" in line:
        return f"not YAML: {reason}; inside {{ }} and [ ] write ${{VAR}} in quotes, or use one line per key"
    if "\t" in line:
        return f"not YAML: {reason}; indent with spaces, not tabs"
    return f"not YAML: {reason}"
