from functools import partial

import pytest

from backsweep.errors import BadInput
from backsweep.runtime.parallel_map import parallel_map


def square(offset):
    return partial(pow_of, offset)


def pow_of(offset, task):
    if task == 99:
        raise BadInput("no such task")
    return (task + offset) ** 2


def test_every_task_comes_back_once_and_errors_as_they_were_raised():
    assert dict(parallel_map(partial(square, 1), range(5))) == {0: 1, 1: 4, 2: 9, 3: 16, 4: 25}
    with pytest.raises(BadInput, match="no such task"):
        list(parallel_map(partial(square, 1), [99]))


def test_what_does_the_work_is_made_once():
    made = []
    assert dict(parallel_map(lambda: made.append(1) or str, range(3))) == {0: "0", 1: "1", 2: "2"}
    assert made == [1]
