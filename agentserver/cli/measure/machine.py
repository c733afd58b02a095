"""On what was measured: processor, interpreter, libraries. A ratio travels between machines, a time does not."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from agentserver.cli.measure.bare_line import LIBXML2_VERSION

_CPUINFO: Final = Path("/proc/cpuinfo")
_LIBRARIES: Final = ("agentserver", "lxml", "aiostream")


@dataclass(frozen=True, slots=True)
class Machine:
    """What a table of figures is headed with."""

    cpu: str
    cores: int
    system: str
    python: str
    libraries: dict[str, str]

    def __str__(self) -> str:
        libraries = ", ".join(f"{name} {number}" for name, number in self.libraries.items())
        return f"{self.cpu}, {self.cores} cores, {self.system}; {self.python}; {libraries}"


def this_machine() -> Machine:
    """Describe the machine and the interpreter that this runs on."""
    libraries = {name: _version(name) for name in _LIBRARIES}
    libraries["libxml2"] = LIBXML2_VERSION
    return Machine(
        _cpu(), os.cpu_count() or 1, f"{platform.system()} {platform.machine()}",
        f"{platform.python_implementation()} {platform.python_version()}", libraries,
    )  # fmt: skip


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _cpu() -> str:
    try:
        for line in _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine() or "unknown processor"
