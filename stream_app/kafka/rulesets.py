"""The rules topic: records in, whole sets of rules out, and what is wrong by its place.

A set is published as its files, each under ``file/<SHA-256>``, and last a manifest under ``set/<id>`` that names them.
Decision: what was published last is what should run, and a set is there or it is not. Who has read to the end has the
manifest and all that stands before it, or the set before that one; a manifest whose files are not there, or do not hold
what their keys say, is a set that is not whole, and is refused. What was pruned is a record without a value.
"""

from collections.abc import Mapping, Sequence

import msgspec
from confluent_kafka import Message
from msgspec import Struct

from stream_app.kafka.compacted import place_of
from stream_app.rulebook.ruleset import RuleSet, digest

FILE, SET = "file/", "set/"
VERSION = 1


class SetRefused(Exception):
    """A set that cannot run. ``set_id`` is what was to run, or the place of what names none; ``problems`` say why.

    ``passing``: it may run once whatever it needs is there.
    """

    def __init__(self, set_id: str, problems: Sequence[str], *, passing: bool = False) -> None:
        super().__init__("\n".join(problems))
        self.set_id = set_id
        self.problems = tuple(problems)
        self.passing = passing


class Manifest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a set is made of, and where it comes from."""

    version: int = VERSION
    files: dict[str, str | None]
    """By path within the folder of rules, the SHA-256 of its content; None for a folder."""
    published_at: int
    """ms since 1970."""
    by: str = ""
    message: str = ""


class Published(Struct, frozen=True):
    """A set on the topic."""

    id: str
    manifest: Manifest


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Manifest)


def encode_manifest(manifest: Manifest) -> bytes:
    """Give the JSON that stands on the topic."""
    return _encode(manifest)


class Catalogue:
    """What stands on the topic, as far as it was read."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        """By digest."""
        self._sets: dict[str, Published] = {}
        self.rubbish: dict[str, str] = {}
        """Why, by the place of each record that is none of ours."""

    @property
    def sets(self) -> list[Published]:
        """All sets, the one published last first.

        Decision: in the order in which they were read, which is that of the topic's one partition; offsets begin anew
        where the topic was made anew.
        """
        return [*reversed(self._sets.values())]

    def take(self, message: Message) -> str:
        """Take a record; says what is wrong with it, empty where nothing is."""
        key, value = message.key() or b"", message.value()
        wrong = self._take(key.decode(errors="backslashreplace"), value)
        if wrong:
            self.rubbish[place_of(message)] = wrong
        return wrong

    def _take(self, key: str, value: bytes | None) -> str:
        if key.startswith(FILE):
            return self._take_file(key.removeprefix(FILE), value)
        if not key.startswith(SET):
            return f"its key {key[:80]!r} begins neither with {FILE} nor with {SET}"
        set_id = key.removeprefix(SET)
        if value is None:
            self._sets.pop(set_id, None)
            return ""
        try:
            manifest = _decoder.decode(value)
        except ValueError as error:  # msgspec's, or a text in it that is not UTF-8
            return f"it is no manifest of a set: {error}"
        if manifest.version != VERSION:
            return f"manifest version {manifest.version}, this version reads {VERSION}"
        self._sets.pop(set_id, None)  # published again, it is the newest
        self._sets[set_id] = Published(set_id, manifest)
        return ""

    def _take_file(self, key: str, value: bytes | None) -> str:
        if value is None:
            self.files.pop(key, None)
            return ""
        if digest(value) != key:
            return f"it does not hold what its key says: its SHA-256 is {digest(value)}"
        self.files[key] = value
        return ""

    def whole(self, published: Published) -> RuleSet:
        """Give a set with its files. Raises SetRefused where one is missing, or the set is not what it is called."""
        named = published.manifest.files
        missing = [path for path, each in named.items() if each is not None and each not in self.files]
        if missing:
            some = ", ".join(sorted(missing)[:3])
            said = f"set {published.id} is not whole: {len(missing)} of {len(named)} files are missing, such as {some}"
            raise SetRefused(published.id, [said], passing=True)
        found = RuleSet({path: None if each is None else self.files[each] for path, each in named.items()})
        if found.id != published.id:
            raise SetRefused(published.id, [f"set {published.id} is not what it is called: it holds {found.id}"])
        return found


def manifest_of(rules: RuleSet, *, published_at: int, by: str, message: str) -> Manifest:
    """Give the manifest of a set."""
    files = {path: None if data is None else digest(data) for path, data in sorted(rules.files.items())}
    return Manifest(files=files, published_at=published_at, by=by, message=message)


def contents(rules: RuleSet) -> Mapping[str, bytes]:
    """Give the records of a set's files: key to value."""
    return {FILE + digest(data): data for data in rules.files.values() if data is not None}
