"""The modules of a project that were changed since they were imported: which they are, and their import anew.

A module that is imported anew is a new object beside the old one, which stays as it is for whoever uses it; nothing is
reloaded in place. Anew are those whose file has other bytes than it had, those that import such a one, and what stands
below a package of these. All others stay the same objects, and so do their classes. Only modules of the project count:
`.py` files below its root, installed packages left out. Which modules one imports is read from its text, so what it
imports by other means than the `import` statement does not count.

The new objects are in `sys.modules` while the block of `imported_anew` lasts; behind it the old ones are back, until
`commit`. What a module imports first while it runs, as within a function, has no known state and counts as changed.
"""

from __future__ import annotations

import importlib
import linecache
import sys
import sysconfig
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final

from agentserver.config.module_imports import above, imports_of, taken_from_packages

_DIGEST: Final = "__agentserver_digest__"
"""Where a module bears the SHA-256 of the text that it was made from."""

_one_at_a_time: Final = threading.Lock()
"""As `sys.modules` is one for the whole process."""


class FreshModules:
    """Modules that were imported anew, and those that they are to replace.

    Args:
        old: The latter, by name.
    """

    def __init__(self, old: dict[str, ModuleType]) -> None:
        self.old = old
        self.new: dict[str, ModuleType] = {}

    def commit(self) -> None:
        """Let everybody who imports from now on get the new ones. Waits for nobody."""
        for package, leaf, _ in _places(self.old):
            delattr(package, leaf)
        for name in self.old:
            sys.modules.pop(name, None)
        sys.modules.update(self.new)
        for name, module in self.new.items():
            parent, _, leaf = name.rpartition(".")
            if parent in sys.modules:
                setattr(sys.modules[parent], leaf, module)
        for module in self.old.values():
            linecache.checkcache(module.__file__)
            with suppress(OSError, TypeError):  # what is imported later is made of the text, not of this
                Path(module.__cached__).unlink(missing_ok=True)


@contextmanager
def imported_anew(root: Path) -> Iterator[FreshModules]:
    """Let imports within the block find the project's modules as they stand on disk.

    Args:
        root: The project's root.

    Yields:
        What was imported anew, complete once the block is left.
    """
    with _one_at_a_time:
        fresh = FreshModules({name: sys.modules[name] for name in sorted(_stale(root))})
        kept = {name for name in sys.modules if name not in fresh.old}
        places = _places(fresh.old)
        finder = _Finder(root, frozenset(fresh.old))
        for name in fresh.old:
            del sys.modules[name]
        importlib.invalidate_caches()
        sys.meta_path.insert(0, finder)
        try:
            yield fresh
        finally:
            sys.meta_path.remove(finder)
            fresh.new = {name: each for name, each in _modules(root).items() if name not in kept}
            for name in fresh.new:
                del sys.modules[name]
            sys.modules.update(fresh.old)
            for parent, leaf, module in places:
                setattr(parent, leaf, module)


def remember(root: Path) -> None:
    """Note from which texts the project's modules were made, of those that are new since this was called before."""
    for module in _modules(root).values():
        if _DIGEST not in vars(module):
            setattr(module, _DIGEST, _digest(module))


def fingerprint(module: ModuleType | None, root: Path) -> bytes:
    """Return what tells a module, with all of the project that it imports, from others: the same for the same texts."""
    modules = _modules(root)
    if module is None or module.__name__ not in modules:
        return b""
    names, waiting = {module.__name__}, [module.__name__]
    while waiting:
        for name in imports_of(modules[waiting.pop()]) & modules.keys() - names:
            names.add(name)
            waiting.append(name)
    return sha256(b"".join(name.encode() + b"\0" + _digest(modules[name]) for name in sorted(names))).digest()


class _Finder:
    """Finds modules of a project, and lets them be compiled from their texts: a cached file may be a second old."""

    def __init__(self, root: Path, stale: frozenset[str]) -> None:
        self._root, self._stale = root, stale

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target)
        if (
            spec is None
            or not isinstance(spec.loader, SourceFileLoader)
            or not _is_within(spec.origin, self._root)
        ):
            return None
        spec.loader = _Loader(name, spec.loader.path, self._stale)
        return spec


class _Loader(SourceFileLoader):
    """Compiles what stands in the file, and notes what that was.

    `from package import module` would find the old module in a package that stays. So such modules are imported before:
    the package has the old one until it has the new one, as handlers that run may go through it at any time.
    """

    def __init__(self, name: str, path: str, stale: frozenset[str]) -> None:
        super().__init__(name, path)
        self._stale = stale
        self._digest = b""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        data = self.get_data(path)
        self._digest = sha256(data).digest()
        code: CodeType = self.source_to_code(data, path)
        return code

    def exec_module(self, module: ModuleType) -> None:
        linecache.checkcache(module.__file__)
        for name in taken_from_packages(module):
            if name in self._stale and name not in sys.modules:
                self._import_first(name)
        super().exec_module(module)
        setattr(module, _DIGEST, self._digest)

    def _import_first(self, name: str) -> None:
        try:
            importlib.import_module(name)
        except (
            ImportError
        ):  # in a circle, say: it is imported at its place, where the package must not have it then
            parent, _, leaf = name.rpartition(".")
            vars(sys.modules[parent]).pop(leaf, None)


def _stale(root: Path) -> set[str]:
    modules = _modules(root)
    stale = {name for name, module in modules.items() if vars(module).get(_DIGEST) != _digest(module)}
    imports = {name: imports_of(module) for name, module in modules.items()} if stale else {}
    before = -1
    while before != len(stale):
        before = len(stale)
        stale |= {
            name
            for name, imported in imports.items()
            if not imported.isdisjoint(stale) or any(name.startswith(f"{each}.") for each in stale)
        }
    return stale


def _modules(root: Path) -> dict[str, ModuleType]:
    """Return the project's modules that are imported."""
    return {
        name: module
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] not in ("agentserver", "__main__")
        and _is_within(getattr(module, "__file__", None), root)
    }


def _is_within(file: Any, root: Path) -> bool:
    if (
        not isinstance(file, str)
        or not file.endswith(".py")
        or not file.startswith(f"{root}".rstrip("/") + "/")
    ):
        return False
    return not file.startswith(_installed()) and "site-packages" not in file


def _installed() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return tuple(f"{sysconfig.get_path(name)}/" for name in names)


def _digest(module: ModuleType) -> bytes:
    try:
        return sha256(Path(str(module.__file__)).read_bytes()).digest()
    except OSError:  # it is gone
        return b""


def _places(modules: dict[str, ModuleType]) -> list[tuple[ModuleType, str, object]]:
    """Return where modules stand in packages that stay: an import writes there, too."""
    found = []
    for name in modules:
        parent, _, leaf = name.rpartition(".")
        package = sys.modules.get(parent)
        if package is not None and parent not in modules and leaf in vars(package):
            found.append((package, leaf, vars(package)[leaf]))
    return found


def forget(root: Path) -> None:
    """Let nothing of a project be imported any more: another may have modules of the same names."""
    modules = _modules(root)
    packages = {
        each
        for name in modules
        for each in above(name)
        if getattr(sys.modules.get(each), "__file__", None) is None
    }
    for name in (*modules, *packages):
        sys.modules.pop(name, None)
    while str(root) in sys.path:
        sys.path.remove(str(root))
    importlib.invalidate_caches()
