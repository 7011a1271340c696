"""Objects are listed, measured and read by their URLs, and whatever a store answers is an OSError."""

import gzip
import time

import obstore
import pytest
from fakes.s3_server import s3_server
from obstore.store import from_url

from backsweep.errors import BadInput
from backsweep.storage.remote import list_below, open_stream, size_and_time

CONTENT = bytes(range(256)) * 8192


@pytest.fixture(scope="module", autouse=True)
def bucket():
    with s3_server():
        store = from_url("s3://bucket")
        others = [each["path"] for each in obstore.list(store).collect()]  # of other tests in this process
        if others:
            obstore.delete(store, others)
        objects = {"a/one.bin": CONTENT, "a/b/two.bin": b"2", "ab/three.bin": b"3", "four.gz": gzip.compress(CONTENT)}
        for name, content in objects.items():
            obstore.put(store, name, content)
        yield


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("s3://bucket/a", ["a/b/two.bin", "a/one.bin"]),
        ("s3://bucket/a/", ["a/b/two.bin", "a/one.bin"]),
        ("s3://bucket/a/one.bin", ["a/one.bin"]),
        ("s3://bucket", ["a/b/two.bin", "a/one.bin", "ab/three.bin", "four.gz"]),
        ("s3://bucket/none", []),
    ],
)
def test_a_prefix_has_what_lies_below_it_and_an_object_itself(url, found):
    assert list_below(url) == [f"s3://bucket/{name}" for name in found]


def test_an_object_has_a_size_and_a_time():
    size, changed = size_and_time("s3://bucket/a/one.bin")
    assert size == len(CONTENT)
    assert abs(changed / 1e9 - time.time()) < 3600.0


def test_an_object_is_read_whole_at_any_place_and_through_a_decompressor():
    with open_stream("s3://bucket/a/one.bin") as stream:
        assert stream.read() == CONTENT
        assert stream.seek(-3, 2) == len(CONTENT) - 3
        assert stream.read(9) == CONTENT[-3:]
        assert stream.seek(300) == stream.tell() == 300
        assert stream.read(2) == CONTENT[300:302]
    with open_stream("s3://bucket/four.gz") as stream, gzip.open(stream) as content:
        assert content.read() == CONTENT


@pytest.mark.parametrize("ask", [size_and_time, open_stream])
def test_what_is_not_there_is_an_error_of_the_operating_system(ask):
    with pytest.raises(OSError, match="not found"):
        ask("s3://bucket/none.bin")
    with pytest.raises(OSError, match=r"."):
        ask("s3://nothing/none.bin")


def test_another_scheme_is_refused_with_those_that_can_be_read():
    with pytest.raises(BadInput, match="cannot open this URL") as caught:
        list_below("gopher://bucket/a")
    assert caught.value.expected == "s3://, gs://, abfs://, abfss:// or file://"
