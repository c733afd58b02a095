"""Classes that xsdata generates from a schema, made by its command line as a user makes them."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType


@contextmanager
def generated(schema: Path, package: str, folder: Path) -> Iterator[ModuleType]:
    """Generate a package from `schema` in `folder`, and import it while the block lasts."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))  # it calls ruff
    done = subprocess.run(
        [sys.executable, "-m", "xsdata", "generate", str(schema), "--package", package],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield importlib.import_module(package)
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            del sys.modules[name]
