"""Texts without the secrets in them: error texts and tracebacks that quote what they were about.

Takes secrets as texts, however they were found, and takes them out of other texts: as they stand, without the blanks
around them, in any case, and as Python, XML and JSON write them; and so are pieces of `PIECE` characters and more, as
whoever quotes may cut. What cannot be done well is not done by half: a secret that is too short to be told from other
words, or too long to be looked for, leaves nothing of the text. Knows no XML and no messages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from xml.sax.saxutils import escape

from agentserver.xmlable.secrets import MASK

PIECE: Final = 8
"""Characters of a secret that are taken out wherever they stand together: fewer may be anything."""
MIN_SECRET: Final = 3
"""Characters of the shortest secret that is looked for."""
MAX_SECRETS: Final = 65_536
"""Characters of all secrets that are looked for: one look takes up to 50 ms then."""
MAX_FORMS: Final = 2_000
"""Ways of writing them that are looked for."""
MAX_SCRUBBED: Final = 32_768
"""Characters of a text that is scrubbed; of a longer one, the beginning and the end are kept."""
LEFT_OUT: Final = "(left out: it may quote something secret)"

_QUOTED: Final = r"(?:(?<=['\"<])|\A){}(?=['\">]|\Z)"
_EVERYDAY: Final = frozenset(("true", "false", "none", "null"))


class Scrubber:
    """Take secrets out of texts.

    Args:
        secrets: What nobody may see.
        names: Names in a document that may be secrets, too, as `strange_names` gives them.
    """

    __slots__ = ("_forms", "_hopeless", "_names", "_pieces", "_short")

    def __init__(self, secrets: Iterable[str], names: Iterable[str] = ()) -> None:
        self._names = frozenset(names)
        known = [secret.strip() for secret in secrets if secret.strip()]
        known += [name for name in sorted(self._names) if not _is_everyday(name)]
        self._short = [secret for secret in known if _is_everyday(secret)]
        texts = [text for text in known if not _is_everyday(text)]
        self._hopeless = len(texts) > MAX_FORMS or sum(map(len, texts)) > MAX_SECRETS
        looked_for = [] if self._hopeless else texts
        forms = {form.lower() for text in looked_for for form in _forms(text) if len(form) >= MIN_SECRET}
        self._hopeless |= len(forms) > MAX_FORMS
        self._forms = sorted(forms)
        self._pieces = {form[at : at + PIECE] for form in forms for at in range(len(form) - PIECE + 1)}

    @classmethod
    def of_everything(cls) -> Scrubber:
        """Return one that leaves nothing of any text, for secrets that cannot be known."""
        scrubber = cls(())
        scrubber._hopeless = True
        return scrubber

    def __bool__(self) -> bool:
        """Tell whether there is anything to take out."""
        return bool(self._forms or self._short or self._hopeless or self._names)

    def scrub(self, text: str) -> str:
        """Return `text` with `***` for what is secret, or `LEFT_OUT` where that cannot be told."""
        lowered = text.lower()
        if self._hopeless or any(secret.lower() in lowered for secret in self._short):
            return LEFT_OUT
        return self._marked(text)

    def scrub_quotes(self, text: str) -> str:
        """Do as `scrub`, for a text that quotes values whole: a short secret is masked where it is quoted."""
        if self._hopeless:
            return LEFT_OUT
        text = bounded(text)
        for secret in self._short:
            text = re.sub(_QUOTED.format(re.escape(secret)), MASK, text, flags=re.IGNORECASE)
        return self._marked(text)

    def hides_name(self, name: str) -> bool:
        """Tell whether a name of an element or attribute may be a secret.

        Args:
            name: The name without its namespace; `…` at its end where that is left out.
        """
        if len(name) > 1 and name.endswith("…"):
            return any(each.startswith(name[:-1]) for each in self._names)
        return name in self._names

    def finds_in(self, value: str, *, cut: bool = False) -> bool:
        """Tell whether a value holds a secret, or a piece of one, or is itself a part of one.

        Args:
            value: The value, as it is quoted.
            cut: Whether its end is left out: then it may end with the first characters of a secret.
        """
        value = value.strip().lower()
        if self._hopeless or any(_word(secret).search(value) for secret in self._short):
            return True
        if len(value) >= MIN_SECRET and any(form in value or value in form for form in self._forms):
            return True
        if any(value[at : at + PIECE] in self._pieces for at in range(len(value) - PIECE + 1)):
            return True
        starts = (form[:length] for form in self._forms for length in range(MIN_SECRET, PIECE))
        return cut and any(value.endswith(start) for start in starts)

    def _marked(self, text: str) -> str:
        text = bounded(text)
        lowered = text.lower()
        if len(lowered) != len(text):  # a few letters are longer in lower case: then places would not agree
            text = lowered
        hidden = bytearray(len(text))
        for form in self._forms:
            for at in _places(form, lowered):
                hidden[at : at + len(form)] = b"\1" * len(form)
        for at in range(len(lowered) - PIECE + 1 if self._pieces else 0):
            if lowered[at : at + PIECE] in self._pieces:
                hidden[at : at + PIECE] = b"\1" * PIECE
        return _without(text, hidden)


def bounded(text: str) -> str:
    """Cut a text of more than `MAX_SCRUBBED` characters in the middle."""
    half = MAX_SCRUBBED // 2
    return text if len(text) <= MAX_SCRUBBED else f"{text[:half]}\n…\n{text[-half:]}"


def _places(form: str, text: str) -> Iterator[int]:
    at = text.find(form)
    while at >= 0:
        yield at
        at = text.find(form, at + 1)


def _without(text: str, hidden: bytearray) -> str:
    return re.sub(
        "\1+|\0+",
        lambda run: MASK if run[0][0] == "\1" else text[run.start() : run.end()],
        hidden.decode("ascii"),
    )


def _word(secret: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(secret.lower())}(?!\w)")


def _is_everyday(secret: str) -> bool:
    """Tell whether a secret is too short, or too common a word, to be told from other words."""
    return len(secret) < MIN_SECRET or secret.lower() in _EVERYDAY


def _forms(secret: str) -> Iterator[str]:
    """Give the ways in which an error text may write a secret."""
    yield secret
    yield from (line.strip() for line in secret.splitlines())
    yield " ".join(secret.split())
    yield repr(secret)[1:-1]
    yield ascii(secret)[1:-1]
    yield repr(secret.encode("utf-8", "surrogatepass"))[2:-1]
    yield json.dumps(secret)[1:-1]
    yield escape(secret, {'"': "&quot;"})
