"""What a module imports, as its text says: the `import` statements, wherever they stand.

Takes a module that has a file; gives names. A text that cannot be read imports nothing: whoever imports it is told.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path
from types import ModuleType


def imports_of(module: ModuleType) -> set[str]:
    """Return the names of all that a module's text imports, and of what may be a module or a name in one."""
    found: set[str] = set()
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.update((_origin(node, module), *_taken(node, module)))
    return found.union(*(above(name) for name in found))


def taken_from_packages(module: ModuleType) -> Iterator[str]:
    """Give what may be modules in `from package import module`, in order, where it runs with the module itself."""
    waiting: list[ast.AST] = [_tree(module)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.ImportFrom):
            yield from _taken(node, module)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting.extend(reversed(node.orelse))
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting.extend(reversed(list(ast.iter_child_nodes(node))))


def _tree(module: ModuleType) -> ast.Module:
    try:
        return ast.parse(Path(str(module.__file__)).read_bytes())
    except (OSError, SyntaxError, ValueError):  # which its import tells
        return ast.Module([], [])


def _taken(node: ast.ImportFrom, module: ModuleType) -> list[str]:
    origin = _origin(node, module)
    return [f"{origin}.{alias.name}" for alias in node.names]


def _origin(node: ast.ImportFrom, module: ModuleType) -> str:
    relative = "." * node.level + (node.module or "")
    try:
        return resolve_name(relative, getattr(module, "__package__", None) or "")
    except ImportError:  # which its import tells
        return relative


def above(name: str) -> set[str]:
    """Return the names of the packages that a module stands in."""
    parts = name.split(".")
    return {".".join(parts[:count]) for count in range(1, len(parts))}
