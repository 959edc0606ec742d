"""Generated rules of Sigma's mix: a number and a seed go in; rules of every category, in Sigma's shares, come out.

How they resemble. Of SigmaHQ's Windows rules that Sysmon's events can answer, :data:`MIX` is the number by category;
a set of another size has the same shares. Each category has the forms that its rules have in Sigma, in the converter's
words (terms.py): a process by ``Image`` or ``OriginalFileName``, with one to several parts of its command line, all or
any of them; by its parent; by folder; by hash or by product; a registry key by a part or by its end, with the value
written; a file by its ending and folder; an image by its name, loaded from elsewhere than where it belongs; and so on.
One rule in three has exclusions, each the negative of one or two terms. One program in two is one that every Windows
has, as Sigma's are (powershell, rundll32, cmd …), and real hives, folders and libraries stand in front of invented
ends: such rules look closely at many records, and match few. Why: what a rule set of a SOC costs is decided by how many
rules remain for an event of a type, and how far their literals are from what common records hold.
"""

import random
from collections.abc import Callable, Iterator, Mapping

from tests.benchmarks.connection_rules import CONNECTION, QUERY, SEVERITIES
from tests.benchmarks.rulefolders import RuleText, rule_text
from tests.benchmarks.terms import contains, contains_all, either, ends, equals, image, query, starts
from tests.benchmarks.words import BROWSERS, HOMES, STAGES, SYSTEM_LIBRARIES, TYPES, Words

MIX: Mapping[str, int] = {
    "process_creation": 1183,
    "registry_set": 204,
    "registry_event": 32,
    "registry_delete": 10,
    "registry_add": 1,
    "file_event": 166,
    "file_delete": 12,
    "image_load": 100,
    "network_connection": 51,
    "process_access": 23,
    "dns_query": 22,
    "pipe_created": 17,
    "create_remote_thread": 11,
    "driver_load": 10,
    "create_stream_hash": 9,
    "wmi_event": 3,
    "process_tampering": 5,
}
"""Category → rules; the five others of Sigma stand under process_tampering."""

COMMON = 0.5
EXCLUDED = 0.33


def sigma_rules(count: int, seed: int = 1872) -> Iterator[RuleText]:
    """Give ``count`` rules, category by category."""
    words = Words(random.Random(seed))
    number = 0
    for category, share in apportioned(count).items():
        for _ in range(share):
            text = query(*FORMS[category](words))
            severity = words.chance.choice(SEVERITIES)
            yield rule_text(f"Sigma_{number:04d}", f"Generated: {category} {words.name()}", severity, text)
            number += 1


def apportioned(count: int) -> dict[str, int]:
    """Share ``count`` out as the mix is, largest remainders first."""
    whole = sum(MIX.values())
    shares = {category: count * number // whole for category, number in MIX.items()}
    rest = sorted(MIX, key=lambda category: -(count * MIX[category] % whole))
    for category in rest[: count - sum(shares.values())]:
        shares[category] += 1
    return shares


def _exclusions(words: Words, attribute: str = "procName") -> Iterator[str]:
    """Exclude what is known to be good, in one rule of three."""
    if words.chance.random() > EXCLUDED:
        return
    for _ in range(words.few(4)):
        program = image(attribute, words.programs(2, 0.2), negated=True)
        home = starts(attribute, words.some(HOMES, 2), negated=True)
        yield words.chance.choice((program, home, either(home, program)))


def _process(words: Words) -> Iterator[str]:
    yield 'eventType="Win-Sysmon-1-Create-Process"'
    chance = words.chance
    form = chance.choices((_by_program, _by_command, _by_parent, _by_folder, _by_origin), (50, 20, 15, 8, 7))[0]
    yield from form(words)
    yield from _exclusions(words, chance.choice(("procName", "parentProcName", "command")))


def _by_program(words: Words) -> Iterator[str]:
    """Name a program by path or by the name in its resources, and what it was told to do."""
    programs = words.programs(3, COMMON)
    if words.chance.random() < 0.7:
        yield either(image("procName", programs), equals("srcFileName", programs))
    else:
        yield image("procName", programs)
    yield _command(words, 0.5)
    if words.chance.random() < 0.5:
        yield contains("command", sorted({words.switch() for _ in range(words.few(8))}))


def _by_command(words: Words) -> Iterator[str]:
    yield _command(words, 0.0)
    if words.chance.random() < 0.6:
        yield contains("command", sorted({words.switch(0.3) for _ in range(words.few(8))}))


def _by_parent(words: Words) -> Iterator[str]:
    yield image("parentProcName", words.programs(4, COMMON))
    yield image("procName", words.programs(6, COMMON))
    if words.chance.random() < 0.7:
        yield _command(words, 0.2)


def _by_folder(words: Words) -> Iterator[str]:
    yield contains("procName", [words.chance.choice(STAGES) + words.word(1)])
    if words.chance.random() < 0.5:
        yield image("procName", words.programs(3, 0.2))


def _by_origin(words: Words) -> Iterator[str]:
    if words.chance.random() < 0.4:
        yield either(contains("hashCode", [f"IMPHASH={words.digest()}" for _ in range(words.few(12))]), _named(words))
    else:
        yield either(_named(words), equals("description", [f"{words.name()} {words.name()}"]))


def _named(words: Words) -> str:
    return equals(words.chance.choice(("product", "company", "srcFileName")), [f"{words.name()} {words.name()}"])


def _command(words: Words, common: float) -> str:
    """Ask for a part of the command line, for all of several, or for any of several with one that is invented."""
    invented = words.switch(common)
    if words.chance.random() < 0.4:
        return contains_all("command", sorted({invented, words.switch(0.2), words.switch(0.0)}))
    return contains("command", sorted({invented, *(words.switch(0.1) for _ in range(words.few(6) - 1))}))


def _registry(types: str) -> Callable[[Words], Iterator[str]]:
    def form(words: Words) -> Iterator[str]:
        yield types
        chance = words.chance
        drawn = chance.random()
        if drawn < 0.45:
            yield contains("regKeyPath", sorted({words.key() for _ in range(words.few(6))}))
        elif drawn < 0.8:
            yield ends("regKeyPath", [f"\\{words.name()}" for _ in range(words.few(4))])
        else:
            yield contains_all("regKeyPath", [f"\\{words.name()}\\", f"\\{words.name()}"])
        drawn = chance.random()
        if "13" in types and drawn < 0.4:
            yield equals("details", [f"DWORD (0x0000000{chance.randrange(3)})"])
        elif "13" in types and drawn < 0.65:
            yield contains("details", [words.switch(0.3) for _ in range(words.few(4))])
        yield from _exclusions(words)

    return form


def _file(event: str) -> Callable[[Words], Iterator[str]]:
    def form(words: Words) -> Iterator[str]:
        yield f'eventType="{event}"'
        drawn = words.chance.random()
        if drawn < 0.4:
            yield ends("fileName", [f"\\{words.word()}{words.chance.choice(TYPES)}" for _ in range(words.few(12))])
        elif drawn < 0.75:
            yield contains("fileName", [words.folder() + words.word(1)])
            yield ends("fileName", words.some(TYPES, 4))
        else:
            yield image("procName", words.programs(4, COMMON))
            yield ends("fileName", [words.word(1) + each for each in words.some(TYPES, 4)])
        yield from _exclusions(words)

    return form


def _image_load(words: Words) -> Iterator[str]:
    yield 'eventType="Win-Sysmon-7-Image-Loaded"'
    chance = words.chance
    drawn = chance.random()
    if drawn < 0.6:  # a library that is put where a program looks first
        yield image("loadedProcName", [f"{words.word()}.dll" for _ in range(words.few(6))])
        yield starts("loadedProcName", words.some(HOMES, 4), negated=True)
    elif drawn < 0.85:  # a system's library in a process that has no need of it
        yield image("loadedProcName", words.some(SYSTEM_LIBRARIES, 3))
        yield image("procName", words.programs(4, 0.0))
    else:
        yield contains("loadedProcName", [words.chance.choice(STAGES) + words.word(1)])
        yield 'authResult="false"'
    yield from _exclusions(words)


def _access(words: Words) -> Iterator[str]:
    yield 'eventType="Win-Sysmon-10-ProcessAccess"'
    chance = words.chance
    drawn = chance.random()
    if drawn < 0.5:
        yield image("targetProcName", ["lsass.exe"])
        yield contains("procPath", words.some(SYSTEM_LIBRARIES[:2], 2)) if drawn < 0.2 else _rights(words)
        yield contains("procName", [words.folder() + words.word(1)])
    elif drawn < 0.75:
        yield image("procName", words.programs(3, 0.2))
        yield _rights(words)
    else:
        yield contains("procPath", [f"\\{words.word()}.dll+{words.digest(5).lower()}"])
    yield from _exclusions(words)


def _rights(words: Words) -> str:
    rights = ["0x1010", "0x1038", "0x1410", "0x1438", "0x143a", "0x1fffff"]
    return equals("accessKeyId", words.some(rights, 6))


def _connection(words: Words) -> Iterator[str]:
    yield CONNECTION
    yield 'initiated="true"'
    if words.chance.random() < 0.6:
        yield image("procName", words.programs(3, 0.3))
    else:
        yield ends("destName", [words.domain() for _ in range(words.few(20))])
        yield equals("procName", BROWSERS[:2], negated=True)
    yield from _exclusions(words)


def _dns(words: Words) -> Iterator[str]:
    yield QUERY
    yield ends("queryId", [words.domain() for _ in range(words.few(20))])
    yield from _exclusions(words)


def _pipe(words: Words) -> Iterator[str]:
    yield 'eventType="Win-Sysmon-17-PipeCreated"'
    names = [f"\\{words.word()}" for _ in range(words.few(10))]
    yield starts("vpnTunnelName", names) if words.chance.random() < 0.5 else equals("vpnTunnelName", names)


def _thread(words: Words) -> Iterator[str]:
    yield 'eventType="Win-Sysmon-8-CreateRemoteThread"'
    yield image("procName", words.programs(6, 0.4))
    yield image("targetProcName", words.programs(3, 0.1))
    yield from _exclusions(words)


def _driver(words: Words) -> Iterator[str]:
    yield 'eventType="Win-Sysmon-6-Driver-Loaded"'
    if words.chance.random() < 0.5:
        yield contains("hashCode", [f"SHA256={words.digest(64)}" for _ in range(words.few(40))])
    else:
        yield image("loadedProcName", [f"{words.word()}.sys" for _ in range(words.few(12))])


def _stream(words: Words) -> Iterator[str]:
    yield 'eventType="Win-Sysmon-15-FileCreateStreamHash"'
    yield contains("lineContent", [words.domain() for _ in range(words.few(10))])
    yield ends("fileName", [f"{each}:Zone" for each in words.some(TYPES, 6)])


def _wmi(words: Words) -> Iterator[str]:
    yield 'eventType REGEXP "Win-Sysmon-(19|20|21)-WMI-Event.*"'
    yield contains("Destination", [words.switch(0.3), words.name()])


def _tampering(words: Words) -> Iterator[str]:
    yield 'eventType="Win-Sysmon-25-Process-Tampering"'
    yield image("procName", words.programs(3, COMMON))
    yield from _exclusions(words)


FORMS: Mapping[str, Callable[[Words], Iterator[str]]] = {
    "process_creation": _process,
    "registry_set": _registry('eventType="Win-Sysmon-13-Registry-SetValue"'),
    "registry_event": _registry('eventType REGEXP "Win-Sysmon-(12|13|14)-Registry-.*"'),
    "registry_delete": _registry(
        'eventType IN ("Win-Sysmon-12-Registry-DeleteKey","Win-Sysmon-12-Registry-DeleteValue")'
    ),
    "registry_add": _registry('eventType="Win-Sysmon-12-Registry-CreateKey"'),
    "file_event": _file("Win-Sysmon-11-FileCreate"),
    "file_delete": _file("Win-Sysmon-23-FileDelete-archived"),
    "image_load": _image_load,
    "network_connection": _connection,
    "process_access": _access,
    "dns_query": _dns,
    "pipe_created": _pipe,
    "create_remote_thread": _thread,
    "driver_load": _driver,
    "create_stream_hash": _stream,
    "wmi_event": _wmi,
    "process_tampering": _tampering,
}
"""Category → its rules' terms."""
