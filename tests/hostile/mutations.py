"""Records made worse: a seed's bytes go in, bytes of which nobody knows whether they are a record come out.

Decision: each way is a function of its own with a name, so that a discrepancy says what kind of record it was.
"""

import random
import re

from tests.hostile import strange

_FIELD = re.compile(rb'"[^"\\]{0,40}"\s*:\s*("(?:[^"\\]|\\.)*"|[-+.\w]+)')
"""A JSON field with a value that is no list and no object."""

_TEXT = re.compile(rb">[^<]*<")
_ELEMENT_TEXTS = (
    *(b"&a;", b"&#0;", b"&#xD800;", b"&#x1F600;", b"&#x202E;", b"&lt;b&gt;", b"&unknown;", b"a & b", b"a < b", b"]]>"),
    *(b"<![CDATA[<b>&a;]]>", b"<![CDATA[", b"<!-- -- -->", b"<?php x ?>", b"<b>a</b>", b"\x00", b"\x0b", b"\xff"),
    *(b"\xed\xa0\x80", b"<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='file:///etc/passwd'/>"),
    *(b"<a>" * 300 + b"</a>" * 300, b"<a>" * 2_000, b"x" * 7_000, "\u202egnp.nohtyp".encode(), b"python.exe", b""),
)
_PROLOGUES = (
    b'<!DOCTYPE Event [<!ENTITY a "ha">]>',
    b'<!DOCTYPE Event [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
    b"<!DOCTYPE Event SYSTEM 'http://192.0.2.1/a.dtd'>",
    b'<!DOCTYPE Event [<!ENTITY %% p SYSTEM "http://192.0.2.1/p"> %%p;]>',
    b"<!doctype Event>",
    b"<?xml version='1.0' encoding='utf-16'?>",
    b"<?xml version='1.1'?>",
    b"<?xml version='1.0' standalone='yes'?>",
    b"<?xml-stylesheet href='http://192.0.2.1/x'?>",
    b"<!-- -->",
    b"\xef\xbb\xbf",
    b"<Events>",
)
_BOMB = b"<!DOCTYPE Event [<!ENTITY a0 'ha'>%s]>" % b"".join(
    b"<!ENTITY a%d '%s'>" % (level, b"&a%d;" % (level - 1) * 10) for level in range(1, 10)
)


def cut(chance: random.Random, seed: bytes) -> bytes:
    """Cut the end off."""
    return seed[: chance.randint(0, len(seed))]


def hole(chance: random.Random, seed: bytes) -> bytes:
    """Take a piece out."""
    start = chance.randint(0, len(seed))
    return seed[:start] + seed[start + chance.randint(1, 60) :]


def noise(chance: random.Random, seed: bytes) -> bytes:
    """Put bytes of any kind in."""
    at = chance.randint(0, len(seed))
    return seed[:at] + chance.randbytes(chance.randint(1, 16)) + seed[at:]


def flipped(chance: random.Random, seed: bytes) -> bytes:
    """Turn a few bits round."""
    data = bytearray(seed)
    for _ in range(chance.randint(1, 4) if data else 0):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def nul(chance: random.Random, seed: bytes) -> bytes:
    """Put NULs in, or behind."""
    at = chance.choice((chance.randint(0, len(seed)), len(seed), 0))
    return seed[:at] + b"\x00" * chance.randint(1, 9) + seed[at:]


def wrong_type(chance: random.Random, seed: bytes) -> bytes:
    """Give one or more JSON fields a value of another kind."""
    for _ in range(chance.randint(1, 3)):
        fields = list(_FIELD.finditer(seed))
        if fields:
            one = chance.choice(fields)
            seed = seed[: one.start(1)] + strange.token(chance) + seed[one.end(1) :]
    return seed


def duplicated(chance: random.Random, seed: bytes) -> bytes:
    """Say one JSON field twice, with two values, or an object's first field before the object's own."""
    fields = list(_FIELD.finditer(seed))
    if not fields:
        return seed + seed
    one = chance.choice(fields)
    before = one.group().partition(b":")[0] + b":" + strange.token(chance) + b","
    return seed[: one.start()] + before + seed[one.start() :]


def renamed(chance: random.Random, seed: bytes) -> bytes:
    """Give a JSON field another name, which may make another shape of the record."""
    fields = list(_FIELD.finditer(seed))
    if not fields:
        return seed
    one = chance.choice(fields)
    return seed[: one.start() + 1] + strange.name(chance) + seed[seed.index(b'"', one.start() + 1) :]


def wrapped(chance: random.Random, seed: bytes) -> bytes:
    """Put the record into something, or something around it."""
    around = chance.choice(
        (b"[%s]", b'{"message":%s}', b'{"Event":%s}', b"\xef\xbb\xbf%s", b" \r\n%s\t", b"%s\n%s", b"<13>%s", b'"%s"')
    )
    return around.replace(b"%s", seed)


def encoded(chance: random.Random, seed: bytes) -> bytes:
    """Write the record in another encoding."""
    text = seed.decode(errors="replace")
    return text.encode(chance.choice(("utf-16", "utf-16-le", "utf-32", "utf-7", "cp037", "cp1252")), errors="replace")


def element(chance: random.Random, seed: bytes) -> bytes:
    """Put something that must not be there, or must be read exactly, into an XML element."""
    texts = list(_TEXT.finditer(seed))
    if not texts:
        return seed
    one = chance.choice(texts)
    return seed[: one.start() + 1] + chance.choice(_ELEMENT_TEXTS) + seed[one.end() - 1 :]


def prologue(chance: random.Random, seed: bytes) -> bytes:
    """Put a document type or the like in front of XML, and a use of its entity into it."""
    return chance.choice(_PROLOGUES) + element(chance, seed)


def bomb(chance: random.Random, seed: bytes) -> bytes:
    """Put entities that grow tenfold at each of nine levels in front of XML, and use the last one."""
    used = seed.replace(b">", b">&a9;", 1 + chance.randrange(8))
    return _BOMB + (used if seed.startswith(b"<") else b"<Event>&a9;</Event>")


def attributes(chance: random.Random, seed: bytes) -> bytes:
    """Give an XML element many attributes, or one twice."""
    more = b"".join(b" a%d='%d'" % (number, number) for number in range(chance.choice((2, 10_000))))
    return seed.replace(b"<Data ", b"<Data%s " % chance.choice((more, b" Name='Image'")), 1)
