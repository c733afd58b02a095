"""The names that libxml2 keeps of documents: how many there are, and how they are forgotten.

libxml2 interns every name, namespace and short run of blanks that it reads, and lxml keeps one dictionary of them for
each thread, as long as the thread lives. So what is sent with ever new names stays in memory for ever, and at 100 MB
of names libxml2 refuses every document with a name that it does not know, whoever sent it. Takes nothing, gives
nothing, and changes the calling thread alone: its next document begins a new dictionary. Trees that were parsed keep
the old one until they go, as trees of another thread do, and so does a parser until it is used again.

A thread that is replaced does the same by ways that are documented, but to go there and back takes ten times as long as
to parse a short message. This is the entry that lxml 6 keeps in the state of the thread; a test says when it is there
no more.
"""

from __future__ import annotations

import ctypes
from typing import Any, Final

from lxml import etree

MAX_NAMES: Final = 16_384
"""Interned names from which on a thread begins anew; more than the contracts of most organisms have together."""

_ENTRY: Final = "_ParserDictionaryContext"
_thread_state = ctypes.PYFUNCTYPE(ctypes.c_void_p)(("PyThreadState_GetDict", ctypes.pythonapi))
_debugger: Final[Any] = etree.memory_debugger

interned_names: Final = _debugger.dict_size
"""Tell how many names the calling thread's dictionary holds."""


def forget_names() -> None:
    """Let the calling thread's next document begin a new dictionary.

    Not to be called from within a parse, as from an lxml resolver.
    """
    held = _thread_state()
    if not held:  # out of memory: next time
        return
    state: dict[Any, Any] = ctypes.cast(held, ctypes.py_object).value
    default = etree.get_default_parser()
    state.pop(_ENTRY, None)
    etree.set_default_parser(default)  # which stood in that entry, too
    etree.fromstring(b"<a/>", etree.XMLParser())  # or a parser that was used before would bring its own back
