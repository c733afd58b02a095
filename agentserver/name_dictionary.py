"""Dictionaries of names for libxml2, apart from the one that lxml keeps for each thread for ever.

libxml2 interns every name, namespace and short run of blanks that it reads, and lxml has one dictionary of them for
each thread, as long as the thread lives. So what is sent with ever new names would stay in memory for ever, and at
some 300 MB of names libxml2 refuses every document with a name that it does not know, whoever sent it. Here whoever
reads or copies what came from outside does so with a dictionary of its own: it goes with the trees that use it. That
of the thread, which parsers of handlers may be in the middle of using, is not touched.

Takes and gives nothing of documents. A thread that is replaced would do the same by ways that are documented, but to
go there and back takes ten times as long as to parse a short message. This is the entry that lxml 6 keeps in the state
of a thread. Where an lxml has none, everything is read as that lxml does it; a test says when that is so.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from threading import get_ident
from typing import Any, Final, TypeVar

from lxml import etree

T = TypeVar("T")

MAX_NAMES: Final = 16_384
"""Names from which on a dictionary is given up; more than the contracts of most organisms have together."""

_ENTRY: Final = "_ParserDictionaryContext"
_state_of_thread: Final = ctypes.PYFUNCTYPE(ctypes.c_void_p)(("PyThreadState_GetDict", ctypes.pythonapi))
_debugger: Final[Any] = etree.memory_debugger

count_of_names: Final[Callable[[], int]] = _debugger.dict_size
"""Tell how many names the dictionary holds that is used at the moment."""


class NameDictionary:
    """A dictionary for parsers that read many documents, one after another, in one thread at a time.

    It keeps names from document to document, and is given up when there are too many.
    """

    __slots__ = ("_kept", "_state", "_thread")

    def __init__(self) -> None:
        self.give_up()

    def give_up(self) -> None:
        """Begin a new one: the old goes with the last tree that uses it, and the last parser."""
        self._thread, self._state = get_ident(), _state()
        self._kept = _apart(self._state, lambda: self._state.get(_ENTRY))

    def read(self, parser: etree.XMLParser, data: bytes) -> tuple[etree._Element, bool]:
        """Parse a document.

        Args:
            parser: It gets all of `data` at once; not in the middle of another document, and of no other thread.
            data: The document.

        Returns:
            Its root, and whether there are too many names by now.

        Raises:
            lxml.etree.LxmlError: It cannot be parsed.
        """
        if get_ident() != self._thread:
            self.give_up()
        state, entry = self._state, _ENTRY
        before = state.get(entry)
        if before is not None:
            state[entry] = self._kept
        try:
            parser.feed(data)  # the same verdict and tree as fromstring gives, in three quarters of the time
            return parser.close(), count_of_names() > MAX_NAMES
        finally:
            if before is not None:
                state[entry] = before


def with_own_names(function: Callable[..., T], *args: Any) -> T:
    """Return what `function(*args)` returns, its names in a dictionary that is used for nothing else.

    Args:
        function: Parses or copies whole documents, and calls nobody else's code. What it parses with, it makes.
        args: What it takes.
    """
    return _apart(_state(), function, *args)


def _apart(state: dict[str, Any], function: Callable[..., T], *args: Any) -> T:
    before = state.pop(_ENTRY, None)
    if before is None:
        return function(*args)
    try:
        etree.fromstring(
            b"<a/>", etree.XMLParser()
        )  # a new parser brings its own; a copy's would be below the thread's
        return function(*args)
    finally:
        state[_ENTRY] = before


def _state() -> dict[str, Any]:
    """Return what CPython and lxml keep of the calling thread."""
    etree.get_default_parser()  # makes the entry in a thread that has none yet
    held = _state_of_thread()
    if not held:
        raise MemoryError
    state: dict[str, Any] = ctypes.cast(held, ctypes.py_object).value
    return state
