"""YAML text becomes a plain tree, and nothing in it surprises a reader or exhausts the machine."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.files.yamltext import MAX_BYTES, parse


def test_scalars_stay_the_text_they_are():
    parsed = parse(b"a: no\nb: 1.10\nc: 22:00\nd: 0o14\ne: 2026-11-26\nf: ~\ng:\nh: '~'\ni: ''\nj: null\nk: NO\nl: 1_000\n")
    assert parsed.problems == []
    assert parsed.tree == {
        "a": "no", "b": "1.10", "c": "22:00", "d": "0o14", "e": "2026-11-26", "f": None,
        "g": None, "h": "~", "i": "", "j": None, "k": "NO", "l": "1_000",
    }  # fmt: skip


def test_every_value_knows_its_line():
    parsed = parse(b"# first\na:\n  b:\n  - 1\n  - {c: 2,\n     d: 3}\n")
    assert parsed.lines[("a", "b", 1, "d")] == 6
    assert parsed.line(("a", "b", 1, "d", "nowhere")) == 6
    assert parsed.line(("nowhere",)) == 2


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        (b"a: 1\nb: &x [1]\n", 2, "the anchor &x"),
        (b"a: 1\nb: *x\n", 2, "the alias *x"),
        (b"a: 1\n\nb: !!python/object:os.system x\n", 3, "the tag tag:yaml.org,2002:python/object:os.system"),
        (b"b: !secret x\n", 1, "the tag !secret"),
        (b"a: 1\nb: 2\na: 3\n", 3, "the key a second time"),
        (b"a: 1\n<<: {b: 2}\n[x]: 3\n", 3, "a key that is no text"),
        (b"a: 1\n---\nb: 2\n", 2, "a second document"),
        (b"a: b: c\n", 1, "mapping values are not allowed here"),
        (b"a: [1, 2\n", 2, "expected ',' or ']'"),
        (b"a: \xff\n", 1, "the byte 0xff"),
        (b"a: \x00\n", 1, "unacceptable character #x0000"),
        (b"[" * 50, 1, "more than 12 levels"),
        (b"- a\n" * 20_001, 20_000, "more than 20000 values"),
        (b"#" * (MAX_BYTES + 1), 0, "more than 256 KiB"),
        (b"%YAML " + b"9" * 5000 + b"\n--- a", 1, "Exceeds the limit"),
    ],
)
def test_what_could_surprise_is_refused_with_its_line(text, line, found):
    problem = parse(text).problems[0]
    assert problem.line == line
    assert problem.found.startswith(found)


def test_a_bomb_of_aliases_is_refused_and_never_grows():
    bomb = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
        b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9)) for c in range(ord("b"), ord("j"))
    )
    parsed = parse(bomb)
    assert any("alias" in problem.found for problem in parsed.problems)


def test_a_byte_order_mark_is_no_part_of_the_first_key():
    assert parse(b"\xef\xbb\xbfa: 1").tree == {"a": "1"}


yaml_bits = st.sampled_from(
    [
        "a",
        "b: ",
        "- ",
        "? ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "\n",
        "\n  ",
        "&x ",
        "*x",
        "!t ",
        "!!int ",
        "|\n",
        ">-\n",
        "'",
        '"',
        "#",
        "%YAML 1.2\n",
        "---\n",
        "...\n",
        "\t",
        "\\u12",
        "<<: ",
        "~",
        "é",
        "\u2028",
        "\x85",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400) | st.lists(yaml_bits, max_size=40).map(lambda bits: "".join(bits).encode()))
def test_no_bytes_at_all_raise(data):
    parsed = parse(data)
    for problem in parsed.problems:
        assert problem.found.isprintable()
        assert problem.field.isprintable()
