"""Which modules of a project are imported anew, and that the old ones stay as they are."""

from __future__ import annotations

import importlib
import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from agentserver.config.fresh_modules import FreshModules, fingerprint, forget, imported_anew, remember

_NUMBERS = itertools.count()


class Tree:
    """A project of a few modules in one package."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.package = f"fresh_{next(_NUMBERS)}"
        (root / self.package).mkdir()

    def write(self, **texts: str) -> None:
        for name, text in texts.items():
            path = self.root / self.package / f"{name}.py"
            path.write_text(text.replace("PKG", self.package))
            os.utime(
                path, (1_000_000_000, 1_000_000_000)
            )  # a cached file cannot tell versions of one length apart

    def load(self, name: str) -> ModuleType:
        return importlib.import_module(f"{self.package}.{name}")

    def anew(self, *names: str) -> FreshModules:
        with imported_anew(self.root) as fresh:
            for name in names:
                self.load(name)
        return fresh

    def names(self, fresh: FreshModules) -> set[str]:
        return {name.removeprefix(f"{self.package}.") for name in fresh.new}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tree]:
    monkeypatch.syspath_prepend(tmp_path)
    made = Tree(tmp_path)
    yield made
    forget(tmp_path)


def test_what_is_as_it_was_is_not_imported_anew(tree: Tree) -> None:
    tree.write(a="X = 1")
    module = tree.load("a")
    remember(tree.root)

    fresh = tree.anew("a")

    assert (set(), {}) == (tree.names(fresh), fresh.old)
    assert tree.load("a") is module


def test_what_changed_is_a_new_object_beside_the_old(tree: Tree) -> None:
    tree.write(a="X = 1")
    module = tree.load("a")
    remember(tree.root)
    tree.write(a="X = 2")

    fresh = tree.anew("a")

    assert tree.load("a") is module
    fresh.commit()
    assert (1, 2) == (module.X, tree.load("a").X)
    assert tree.load("a") is sys.modules[tree.package].__dict__["a"]


@pytest.mark.parametrize(
    "text",
    [
        "import PKG.a",
        "from PKG import a",
        "from PKG.a import X",
        "from . import a",
        "from .a import X",
        "from .a import *",
    ],
)
def test_what_imports_a_changed_one_is_imported_anew(tree: Tree, text: str) -> None:
    tree.write(a="X = 1", b=text, c="import PKG.b", d="")
    for name in "abcd":
        tree.load(name)
    remember(tree.root)
    tree.write(a="X = 2")

    assert {"a", "b", "c"} == tree.names(tree.anew(*"abcd"))


@pytest.mark.parametrize("text", ["import PKG.a as a", "from PKG import a", "from . import a"])
def test_what_imports_a_changed_one_gets_the_new_one(tree: Tree, text: str) -> None:
    tree.write(a="X = 1", b=f"{text}\nY = a.X")
    old = tree.load("b")
    remember(tree.root)
    tree.write(a="X = 2")
    fresh = tree.anew("b")

    assert (1, 1) == (old.Y, tree.load("a").X)
    assert 2 == fresh.new[f"{tree.package}.b"].Y


def test_modules_that_import_each_other(tree: Tree) -> None:
    tree.write(a="from PKG.b import X\nY = X", b="X = 1\nfrom PKG import a\n")
    tree.load("b")
    remember(tree.root)
    tree.write(b="X = 2\nfrom PKG import a\n")
    fresh = tree.anew("b")

    assert 2 == fresh.new[f"{tree.package}.b"].a.Y


def test_a_package_has_the_old_module_until_it_has_the_new_one(tree: Tree) -> None:
    tree.write(a="X = 1", b="from PKG import a, c", c="import sys\nSEEN = sys.modules['PKG'].a.X\n")
    tree.load("b")
    remember(tree.root)
    tree.write(a="import sys\nSEEN = sys.modules['PKG'].a.X\nX = 2\n")
    fresh = tree.anew("b")

    assert 1 == fresh.new[f"{tree.package}.a"].SEEN


def test_an_import_within_a_function_counts(tree: Tree) -> None:
    tree.write(a="X = 1", b="def f():\n    from PKG import a\n    return a.X")
    tree.load("b").f()
    remember(tree.root)
    tree.write(a="X = 2")
    fresh = tree.anew("b")
    fresh.commit()

    assert 2 == tree.load("b").f()


def test_below_a_changed_package_everything_is_new(tree: Tree) -> None:
    tree.write(__init__="X = 1", a="", b="")
    tree.load("a")
    tree.load("b")
    remember(tree.root)
    tree.write(__init__="X = 2")
    fresh = tree.anew("a")
    fresh.commit()

    assert {tree.package, "a"} == tree.names(fresh)
    assert 2 == sys.modules[tree.package].X


def test_a_failing_import_leaves_everything_as_it_was(tree: Tree) -> None:
    tree.write(a="X = 1", b="")
    module = tree.load("a")
    remember(tree.root)
    tree.write(a="X = 2", b="1 / 0", c="")
    finders = list(sys.meta_path)
    with pytest.raises(ZeroDivisionError):
        tree.anew("a", "c", "b")

    assert tree.load("a") is module
    assert sys.modules[tree.package].__dict__["a"] is module
    assert f"{tree.package}.c" not in sys.modules
    assert finders == sys.meta_path


def test_a_deleted_module_is_gone(tree: Tree) -> None:
    tree.write(a="X = 1")
    tree.load("a")
    remember(tree.root)
    (tree.root / tree.package / "a.py").unlink()

    with pytest.raises(ModuleNotFoundError):
        tree.anew("a")


def test_installed_packages_below_the_root_do_not_count(tree: Tree) -> None:
    tree.write(a="X = 1")
    folder = tree.root / "venv" / "site-packages"
    folder.mkdir(parents=True)
    (folder / f"{tree.package}_installed.py").write_text("X = 1")
    sys.path.insert(0, str(folder))
    try:
        module = importlib.import_module(f"{tree.package}_installed")
        remember(tree.root)
        (folder / f"{tree.package}_installed.py").write_text("X = 2")
        assert {} == tree.anew("a").old
    finally:
        sys.path.remove(str(folder))
        del sys.modules[module.__name__]


def test_a_fingerprint_tells_texts_apart_not_places(
    tree: Tree, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tree.write(a="X = 1", b="from PKG import a", c="")
    before = [fingerprint(tree.load(name), tree.root) for name in "abc"]
    tree.write(a="X = 2")

    assert [False, False, True] == [
        fingerprint(tree.load(name), tree.root) == old for name, old in zip("abc", before, strict=True)
    ]
