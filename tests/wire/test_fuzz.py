"""Mutated documents: known codes alone, the same verdict twice, and nothing that another parser would refuse."""

import random
import re
import time
from xml.parsers import expat

import pytest

from agentserver.errors import WireError
from agentserver.wire import ParseLimits, RootsParser, StrictParser, canonical, recover, repair_safely
from tests.wire.samples import MESSAGE

CODES = frozenset(
    (
        *(
            "accept",
            "too-large",
            "not-utf8",
            "encoding",
            "xml-version",
            "doctype",
            "syntax",
            "node-type",
            "too-deep",
        ),
        *(
            "too-many-elements",
            "too-many-attributes",
            "too-many-namespaces",
            "name-too-long",
            "namespace-uri",
        ),
    )
)
LIMITS = ParseLimits(message_bytes=2_000, depth=8, elements=40, attributes=6, name_chars=80, namespaces=6)
SEEDS = [
    MESSAGE,
    b'<?xml version="1.0" encoding="UTF-8"?><!-- c --><p:a xmlns:p="urn:p" p:x="1"><b xmlns="urn:b" y="&amp;"/></p:a>',
    b"<a><![CDATA[x]]>&#65;<b/><b xml:lang='en'>\xc3\xa9</b><?p i?></a>",
    b"Here:\n```xml\n<a>AT&T < 5</a><b/>\n```\nbye",
    b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>',
]
SPLICES = [
    *(
        b"<",
        b">",
        b"&",
        b"'",
        b'"',
        b"/",
        b"]]>",
        b"<!--",
        b"-->",
        b"<![CDATA[",
        b"<?",
        b"?>",
        b"&#0;",
        b"&#xD800;",
    ),
    *(
        b"\0",
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
        b"xmlns=''",
        b' xmlns:p="u"',
        b"<a>" * 9,
        b"</a>",
        b" x='1'",
        b"+ADw-",
    ),
    *(
        b"&lt;",
        b"&e;",
        b"<!DOCTYPE a>",
        b"<?xml version='1.1'?>",
        b"\xef\xbb\xbf",
        b"\xef\xbf\xbe",
        b"<b/>" * 40,
        b" ",
    ),
]


def mutated(source: random.Random) -> bytes:
    """Return a seed after one to four edits."""
    data = bytearray(source.choice(SEEDS))
    for _ in range(source.randint(1, 4)):
        at, edit = source.randrange(len(data) + 1), source.randrange(4)
        if edit == 0:
            data[at:at] = source.choice(SPLICES)
        elif edit == 1:
            del data[at : at + source.randint(1, 12)]
        elif edit == 2:
            data[at : at + 1] = bytes([source.randrange(256)])
        else:
            other = source.randrange(len(data) + 1)
            data[at:at] = data[min(at, other) : max(at, other)][:40]
    return bytes(data)


def judged(parser: StrictParser, data: bytes) -> tuple[str, bytes]:
    """Return the code and, of what is taken, the canonical form."""
    try:
        return "accept", canonical(parser.parse(data))
    except WireError as error:
        return error.code, b""


def expat_takes(data: bytes) -> bool:
    """Ask expat, which knows the names of XML 1.0 (4th ed.) alone: other letters are put in place of newer ones."""
    return well_formed(data) or well_formed(re.sub("[^\0-\x7f]", "é", data.decode()).encode())


def well_formed(data: bytes) -> bool:
    parser = expat.ParserCreate(namespace_separator=" ")
    try:
        parser.Parse(data, True)
    except expat.ExpatError:
        return False
    return True


def check(seed: int, seconds: float) -> int:
    """Judge mutated documents for at most that long, and return how many."""
    source = random.Random(seed)
    parser, count, deadline = StrictParser(LIMITS), 0, time.monotonic() + seconds
    while time.monotonic() < deadline and count < 20_000:
        count += 1
        data = mutated(source)
        code, form = judged(parser, data)
        assert code in CODES, data
        assert (code, form) == judged(parser, data), data
        if code == "accept":
            assert expat_takes(data), data
            assert ("accept", form) == judged(StrictParser(ParseLimits()), form), data
        else:
            check_repairs(data)
    return count


def safely(data: bytes) -> bytes:
    return repair_safely(data).data


def recovering(data: bytes) -> bytes:
    return recover(data, LIMITS).data


def check_repairs(data: bytes) -> None:
    for repair in (safely, recovering):
        code, forms = "accept", list[bytes]()
        try:
            roots, _ = RootsParser(LIMITS).parse(repair(data))
            forms = [canonical(root) for root in roots]
        except WireError as error:
            code = error.code
        assert code in CODES, data
        assert all(map(expat_takes, forms)), data


@pytest.mark.parametrize("seed", [1, 2])
def test_mutated_documents(seed: int) -> None:
    assert check(seed, seconds=1.0) > 100


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 15))
def test_many_mutated_documents(seed: int) -> None:
    assert check(seed, seconds=10.0) > 1_000
