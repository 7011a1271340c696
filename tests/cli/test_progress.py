import io

from rich.console import Console

from backsweep.cli.progress import Clock, show_progress
from backsweep.study.run.progress import Progress


def standing(done, batches=0, best=None, failed=0):
    return Progress(done=done, total=1000, failed=failed, best=best, batches=batches)


def test_pace_and_time_left_leave_out_what_an_earlier_run_did():
    moments = iter([0.0, 10.0])
    clock = Clock(lambda: next(moments))
    assert clock.describe(standing(400)) == "best - · 0 failed"  # what one look cannot know is not shown
    text = clock.describe(standing(500, best={"number": 3, "value": 1.23456789}, failed=2))
    assert text == "10 trials/s · best 1.2346 · 2 failed · 0:50 left"


def test_a_slow_study_has_a_speed_too():
    moments = iter([0.0, 60.0, 100.0])
    clock = Clock(lambda: next(moments))
    clock.describe(standing(10))
    assert clock.describe(standing(10)) == "best - · 0 failed"
    assert clock.describe(standing(12)) == "0.02 trials/s · best - · 0 failed · 13:43:20 left"  # 988 trials, 50 s each


def test_several_objectives_show_each():
    clock = Clock()
    best = {"values_sharpe": 1.5, "values_calmar": 2.0, "user_attrs_sharpe": 1.5}
    assert "best 1.5 2 ·" in clock.describe(standing(1, best=best))


def test_elsewhere_than_on_a_terminal_there_is_a_line_per_batch():
    stream = io.StringIO()
    with show_progress(Console(file=stream)) as show:
        for done, batches in [(0, 0), (32, 0), (64, 1), (96, 1), (128, 2)]:
            show(standing(done, batches))
    lines = stream.getvalue().splitlines()
    assert [line.partition(" trials")[0] for line in lines] == ["batch 1 · 64 of 1,000", "batch 2 · 128 of 1,000"]


def test_a_terminal_gets_a_bar():
    stream = io.StringIO()
    with show_progress(Console(file=stream, force_terminal=True, width=120)) as show:
        show(standing(0))
        show(standing(250, 3))
    assert "250/1,000" in stream.getvalue()
    assert "0 failed" in stream.getvalue()
