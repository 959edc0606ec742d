"""Where keys and values of TOML stand."""

import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.rulebook.places import Entry, find_places

TEXT = """\
# a comment = "not a key"
a = 1   # one
"b \\" c".'d' = 'x#y'
[ t . u ]
list = [1, [2, \"\"\"x
y\\\"\"\"\"\"\"\"\"], {f = true, g.h = {}}, # ]
  1979-05-27 07:32:00 ,]
[[v]]
w = '''a'b'''''
[v.x]
y = ""
[[v.x.z]]
[[v]]
w = inf
"""


def span(path: tuple[str | int, ...]) -> str:
    """Give the text of a value of TEXT."""
    entry = find_places(TEXT)[path]
    return TEXT[entry.start : entry.end]


def key(path: tuple[str | int, ...]) -> str:
    """Give the text of a key of TEXT, up to the value."""
    entry = find_places(TEXT)[path]
    return TEXT[entry.key : entry.start]


def test_a_scalar_ends_before_blanks_and_comments() -> None:
    """The span of a number is the number."""
    assert "1" == span(("a",))
    assert "a = " == key(("a",))


def test_a_quoted_and_dotted_key_is_found_by_its_names() -> None:
    """Quotes and escapes are the key's spelling, not its name; the table between has the place of its first mention."""
    assert "'x#y'" == span(('b " c', "d"))
    assert '"b \\" c".\'d\' = ' == key(('b " c', "d"))
    assert '"b \\" c".\'d\'' == span(('b " c',))


def test_elements_of_an_array_have_places_of_their_own() -> None:
    """Arrays and inline tables are walked, over comments and lines."""
    assert "1" == span(("t", "u", "list", 0))
    assert '"""x\ny\\""""""' == span(("t", "u", "list", 1, 1))
    assert "true" == span(("t", "u", "list", 2, "f"))
    assert "{}" == span(("t", "u", "list", 2, "g", "h"))
    assert "1979-05-27 07:32:00" == span(("t", "u", "list", 3))


def test_a_header_is_the_span_of_its_table() -> None:
    """A table is where its header is, and a table above it that has no header as well."""
    assert "[ t . u ]" == span(("t", "u"))
    assert "[[v]]" == span(("v", 1))
    assert "[v.x]" == span(("v", 0, "x"))
    assert "[[v.x.z]]" == span(("v", 0, "x", "z", 0))
    assert find_places(TEXT)["t",].key == TEXT.index("[ t")


def test_a_header_below_an_array_of_tables_means_its_newest_element() -> None:
    """Values under two elements of an array are kept apart."""
    assert "'''a'b'''''" == span(("v", 0, "w"))
    assert '""' == span(("v", 0, "x", "y"))
    assert "inf" == span(("v", 1, "w"))


def test_an_empty_document_is_its_root() -> None:
    """A document of nothing but blanks has one place."""
    assert {(): Entry(0, 0, 0)} == find_places(" \n# nothing\n")


scalars = st.sampled_from(
    [
        "1",
        "-0x1F",
        "1_000.5e3",
        "nan",
        "true",
        "1979-05-27T07:32:00Z",
        "07:32:00",
        '""',
        '"a # \\" ] b"',
        "'c:\\'",
        '"""\n"""',
        '"""a""b\\"""""""',
        "'''\n''x\n'''''",
    ]
)
keys = st.sampled_from(["a", "b", "c-d", "1", '"e.f"', "'g'", '""', "a.b", "b . 'x y'"])
space = st.sampled_from(["", " ", "\t", "  "])
lines = st.sampled_from(["", " ", "\n", " # ]}\n\t"])


def array(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Write arrays of values."""
    element = st.tuples(lines, values, lines).map("".join)
    return st.tuples(st.lists(element, max_size=3).map(",".join), lines).map(lambda parts: f"[{parts[0]}{parts[1]}]")


def inline(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Write inline tables of values."""
    pair = st.tuples(space, keys, space, st.just("="), space, values, space).map("".join)
    return st.lists(pair, max_size=3).map(lambda pairs: f"{{{','.join(pairs)}}}")


values = st.recursive(scalars, lambda inner: array(inner) | inline(inner), max_leaves=6)
pairs = st.tuples(space, keys, space, st.just("="), space, values, st.sampled_from(["\n", " # x\n"])).map("".join)
headers = st.tuples(st.sampled_from([("[", "]\n"), ("[[", "]]\n")]), space, keys, space).map(
    lambda parts: f"{parts[0][0]}{parts[1]}{parts[2]}{parts[3]}{parts[0][1]}"
)
documents = st.lists(pairs | headers | st.just("# y\n"), max_size=8).map("".join)


def leaves(value: object, path: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], object]:
    """Give all values of a document by path, tables and arrays too."""
    found = {path: value}
    if isinstance(value, dict):
        for name, inner in value.items():
            found |= leaves(inner, (*path, name))
    if isinstance(value, list):
        for index, inner in enumerate(value):
            found |= leaves(inner, (*path, index))
    return found


@settings(max_examples=200)
@given(documents)
def test_the_text_of_a_span_read_alone_is_the_value(text: str) -> None:
    """Of whatever tomllib accepts, every path has a place, no other has, and what stands there is that value."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    places = find_places(text)
    found = leaves(data)
    assert found.keys() == places.keys()
    for path, value in found.items():
        entry = places[path]
        if not isinstance(value, dict) and not text.startswith("[[", entry.key):
            read = tomllib.loads(f"v = {text[entry.start : entry.end]}")["v"]
            assert repr(value) == repr(read)
        assert 0 <= entry.key <= entry.start <= entry.end <= len(text)
