import pytest
from pydantic import TypeAdapter, ValidationError

from backsweep.study.store.documents import Count


def test_counts_are_whole_numbers_that_every_reader_of_json_reads_exactly():
    count = TypeAdapter(Count)
    assert [count.validate_python(each) for each in (0, 2**53)] == [0, 2**53]
    for each in (-1, 2**53 + 1):
        with pytest.raises(ValidationError):
            count.validate_python(each)
