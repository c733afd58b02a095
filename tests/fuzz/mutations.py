"""Documents after some edits, as somebody may have broken them: the same ones for the same source of chance."""

from __future__ import annotations

import random

from tests.wire.samples import MESSAGE

SEEDS = (
    MESSAGE,
    b'<?xml version="1.0" encoding="UTF-8"?><!-- c --><p:a xmlns:p="urn:p" p:x="1"><b xmlns="urn:b" y="&amp;"/></p:a>',
    b"<a><![CDATA[x]]>&#65;<b/><b xml:lang='en'>\xc3\xa9</b><?p i?></a>",
    b"Here:\n```xml\n<a>AT&T < 5</a><b/>\n```\nbye",
    b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>',
)
SPLICES = (
    b"<", b">", b"&", b"'", b'"', b"/", b"]]>", b"<!--", b"-->", b"<![CDATA[", b"<?", b"?>", b"&#0;", b"&#xD800;",
    b"\0", b"\xff", b"\xc3", b"\xed\xa0\x80", b"xmlns=''", b' xmlns:p="u"', b"<a>" * 9, b"</a>", b" x='1'", b"+ADw-",
    b"&lt;", b"&e;", b"<!DOCTYPE a>", b"<?xml version='1.1'?>", b"\xef\xbb\xbf", b"\xef\xbf\xbe", b"<b/>" * 40, b" ",
)  # fmt: skip


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
