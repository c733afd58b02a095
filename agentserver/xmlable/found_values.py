"""What stood in a wrong place, told without the secrets of its document.

Takes the `found` of an error, which frames a value in words of this project: `the text 'abc'`, `str 'abc'`,
`'abc', of length 3`. Gives it with `'***'` for a value that holds a secret, and everything else as it was: the words
come from here and names from the schema, so that neither is looked through. What is framed in no known way was put
together by somebody else, and is scrubbed whole. Knows no documents: a secret that a sender wrote into a field of
another name is none for it.
"""

from __future__ import annotations

import re
from typing import Final

from agentserver.xmlable.concealment import HIDDEN
from agentserver.xmlable.scrubbing import Scrubber
from agentserver.xmlable.secrets import MASK

_NOTHING: Final = (
    rf"nothing|None|its end|no value|{re.escape(HIDDEN)}|the element again|the same key again|an entity"
    r"|the elements in another order|\d+ (?:elements|of them)|a value nested too deeply, or within itself"
)
_NAME: Final = r"[^\s<>'\"]+"
_VALUELESS: Final = re.compile(_NOTHING)
_NAMES_ONLY: Final = re.compile(
    rf"<{_NAME}>(?: in no namespace|, which is abstract)?|the element <{_NAME}>|the attribute {_NAME}"
    r"|values that \w+ refuses"
)
_FRAMED: Final = re.compile(
    rf"(?P<head>\w+ |unknown element |the (?:text|name|fixed value) |a reference to |an instance without "
    rf"|<{_NAME}> in namespace )?"
    r"(?:(?P<quote>['\"])(?P<text>.*)(?P=quote)(?P<cut>…?)|(?P<number>-?\d[\d.e+-]*))"
    r"(?P<tail>, of length \d+| a second time)?",
    re.DOTALL,
)
_REFUSED: Final = re.compile(r"values that .* refuses", re.DOTALL)


def is_valueless(found: str) -> bool:
    """Tell whether it says nothing that a document said: neither a value nor a name."""
    return _VALUELESS.fullmatch(found) is not None


def without_secrets(found: str, scrubber: Scrubber) -> str:
    """Give what was found, with `'***'` for a value that holds one of the secrets."""
    if is_valueless(found) or _NAMES_ONLY.fullmatch(found):
        return found
    framed = _FRAMED.fullmatch(found)
    if framed is None:
        return scrubber.scrub(found)
    text = framed["text"] if framed["number"] is None else framed["number"]
    if not scrubber.finds_in(text, cut=bool(framed["cut"])):
        return found
    return f"{framed['head'] or ''}'{MASK}'"  # nor its length


def expected_without_secrets(found: str, expected: str, scrubber: Scrubber) -> str:
    """Give what was expected: as it is, unless a class said it when it refused its values."""
    return scrubber.scrub(expected) if _REFUSED.fullmatch(found) else expected
