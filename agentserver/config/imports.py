"""Import-by-name: `package.module.attribute` to the object, telling apart each way in which that can fail.

Bad format, no such module, no such attribute, and an error inside the module are four messages with four
remedies. Runs the user's modules, which may raise anything at all. Changes `sys.path` only in `put_on_path`.
Knows nothing of what the object is for.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path
from typing import Final

from agentserver.config.fault_log import did_you_mean, quote
from agentserver.errors import shorten

_ABSENT = object()
_PACKAGE: Final = Path(__file__).resolve().parent.parent
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
"""Folders of packages, of which an environment in the project has one."""


class UnimportableError(Exception):
    """A name cannot be imported; the text says why and what to do.

    Args:
        message: The text.
        repeated: The same module failed before, with an error of its own: one report is enough.
    """

    def __init__(self, message: str, *, repeated: bool = False) -> None:
        super().__init__(message)
        self.repeated = repeated


class Importer:
    """Import by name; a module that failed is not run a second time.

    Args:
        root: The folder that the user's modules are expected in, for messages and suggestions.
    """

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._broken: set[str] = set()

    def load(self, name: str) -> object:
        """Import what `name` stands for.

        Raises:
            UnimportableError: It cannot be imported.
        """
        parts = name.split(".")
        if len(parts) < 2 or not all(part.isidentifier() for part in parts):
            raise UnimportableError(
                f"{quote(name)} is no 'module.attribute', as 'handlers.hello.Greeting' is"
            )
        module_name, _, attribute = name.rpartition(".")
        if module_name in self._broken:
            raise UnimportableError(f"module {quote(module_name)} fails when imported", repeated=True)
        try:
            module = importlib.import_module(module_name)
            value = getattr(module, attribute, _ABSENT)
        except KeyboardInterrupt:
            raise
        except BaseException as exc:  # a module may raise anything, SystemExit included
            raise UnimportableError(self._reason(exc, module_name)) from exc
        if value is _ABSENT:
            near = did_you_mean(attribute, vars(module))
            file = getattr(module, "__file__", None) or "built in"
            raise UnimportableError(f"module {quote(module_name)} ({file}) has no {quote(attribute)}{near}")
        return value

    def _reason(self, exc: BaseException, name: str) -> str:
        if isinstance(exc, ModuleNotFoundError) and exc.name and f"{name}.".startswith(f"{exc.name}."):
            return self._no_such_module(
                exc.name
            )  # `name` itself or a package above, and nothing that it imports
        self._broken.add(name)
        return f"module {quote(name)} fails when imported: {_told(exc, self._root)}"

    def _no_such_module(self, missing: str) -> str:
        parent, _, leaf = missing.rpartition(".")
        if not parent:
            folders = [] if self._root is None else [str(self._root)]
            looked_in = f" in {self._root} or installed" if folders else ""
            return f"no module {quote(leaf)}{looked_in}{did_you_mean(leaf, _module_names(folders))}"
        folders = list(getattr(sys.modules.get(parent), "__path__", ()))
        if not folders:
            return f"no module {quote(missing)}: {quote(parent)} is a module, not a package"
        near = did_you_mean(leaf, _module_names(folders))
        return f"package {quote(parent)} ({folders[0]}) has no module {quote(leaf)}{near}"


def put_on_path(root: Path) -> None:
    """Let modules in `root` be imported, once, and before any others of the same name.

    It goes first, as the folder of a script does: an organism's `handlers` must win over those of another
    project that happens to be installed. Modules that were imported already stay what they are.
    """
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    importlib.invalidate_caches()


def _module_names(folders: list[str]) -> list[str]:
    """List the modules and packages in `folders`, those without `__init__.py` too, for suggestions alone."""
    names: list[str] = []
    for folder in map(Path, folders):
        try:
            names += [entry.stem for entry in folder.iterdir() if entry.suffix == ".py" or entry.is_dir()]
        except OSError:  # not readable, or no folder but a zip file
            continue
    return sorted(name for name in names if name.isidentifier())


def _told(exc: BaseException, root: Path | None) -> str:
    """Put an exception of the user's code into words, with the last line of the project on the way to it."""
    told = traceback.TracebackException.from_exception(exc)
    text = shorten(" ".join(str(told).split()), 200)
    where = ""
    if isinstance(exc, SyntaxError) and exc.filename:
        where = f" ({exc.filename}:{exc.lineno})"
    elif told.stack:
        own = [frame for frame in told.stack if not frame.filename.startswith("<frozen ")]
        own = [frame for frame in own if _is_in_project(frame.filename, root)] or own
        where = f" ({own[-1].filename}:{own[-1].lineno})" if own else ""
    return f"{type(exc).__name__}{': ' if text else ''}{text}{where}"


def _is_in_project(file: str, root: Path | None) -> bool:
    """Tell whether a file is the user's own, and not of this package or of one that is installed below the project."""
    path = Path(file)
    if root is None or not path.is_relative_to(root):
        return False
    return not path.is_relative_to(_PACKAGE) and _INSTALLED.isdisjoint(path.relative_to(root).parts)
