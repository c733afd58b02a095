"""What a service manager such as systemd is told: that the daemon is ready, reloads, stops, and is alive.

The protocol of sd_notify(3): datagrams to the socket that NOTIFY_SOCKET names, without which nothing is done. Whether a
message arrives is nobody's concern here: a manager that went away must not end the daemon.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Mapping
from typing import Final

_ABSTRACT: Final = "@"


class ServiceManager:
    """The manager that an environment names, if any.

    Args:
        environ: The environment: `NOTIFY_SOCKET`, and `WATCHDOG_USEC` with `WATCHDOG_PID` (sd_watchdog_enabled(3)).
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith(_ABSTRACT) else address
        self._alive_every_s = _watchdog_s(environ) / 2 if address else 0.0

    def ready(self, status: str) -> None:
        """Tell that messages are taken from now on; again after a reload."""
        self._tell("READY=1", f"STATUS={status}", f"MAINPID={os.getpid()}")

    def reloading(self) -> None:
        """Tell that a reload begins, and when, in one datagram; `ready` tells of its end."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000}")

    def stopping(self) -> None:
        """Tell that nothing new is taken any more."""
        self._tell("STOPPING=1", "STATUS=finishing what is in flight")

    async def keep_alive(self) -> None:
        """Tell again and again that the event loop turns, where a watchdog wants to know; never ends."""
        while self._alive_every_s:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(self._alive_every_s)
        await asyncio.Event().wait()

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.setblocking(False)  # as the standard library has it
                channel.sendto("\n".join(lines).encode(), self._address)
        except (OSError, ValueError):  # nobody listens there, or it is no address
            return


def _watchdog_s(environ: Mapping[str, str]) -> float:
    """Return how long the manager waits for a sign of life, in seconds; 0 when it does not."""
    microseconds, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or (pid and pid != str(os.getpid())):
        return 0.0
    return int(microseconds) / 1_000_000
