from __future__ import annotations

import math
import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from backsweep.errors import BadInput
from backsweep.sweepfile.strict_yaml import parse_value, read_yaml


@pytest.fixture
def read(tmp_path):
    def write_and_read(text):
        path = tmp_path / "file.yaml"
        path.write_text(text)
        return read_yaml(path)

    return write_and_read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("-2.", -2.0),
        ("+12", 12),
        ("0", 0),
        ("007", "007"),
        ("NO", "NO"),
        ("on", "on"),
        ("yes", "yes"),
        ("True", "True"),
        ("true", True),
        ("null", None),
        ("~", None),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("2006-01-31", date(2006, 1, 31)),
        ("2006-01-31T09:30:00Z", datetime(2006, 1, 31, 9, 30, tzinfo=UTC)),
        ("[1, NO, {a: 1e3}]", [1, "NO", {"a": 1000.0}]),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text, value):
    found = parse_value(text, "here")
    assert found == value
    assert type(found) is type(value)


def test_infinite_and_undefined_numbers_are_numbers():
    assert parse_value("-.inf", "here") == -math.inf
    assert math.isnan(parse_value(".nan", "here"))


def test_every_key_and_item_has_its_line(read):
    document = read("a: 1\nb:\n  c.d: {e: 2}\n  f:\n    - 1\n    - 2\n")
    assert document.data == {"a": 1, "b": {"c.d": {"e": 2}, "f": [1, 2]}}
    assert document.lines["b", "c.d", "e"] == 3
    assert document.lines["b", "f", 1] == 6


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", r"file\.yaml:3: duplicate key `a`\n.*\n  found:    `a` on lines 1 and 3"),
        ("a: {b: 1, b: 2}\n", r":1: duplicate key `b`"),
        ("a: 1\nb: [1\n", r":3: not valid YAML"),
        ("a: 1\nb: c: d\n", r":2: not valid YAML: mapping values are not allowed here"),
        ("a: 1\n---\nb: 2\n", r":2: not valid YAML"),
        ("- 1\n", r"not a sweep file\n.*\n  found:    a list"),
        ("", r"not a sweep file\n.*\n  found:    nothing"),
        ("a: !!python/name:os.system x\n", r":1: the tag"),
        ("a: &x [*x]\n", r":1: an alias that contains itself"),
        ("b: 1\na: 2006-02-30\n", r":2: `2006-02-30` is no date"),
        ("? [a]\n: b\n", r":1: a key that is not text"),
    ],
)
def test_what_could_be_misread_is_an_error_with_its_line(read, text, message):
    with pytest.raises(BadInput, match=message):
        read(text)


def test_an_alias_repeats_a_value(read):
    assert read("a: &x {b: 1}\nc: *x\n").data == {"a": {"b": 1}, "c": {"b": 1}}


def test_a_missing_or_unreadable_file_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"none\.yaml: no such file"):
        read_yaml(tmp_path / "none.yaml")
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"a: \xff")
    with pytest.raises(BadInput, match=r"latin\.yaml:1: not a text file"):
        read_yaml(path)


BOMB = "study: b\na0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (BOMB, 2, "more than 100,000 values"),
        ("a: 1\nb: " + "[" * 3000, 2, "more than 32 levels"),
        ("a: 1\nb: " + "{a: " * 3000, 2, "more than 32 levels"),
        ("a:\n  - " + "- " * 3000, 2, "more than 32 levels"),
        ("".join("  " * depth + "a:\n" for depth in range(500)), 33, "more than 32 levels"),
        ("a: 1\nb: " + "9" * 5000, 2, "a number of 5,000 characters"),
        ("a: 1\nb: -0." + "9" * 5000, 2, "a number of 5,003 characters"),
        ("a: 1\nb: 1e999", 2, "the number 1e999 is too large"),
        ("a: 1\nb: 1e" + "9" * 5000, 2, "a number of 5,002 characters"),
        ("a: &a\n  b: *a", 1, "an alias that contains itself"),
        ("a: 1\nb: *nothing", 2, "undefined alias"),
        ("a: 1\nb: !!python/name:os.system", 2, "the tag"),
        ("a: 1\nb: !!int 3", 2, "the tag"),
        ("a: 1\n<<: {b: 2}\nc: \0", 3, "U+0000"),
        ("a: 1\nb: \x1b", 2, "U+001B"),
        ("a: 1\n--- \nb: 2", 2, "another document"),
        ("%YAML 9.9\n---\na: 1", 1, "incompatible"),
        ("a: 1\n? [b]\n: c", 2, "a key that is not text"),
    ],
)
def test_what_would_take_long_or_means_something_else_is_refused_with_its_line(text, line, problem, read):
    with pytest.raises(BadInput) as caught:
        read(text)
    assert problem in caught.value.problem + caught.value.found
    assert caught.value.where.endswith(f":{line}")


def test_an_alias_stands_for_a_value_of_its_own(read):
    data = read("a: &x {b: [1, 2]}\nc: *x").data
    assert data["c"] == {"b": [1, 2]}
    data["c"]["b"].append(3)
    assert data["a"] == {"b": [1, 2]}


def test_a_byte_order_mark_is_no_text(tmp_path):
    path = tmp_path / "file.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_yaml(path).data == {"a": 1}


@pytest.mark.parametrize(
    ("content", "line"),
    [(b"a: 1\nb: \xff\xfe", 2), ("a: 1\nb: ü\n".encode("latin-1"), 2), ("a: 1".encode("utf-16"), 1)],
)
def test_what_is_not_utf_8_is_refused_with_its_line(content, line, tmp_path):
    path = tmp_path / "file.yaml"
    path.write_bytes(content)
    with pytest.raises(BadInput, match="not a text file") as caught:
        read_yaml(path)
    assert caught.value.where.endswith(f":{line}")


def test_a_pipe_a_device_and_a_huge_file_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", 2**31)
    places = {tmp_path / "pipe": "a pipe", Path("/dev/zero"): "a device", tmp_path / "huge": "larger than"}
    for place, found in places.items():
        with pytest.raises(BadInput, match="cannot be read") as caught:
            read_yaml(place)
        assert found in caught.value.found


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "x/" * 3000])
def test_a_path_that_no_file_can_have_is_bad_input(name):
    with pytest.raises(BadInput):
        read_yaml(Path(name))


@pytest.mark.parametrize("text", ["[" * 3000, "9" * 5000, "1e999", "\0", "!!int 3", "x" * 2**21])
def test_a_value_of_the_command_line_has_the_same_limits(text):
    with pytest.raises(BadInput) as caught:
        parse_value(text, "--set a")
    assert caught.value.where.startswith("--set a")
