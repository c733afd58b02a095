"""SIGTERM and SIGINT, and others on request, borrowed for as long as a block lasts, and given back.

Python would call a handler in the main thread, which a blocking call may keep busy. So the interpreter writes the
signal's number to a socket instead (`signal.set_wakeup_fd`), and a thread reads it there: `on_signal` is called in
that thread. Works in the main thread only, as all of `signal` does.
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Final, TypeAlias

OnSignal: TypeAlias = Callable[[signal.Signals], None]

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def borrowed_signals(on_signal: OnSignal, *others: signal.Signals) -> Iterator[None]:
    """Call `on_signal` for each SIGTERM, SIGINT and others while the block lasts, instead of what happened before."""
    wanted = (*STOP_SIGNALS, *others)
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    listener = threading.Thread(
        target=_listen, args=(reading, on_signal, wanted), name="agentserver-signals", daemon=True
    )
    with reading, writing:
        wakeup_before = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        before = {each: signal.signal(each, _leave_to_thread) for each in wanted}
        listener.start()
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, signal.SIG_DFL if handler is None else handler)
            signal.set_wakeup_fd(wakeup_before)
            writing.shutdown(socket.SHUT_WR)  # which the thread reads as the end
            listener.join()


def _listen(reading: socket.socket, on_signal: OnSignal, wanted: Sequence[signal.Signals]) -> None:
    while numbers := reading.recv(64):
        for number in numbers:
            if number in wanted:
                on_signal(signal.Signals(number))


def _leave_to_thread(_: int, __: FrameType | None) -> None:
    """Keep the default action from happening."""
