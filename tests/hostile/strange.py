"""What nobody expects in a field: raw JSON tokens, texts, keys and headers of records. All by a chance with a seed."""

import random

ALPHABETS = (
    "".join(map(chr, range(32))),
    "\"\\/<>&'`$%{}[]()|*+?^",
    "\u202e\u202d\u2066\u2069\u200b\ufeff\u2028\u2029\x7f\x85\xa0",
    "\U00010348\U0001f600\U0001d52d\U0001d536\U0001d531\U0010ffff",
    "e\u0301\u0302\u0303\u0330\xdf \u0130\u0131\u017f\u212a",
    "python.exe -c import os;",
)

LONG_DIGITS = b"9" * 5_000
DEEPEST = 20_000

TOKENS = (
    *(b"null", b"true", b"false", b"[]", b"{}", b'""', b'"-"', b"0", b"-0", b"3", b'"3"', b'" 3 "', b"3.0", b"3e0"),
    *(b"18446744073709551615", b"18446744073709551616", b"9223372036854775808", b"-9223372036854775809"),
    *(b"1e308", b"1e999", b"-1e999", b"1e-999", b"0.1e1", LONG_DIGITS, b'"' + LONG_DIGITS + b'"'),
    *(b"NaN", b"Infinity", b"-Infinity", b"01", b"+1", b".5", b"1.", b"0x10", b"1_000", b"tru", b"'a'", b"-"),
    *(b'"\\ud800"', b'"\\udfff\\ud800"', b'"python\\udc00.exe"', b'"\\u0000"', b'"a\\u0000b"', b'"\\ud83d\\ude00"'),
    *(b'"\\u202egnp.nohtyp"', b'"\\x41"', b'"\\u12"', b'"\x00"', b'"\n"', b'"\xff\xfe"', b'"\xed\xa0\x80"'),
    *(b'"\xc0\x80"', b'"\xf4\x90\x80\x80"', b'"\xf0\x9f\x98"', b'"\xc3"'),
    *(b'[1,"a",{"b":[]}]', b'[{"Name":"Image","text":"python.exe"}]', b'{"Name":{"#text":1}}', b'{"#text":"a"}'),
    *(b'"::1"', b'"::ffff:127.0.0.1"', b'"fe80::1%eth0"', b'"1.2.3.4/33"', b'"256.1.1.1"', b'"127.1"', b'"0177.0.0.1"'),
    *(b'"0001-01-01T00:00:00+23:59"', b'"9999-12-31T23:59:59.999-23:59"', b'"2020-02-30T00:00:00Z"', b'"2020-W01-1"'),
    *(b'"{5E1C0B7A-9D2F-65BA-1A0C}"', b'"{{{}}}"', b'"\\\\"', b'"LAB\\\\"', b'"\\\\a"', b'"MD5=,SHA256==,=,"'),
    *(b'"{\\"Image\\":1}"', b'"<Event>"', b'"&lt;unknown process&gt;"'),
)
"""Values as they stand in JSON, right and wrong ones."""

LARGE = (
    b"[" * DEEPEST + b"]" * DEEPEST,
    b'{"a":' * 500 + b"1" + b"}" * 500,
    b'"' + b"x" * 70_000 + b'"',
    b'"' + b"\\u0001" * 10_000 + b'"',
)
"""As :data:`TOKENS`, and long."""

NAMES = (
    *("Event", "System", "EventData", "Data", "Name", "text", "#text", "#attributes", "winlog", "event", "module"),
    *("event_data", "event_id", "code", "SyslogMessage", "message", "eventType", "EventID", "EventId", "Channel"),
    *("process", "parent", "pid", "hash", "md5", "network", "user", "name", "registry", "dns", "status", "file"),
    *("phRecvTime", "deviceTime", "phCustId", "Image", "SourceIp", "DestinationIp", "DestinationPort", "ProcessGuid"),
    *("User", "Hashes", "Initiated", "EventType", "Message", "UtcTime", "TimeCreated", "@timestamp", "Computer"),
    *("CommandLine", "ParentImage", "Provider", "Hostname", "", "\x00", "__proto__", "\u202e"),
)
"""Names of fields at which some shape looks, and others."""


def text(chance: random.Random, longest: int = 60) -> str:
    """Give a text of characters that mostly do not print."""
    alphabet = chance.choice(ALPHABETS)
    return "".join(chance.choices(alphabet, k=chance.randint(1, longest)))


def tree(chance: random.Random, depth: int = 4) -> bytes:
    """Give JSON of any form, mostly made of names that mean something somewhere."""
    what = chance.random()
    if depth and what < 0.5:
        fields = [b'"%s":%s' % (name(chance), tree(chance, depth - 1)) for _ in range(chance.randint(0, 6))]
        return b"{" + b",".join(fields) + b"}"
    if depth and what < 0.6:
        return b"[" + b",".join(tree(chance, depth - 1) for _ in range(chance.randint(0, 4))) + b"]"
    return token(chance)


def token(chance: random.Random) -> bytes:
    """Give a value as it stands in JSON; one in 200 is long."""
    return chance.choice(LARGE if chance.random() < 0.005 else TOKENS)


def name(chance: random.Random) -> bytes:
    """Give a field's name, as it stands between quotes in JSON."""
    return chance.choice(NAMES).replace("\x00", "\\u0000").encode()


def key(chance: random.Random) -> bytes | None:
    """Give a record's key: none, empty, short, of any bytes, rarely a very long one."""
    what = chance.random()
    if what < 0.5:
        return b"ws-%d" % chance.randrange(1000)
    if what < 0.7:
        return None
    if what < 0.8:
        return chance.choice((b"", b"\x00", b"\xc1progress", b"\xff" * 20, b"null"))
    return chance.randbytes(100_000 if what > 0.9998 else chance.randint(1, 64))


Headers = list[tuple[str, str | bytes | None]]


def headers(chance: random.Random) -> Headers | None:
    """Give a record's headers: mostly none, else many, empty, of any bytes, rarely large ones."""
    what = chance.random()
    if what < 0.9:
        return None
    if what > 0.9995:
        return [("large", chance.randbytes(100_000))]
    names = ("", "position", "\x00", "\u202e", "traceparent", "n" * 300)
    return [
        (chance.choice(names), None if chance.random() < 0.3 else chance.randbytes(chance.randint(0, 40)))
        for _ in range(chance.randint(0, 12))
    ]


def timestamp(chance: random.Random, now: int) -> int:
    """Give a record's timestamp in ms since 1970; 0 is what a producer takes for now."""
    if chance.random() < 0.95:
        return 0
    return chance.choice((1, 999, 10**9, 10**12, now - 3_600_000, now - 601_000, now + 1_800_000))
