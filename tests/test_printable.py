import copy

import pytest
from scenarios.hostile import TEXTS, is_clean

from backsweep.errors import BadInput
from backsweep.printable import LONGEST, clean, holds_secret, mask_secrets, printable


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_character_is_left_that_a_terminal_acts_on(text):
    assert printable(text).isprintable()
    assert clean(text).isprintable()
    assert len(clean(text)) <= LONGEST + 5
    assert printable(printable(text)) == printable(text)


def test_what_is_not_printed_is_written_as_python_writes_it():
    assert printable("a\x1b[1m\n\u202eb\x00") == "a\\x1b[1m\\n\\u202eb\\x00"
    assert printable("Zürich 東京 \\ ok") == "Zürich 東京 \\ ok"
    assert printable("half \ud800") == "half \\ud800"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://KEY:SECRET@bucket/a", "s3://***@bucket/a"),
        ("s3://AKIA:abc/de+f/g@bucket/a.parquet", "s3://***@bucket/a.parquet"),
        ("https://token@host/a", "https://***@host/a"),
        ("https://host/a?sig=abc%2F&b=1", "https://host/a?sig=***&b=1"),
        ("https://host/a?X-Amz-Credential=AK%2F&X-Amz-Signature=0f", "https://host/a?X-Amz-Credential=***&X-Amz-Signature=***"),
        ("https://host/a?x=1&X-Amz-Security-Token=0f'", "https://host/a?x=1&X-Amz-Security-Token=***'"),
        ("az://c/a?account_key=abc==", "az://c/a?account_key=***"),
        ("https://host/a?apikey=abc", "https://host/a?apikey=***"),
        ("https://host/a?api_key=abc", "https://host/a?api_key=***"),
        ("AccountName=a;AccountKey=abc==;x", "AccountName=a;AccountKey=***;x"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("from s3://K:S@a/b to gs://K:S@c/d", "from s3://***@a/b to gs://***@c/d"),
    ],
)  # fmt: skip
def test_a_secret_is_masked(text, shown):
    assert mask_secrets(text) == shown
    assert holds_secret(text)
    assert not holds_secret(shown)


@pytest.mark.parametrize(
    "text",
    [
        "s3://bucket/a@b.parquet",
        "http://127.0.0.1:8265/a@b",
        "s3://bucket/a?versionId=3",
        "expected: dotted.key=value",
        "RAY_AUTH_MODE=token",
        "monkey=1",
        "kind == token",
        "token <= 3",
        "me@example.org",
    ],
)
def test_what_is_no_secret_stays(text):
    assert mask_secrets(text) == text


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_an_errors_fields_are_clean_and_its_own_lines_are_the_only_ones(text):
    error = BadInput(text, where=text, expected=text, found=text, remedy=text)
    assert is_clean(str(error))
    assert str(error).count("\n") == 3
    assert str(copy.copy(error)) == str(error)  # as between processes


def test_a_value_under_the_name_of_a_secret_is_masked():
    assert mask_secrets("AWS_SECRET_ACCESS_KEY=abc") == "AWS_SECRET_ACCESS_KEY=***"


def test_a_secret_that_is_longer_than_what_is_shown_is_masked_as_a_whole():
    assert clean("s3://bucket/x?X-Amz-Security-Token=" + "A" * 3000) == "s3://bucket/x?X-Amz-Security-Token=***"


@pytest.mark.parametrize("place", ["/data/token=BTC/bars.parquet", "s3://bucket/token=BTC/bars.parquet", "token=*"])
def test_a_folder_of_partitioned_data_is_no_secret(place):
    assert not holds_secret(place)
