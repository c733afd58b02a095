"""The memory of this process, and how much of it a long run keeps.

Reads what the kernel says. Where it says nothing of the present (no `/proc`), the peak so far stands in: it never
shrinks, so a growth is never understated.
"""

from __future__ import annotations

import gc
import resource
import sys
from pathlib import Path
from typing import Final

from agentserver.cli.measure.line import Line
from agentserver.cli.measure.rounds import Progress, no_progress

_STATUS: Final = Path("/proc/self/status")
WARM_UP: Final = 20_000
MESSAGES: Final = 200_000
_WAVE: Final = 20_000


def resident_bytes() -> int:
    """Return the bytes of this process that are in memory."""
    try:
        for line in _STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


async def growth_bytes(
    line: Line, messages: int = MESSAGES, warm_up: int = WARM_UP, progress: Progress = no_progress
) -> int:
    """Return by how much the process grows while a line handles `messages`, after a warm-up."""
    waves = max(1, messages // _WAVE)
    async with line.opened() as timed:
        await timed(warm_up)
        gc.collect()
        before = resident_bytes()
        for wave in range(waves):
            progress(wave + 1, waves)
            await timed(messages // waves)
        gc.collect()
        return resident_bytes() - before
