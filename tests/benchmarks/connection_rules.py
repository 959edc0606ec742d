r"""Generated rules of the converted rules' form: a number and a seed go in, rules about connections and DNS come out.

How they resemble. The 72 converted rules are 50 about network connections and 22 about DNS queries; so are these, 25 to
11. Their terms, measured over those files, are followed in kind and number: each names the event type (``REGEXP
"Win-Sysmon-3-Network-Connect.*"`` or ``=``) and ``initiated``; two of three connection rules name a program by REGEXP
of ``\\x\.exe$``, two of five a domain (1 to 40 of them in one pattern), one of four ports (``=`` or IN, up to 50); two
of five exclude eight private networks one by one with ``!=``, some of them Microsoft's as well; one of four excludes
browsers and product folders by pairs of NOT IN and five to twelve NOT REGEXP. Groups are all attributes that are read
and hostName, windows 300 s, ``COUNT(*) >= 1``. Why: an operator, a pattern's anchors and a list's length decide what a
filter costs and what can be screened; what the words are does not, so they are invented (words.py).
"""

import random
from collections.abc import Iterator

from tests.benchmarks.rulefolders import RuleText, rule_text
from tests.benchmarks.terms import contains, either, ends, equals, image, query, starts
from tests.benchmarks.words import BROWSERS, HOMES, Words

DNS = 22 / 72
CONNECTION = 'eventType REGEXP "Win-Sysmon-3-Network-Connect.*"'
QUERY = 'eventType="Win-Sysmon-22-DNS-Query"'
PRIVATE = (
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "::1/128", "fe80::/10",
    "fc00::/7",
)  # fmt: skip
MICROSOFT = ("20.0.0.0/8", "51.103.0.0/16", "51.104.0.0/16", "51.105.0.0/16")
BUSY = frozenset(
    ("powershell.exe", "pwsh.exe", "svchost.exe", "notepad.exe", "services.exe", "lsass.exe", "explorer.exe")
)
"""Programs that connect at any time: a rule about one of them says where to as well."""
SEVERITIES = (3, 5, 7, 9)


def connection_rules(count: int, seed: int = 1774) -> Iterator[RuleText]:
    """Give so many rules; the first ones of a larger number are those of a smaller one."""
    words = Words(random.Random(seed))
    chance = words.chance
    for number in range(count):
        text = _dns(words) if chance.random() < DNS else _connection(words)
        yield rule_text(f"Connections_{number:04d}", f"Generated: {words.name()}", chance.choice(SEVERITIES), text)


def _connection(words: Words) -> str:
    chance = words.chance
    drawn = chance.random()
    by_program = drawn < 0.65
    by_domain = not by_program or chance.random() < 0.1
    terms: list[str | None] = [CONNECTION]
    programs: list[str] = []
    if by_program:
        many = chance.random() < 0.1
        programs = sorted({words.program(0.3) for _ in range(12)}) if many else words.programs(4, 0.3)
        in_folder = chance.random() < 0.15
        terms.append(contains("procName", [words.folder()]) if in_folder else image("procName", programs))
    terms.append(f'initiated="{"true" if chance.random() < 0.93 else "false"}"')
    if by_domain:
        terms.append(ends("destName", _domains(words, 40)))
    if chance.random() < (0.25 if by_program else 0.05) or (BUSY.intersection(programs) and not by_domain):
        terms.append(_ports(words))
    if by_program and chance.random() < 0.6:
        networks = (*PRIVATE, *MICROSOFT) if chance.random() < 0.2 else PRIVATE
        terms.extend(f"destIpAddr!={network}" for network in networks)
    if chance.random() < 0.25:
        terms.extend(_exclusions(words))
    elif chance.random() < 0.15:
        pair = (starts("parentProcName", [words.chance.choice(HOMES)], negated=True), _no_switch(words))
        terms.append(either(*pair))
    return query(*terms)


def _dns(words: Words) -> str:
    chance = words.chance
    terms: list[str | None] = [QUERY]
    drawn = chance.random()
    if drawn < 0.55:
        terms.append(ends("queryId", _domains(words, 20)))
    elif drawn < 0.8:
        terms.append(contains("queryId", [words.domain() for _ in range(words.few(4))]))
    elif drawn < 0.9:
        terms.append(equals("queryId", [words.domain(), words.domain()]))
    else:
        terms.append(starts("queryId", [f"_{words.word(1)}."]))
    if chance.random() < 0.15:
        terms.append(image("procName", words.programs(2, 0.4)))
    elif chance.random() < 0.4:
        terms.extend(_exclusions(words))
    return query(*terms)


def _domains(words: Words, most: int) -> list[str]:
    """Give domains; a list is short, or as long as it can be."""
    number = words.few(5) if words.chance.random() < 0.7 else words.chance.randint(most // 2, most)
    return sorted({words.domain() for _ in range(number)})


def _ports(words: Words) -> str:
    chance = words.chance
    drawn = chance.random()
    if drawn < 0.4:
        return f"destIpPort={chance.choice((22, 88, 389, 445, 3389, 5985, chance.randint(1024, 65535)))}"
    number = chance.randint(2, 4) if drawn < 0.8 else chance.randint(10, 50)
    return f"destIpPort IN ({','.join(str(each) for each in sorted(chance.sample(range(100, 65536), number)))})"


def _exclusions(words: Words) -> Iterator[str]:
    """Exclude browsers in the two places where they are, and folders and programs one by one."""
    chance = words.chance
    for at in range(0, 2 * words.few(3), 2):
        yield equals("procName", BROWSERS[at : at + 2], negated=True)
    for _ in range(chance.randint(2, 10)):
        if chance.random() < 0.5:
            yield image("procName", [words.program(0.0)], negated=True)
        else:
            yield starts("procName", [f"{chance.choice(HOMES)}{words.name()}\\"], negated=True)


def _no_switch(words: Words) -> str:
    return contains("command", [words.switch()], negated=True)
