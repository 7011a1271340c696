from __future__ import annotations

import math
from datetime import UTC, date, datetime

import pytest

from backsweep.errors import BadInput
from backsweep.study.yamlfile import parse_value, read_yaml


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
    with pytest.raises(BadInput, match=r"latin\.yaml: the file cannot be read"):
        read_yaml(path)
