import pytest
from pydantic import TypeAdapter, ValidationError

from backsweep.study.store.documents import Count, Positive


def test_counts_are_whole_numbers_that_every_reader_of_json_reads_exactly():
    count, positive = TypeAdapter(Count), TypeAdapter(Positive)
    assert [count.validate_python(each) for each in (0, 2**53)] == [0, 2**53]
    assert [positive.validate_python(each) for each in (1, 2**53)] == [1, 2**53]
    for kind, wrong in ((count, -1), (count, 2**53 + 1), (positive, 0), (positive, 2**53 + 1)):
        with pytest.raises(ValidationError):
            kind.validate_python(wrong)
