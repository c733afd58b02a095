"""Where the locations in a schema may lead: its own folder, what is below it, and the folders beside it.

Takes the path of the main document; gives names, which are POSIX paths from the folder's parent
(`maindoc/UBL-Invoice-2.1.xsd`), and the bytes of what they name. Raises `ForbiddenError` with a reason and a
remedy. Symbolic links are resolved before anything is allowed. Looks up nothing outside the file system, and
knows nothing of what is in the files.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from agentserver.errors import shorten

MAX_DOCUMENT_BYTES: Final = 16_777_216
"""Longest schema document, in bytes. The longest of UBL 2.1 has 2.4 MB."""

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_NO_URI: Final = re.compile(r"[^A-Za-z0-9\-._~!$&'()*+,;=:@/%\u00a0-\U0010ffff]|%(?![0-9A-Fa-f]{2})")
_URL: Final = "schema:///"
_QUOTED_CHARS: Final = 100


class ForbiddenError(Exception):
    """A location leads nowhere, or where it must not; the text says why and what to do."""


class SchemaFolder:
    """The files that one schema may be made of.

    Args:
        main: The main document.

    Attributes:
        main: Its name.

    Raises:
        ForbiddenError: There is no such file.
    """

    __slots__ = ("_folder", "_roof", "main")

    def __init__(self, main: Path) -> None:
        try:
            resolved = main.resolve(strict=True)
        except FileNotFoundError:
            raise ForbiddenError(
                f"there is no file {_quoted(main)}; give the path of an XSD, from the project's folder"
            ) from None
        except (OSError, RuntimeError, ValueError) as exc:  # links in a circle; a NUL in the path
            raise ForbiddenError(f"{_quoted(main)} cannot be read: {exc}") from exc
        self._folder = resolved.parent
        above = self._folder.parent
        # the folders beside one at the top are the whole file system
        self._roof = above if above != above.parent else self._folder
        self.main = resolved.relative_to(self._roof).as_posix()

    def follow(self, name: str, location: str) -> str:
        """Give the name that a location written in the document `name` stands for.

        Args:
            name: The document that says it.
            location: A relative reference, as RFC 3986 has it.

        Raises:
            ForbiddenError: It leads out of the folders, or is no such reference.
        """
        shown = _quoted(location)
        if _SCHEME.match(location) or location.startswith("//"):
            raise ForbiddenError(
                f"{shown} is an address, and nothing is fetched; save the file beside the schema, and name that"
            )
        if location.startswith("/"):
            raise ForbiddenError(f"{shown} is an absolute path; write one from the folder of this document")
        if (bad := _NO_URI.search(location)) is not None:
            remedy = "write '/'" if bad.group() == "\\" else f"write {quote(bad.group())}"
            raise ForbiddenError(f"{shown} is no path: it holds {bad.group()!a}; {remedy} instead")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(location)))
        if path.startswith("../") or not self._is_inside(self._roof / path):
            raise ForbiddenError(
                f"{shown} leads out of the schema's folder and the folders beside it; copy the file there"
            )
        return path

    def read(self, name: str) -> bytes:
        """Give the bytes of the document `name`.

        Raises:
            ForbiddenError: It is missing, too long, not readable, or a link that leads out of the folders.
        """
        path = self._roof / name
        try:
            resolved = path.resolve(strict=True)
            if not self._is_inside(resolved):
                raise ForbiddenError(
                    f"it is a link that leads out of the schema's folder, to {_quoted(resolved)}; copy the file there"
                )
            if not resolved.is_file():
                raise ForbiddenError("it is no file")
            with resolved.open("rb") as stream:
                data = stream.read(MAX_DOCUMENT_BYTES + 1)
        except FileNotFoundError:
            raise ForbiddenError(f"there is no file {_quoted(path)}") from None
        except (OSError, RuntimeError, ValueError) as exc:
            raise ForbiddenError(f"it cannot be read: {exc}") from exc
        if len(data) > MAX_DOCUMENT_BYTES:
            raise ForbiddenError(f"longer than {MAX_DOCUMENT_BYTES} bytes; is it the right file?")
        return data

    def _is_inside(self, path: Path) -> bool:
        """Say whether `path` is in the schema's folder, or in a folder beside it."""
        if path.is_relative_to(self._folder):
            return True
        return path.is_relative_to(self._roof) and len(path.relative_to(self._roof).parts) > 1


def url_of(name: str) -> str:
    """Give the address under which libxml2 knows a document; none that anything could be fetched from."""
    return _URL + quote(name)


def name_of(url: str) -> str:
    """Give the name of a document, or the address as it is when it is not one of ours."""
    return unquote(url.removeprefix(_URL)) if url.startswith(_URL) else url


def _quoted(text: object) -> str:
    return repr(shorten(str(text), _QUOTED_CHARS))
