"""What stood in a wrong place, told without the secrets of its document; and the place itself.

Takes the `found` of an error, which frames a value in words of this project: `the text 'abc'`, `str 'abc'`,
`'abc', of length 3`. Gives it with `'***'` for a value that holds a secret, and `<***>` for an element whose name may
be one, and everything else as it was: words come from here and other names from the schema, so that neither is looked
through. What is framed in no known way was put together by somebody else, and is scrubbed whole. Knows no documents: a
secret that a sender wrote into a field of another name is none for it.
"""

from __future__ import annotations

import re
from typing import Final

from agentserver.xmlable.concealment import HIDDEN
from agentserver.xmlable.scrubbing import Scrubber
from agentserver.xmlable.secrets import MASK

_NOTHING: Final = (
    rf"nothing|None|its end|no value|{re.escape(HIDDEN)}|the element again|the same key again|an entity"
    r"|the elements in another order|\d+ (?:elements|of them|keys|items)|(?:a value|data) nested too deeply"
    r"(?:, or within itself)?|true|false|null|an? (?:unknown key|key that is no string)"
    r"|an? (?:text|number|boolean|object|array)(?: (?:of|with) \d+ \w+)?|what cannot be validated"
    r"|an empty text or CDATA section"
)
_NAME: Final = r"[^\s<>'\"]+"
_VALUELESS: Final = re.compile(_NOTHING)
_NAMES_ONLY: Final = re.compile(
    rf"<{_NAME}>(?: in no namespace|, which is abstract)?|the element <{_NAME}>|the attribute {_NAME}"
    r"|values that \w+ refuses"
)
_FRAMED: Final = re.compile(
    r"(?P<head>\w+ |unknown (?:element|key) |the (?:text|name|fixed value) |a reference to "
    rf"|an instance without |<{_NAME}> in namespace )?"
    r"(?:(?P<quote>['\"])(?P<text>.*)(?P=quote)(?P<cut>…?)|(?P<number>-?\d[\d.e+-]*))"
    r"(?P<tail>, of length \d+| a second time)?",
    re.DOTALL,
)
_NAMED: Final = re.compile(rf"(?<=<)({_NAME})(?=>)|(?<=\Athe attribute )({_NAME})\Z")
_QUOTED_NAME: Final = re.compile(r"(?:unknown )?(?:element|attribute|key) ")
_STEP: Final = re.compile(r"(@?)([^@/\[\]]+)")
_REFUSED: Final = re.compile(r"values that .* refuses", re.DOTALL)


def is_valueless(found: str) -> bool:
    """Tell whether it says nothing that a document said: neither a value nor a name."""
    return _VALUELESS.fullmatch(found) is not None


def without_secrets(found: str, scrubber: Scrubber) -> str:
    """Give what was found, with `'***'` for a value that holds one of the secrets."""
    if is_valueless(found):
        return found
    if _NAMES_ONLY.fullmatch(found):
        return _without_names(found, scrubber)
    framed = _FRAMED.fullmatch(found)
    if framed is None:
        return scrubber.scrub(found)
    text = framed["text"] if framed["number"] is None else framed["number"]
    head = framed["head"] or ""
    named = _QUOTED_NAME.fullmatch(head) and scrubber.hides_name(
        text.rpartition("}")[2] + (framed["cut"] or "")
    )
    if not named and not scrubber.finds_in(text, cut=bool(framed["cut"])):
        return f"{_without_names(head, scrubber)}{found[len(head) :]}"
    return f"{_without_names(head, scrubber)}'{MASK}'"  # nor its length


def path_without_secrets(path: str, scrubber: Scrubber) -> str:
    """Give the place of what was found, with `***` for each step whose name may be a secret."""
    return _STEP.sub(lambda step: f"{step[1]}{MASK}" if scrubber.hides_name(step[2]) else step[0], path)


def _without_names(found: str, scrubber: Scrubber) -> str:
    return _NAMED.sub(lambda name: MASK if scrubber.hides_name(name[0]) else name[0], found)


def expected_without_secrets(found: str, expected: str, scrubber: Scrubber) -> str:
    """Give what was expected: as it is, unless a class said it when it refused its values."""
    return scrubber.scrub(expected) if _REFUSED.fullmatch(found) else expected
