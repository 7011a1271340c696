"""What `show --statistics` says of looks."""

import json
import re


def words(out):
    return re.sub(r"\s+", " ", out)


def test_looks_are_named_with_their_dates_and_trials_and_later_ones_change_nothing(sweep, command):
    command("run", sweep, "--set", "study=first")
    _, before, _ = command("show", "studies/first", "--statistics")
    command("run", sweep, "--set", "study=second", "--seed", 4, "--trials", 20)
    _, after, _ = command("show", "studies/first", "--statistics")
    _, second, _ = command("show", "studies/second", "--statistics")
    assert "1 at these data: this study" in words(before)
    assert "later looks" not in before
    assert re.search(r"later looks second \(\d{4}-\d\d-\d\d \d\d:\d\d, 20 trials\)", words(after))
    assert re.search(r"2 at these data: first \(\d{4}-\d\d-\d\d \d\d:\d\d, 40 trials\); this study", words(second))
    assert words(after).partition(".")[0] == words(before).partition(".")[0]
    assert "later looks do not change it" in words(after)


def test_the_same_as_json(sweep, command):
    command("run", sweep, "--set", "study=first")
    command("run", sweep, "--set", "study=second", "--seed", 4)
    first, second = (
        json.loads(command("show", f"studies/{name}", "--statistics", "--format", "json")[1])
        for name in ("first", "second")
    )
    assert [each["study"] for each in first["later"]] == ["second"]
    assert [(each["study"], each["trials"], each["times"]) for each in second["before"]] == [("first", 40, 1)]
    assert second["counted"]


def test_a_study_without_a_record_says_what_it_counts(sweep, command, tmp_path):
    command("run", sweep, "--set", "study=first")
    command("run", sweep, "--set", "study=second", "--seed", 4)
    next((tmp_path / "studies" / "first" / "looks").iterdir()).unlink()
    _, out, _ = command("show", "studies/first", "--statistics")
    assert "the study has no record of the looks before it" in words(out)
    assert "2 at these data: second" in words(out)
