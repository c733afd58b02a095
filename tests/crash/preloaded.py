"""Small libraries that change what the system tells a process, compiled where a compiler is."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def library(name: str, folder: Path) -> str:
    """Compile `name`.c into a folder; return what LD_PRELOAD is to be."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler (cc) is here, which makes the library that this preloads")
    built = folder / f"{name}.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(built), str(HERE / f"{name}.c"), "-ldl"]
    subprocess.run(command, check=True)
    return str(built)
