"""Read the values of a document: plain scalars typed by YAML's core schema, environment variables expanded.

Keys are never expanded. An expanded plain scalar is typed again as if it had been written so; a quoted one
stays text; neither can add structure. A value that cannot be read is noted in `unreadable` and stands in the
result as it was written, so that later checks can pass over it instead of adding a second fault.
"""

from __future__ import annotations

from collections.abc import Mapping

from agentserver.config.environment import ExpansionError, expand, refers_to_environment, unescape
from agentserver.config.fault_log import FaultLog
from agentserver.config.scalars import Scalar, plain_value
from agentserver.config.tree import Document, ListNode, MapNode, Node, Path, ScalarNode
from agentserver.config.tree_builder import NOT_XML

_NOT_ALLOWED = "${...} is not expanded; allow it by `env: true` or --allow-env, or write $${ for a literal ${"


class ValueReader:
    """Read a document's values.

    Args:
        variables: The environment, or None when expansion is not allowed.
        faults: Takes what cannot be expanded.
    """

    def __init__(self, variables: Mapping[str, str] | None, faults: FaultLog) -> None:
        self.unreadable: set[Path] = set()
        self._variables = variables
        self._faults = faults

    def read(self, node: Node, path: Path = ()) -> object:
        """Read `node`, which stands at `path`, as lists, dicts and scalars."""
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        if isinstance(node, ListNode):
            return [self.read(item, (*path, index)) for index, item in enumerate(node.items)]
        return {key: self.read(entry.value, (*path, key)) for key, entry in node.entries.items()}

    def _scalar(self, node: ScalarNode, path: Path) -> Scalar:
        if "${" not in node.text:
            return plain_value(node.text) if node.plain else node.text
        if not refers_to_environment(node.text):
            return unescape(node.text)
        try:
            text = self._expanded(node.text)
        except ExpansionError as exc:
            self._faults.add(node.place, str(exc))
            self.unreadable.add(path)
            return node.text
        return plain_value(text) if node.plain else text

    def _expanded(self, text: str) -> str:
        if self._variables is None:
            raise ExpansionError(_NOT_ALLOWED)
        expanded = expand(text, self._variables)
        bad = NOT_XML.search(expanded)
        if bad is not None:
            raise ExpansionError(
                f"expands to a text with the character {bad.group()!a}, which XML cannot hold"
            )
        return expanded


def asks_for_environment(document: Document) -> bool:
    """Say whether the file itself allows expansion, with `env: true` at its top."""
    node = document.node(("env",))
    return (
        isinstance(document.root, MapNode)
        and isinstance(node, ScalarNode)
        and node.plain
        and plain_value(node.text) is True
    )
