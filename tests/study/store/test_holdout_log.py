"""What looks at a holdout come to, in words."""

from backsweep.study.store.holdout_log import HoldoutUse, describe_uses


def look(number, sharpe):
    day = f"2026-01-{number:02}"
    return HoldoutUse("a" * 64, number, day + "T00:00:00", "a test", 7, {}, day, day, {"sharpe": sharpe})


def test_only_the_first_look_was_out_of_sample():
    text = describe_uses([look(1, 0.5), look(2, 1.5)])
    assert text == (
        "touched 2 times, first 2026-01-01, trial 7 (a test): a Sharpe ratio of 0.50; "
        "only that first look was out of sample"
    )


def test_a_sharpe_ratio_may_be_undefined_and_a_holdout_untouched():
    assert "first 2026-01-01, trial 7 (a test): an undefined Sharpe ratio" in describe_uses(
        [look(1, None), look(2, 1.0)]
    )
    assert describe_uses([]) == "untouched"
