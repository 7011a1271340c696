import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import backsweep as bs
from backsweep.cli import watch as watch_module
from backsweep.cli.show import print_best
from backsweep.cli.watch import draw_curve


@pytest.mark.long
def test_a_study_that_has_ended_is_shown_once(sweep, command):
    command("run", sweep)
    code, out, err = command("show", "studies/small", "--watch")
    assert code == 0
    assert err.startswith("40 of 40 trials · ")
    assert out == command("show", "studies/small")[1]


@pytest.mark.long
def test_a_study_that_another_goes_on_with_is_followed_to_its_end(sweep, command):
    command("run", sweep, "--trials", "40", "--set", "search.batch=4")
    command("run", sweep, "--out", "other", "--trials", "8", "--set", "search.batch=4")
    other = threading.Thread(
        target=bs.run,
        args=(sweep,),
        kwargs={"out": "other", "trials": 40, "overrides": ["search.batch=4"]},
    )

    def look(self, before=watch_module.Watch.look):
        state, best = before(self)
        if not other.ident:  # the other begins when the first look is done
            other.start()
        return replace(state, total=40), best

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watch_module.Watch, "look", look)
        code, out, err = command("show", "other", "--watch", "--every", "0.1")
    other.join()
    assert code == 0
    assert err.splitlines()[0].startswith("8 of 40 trials")
    assert err.splitlines()[-1].startswith("40 of 40 trials")
    assert out == command("show", "other")[1]


@pytest.mark.long
def test_on_a_terminal_the_table_stays_when_the_study_has_ended(sweep, command, monkeypatch, capsys):
    command("run", sweep)
    terminal = Console(force_terminal=True, width=110, highlight=False, file=sys.stdout)
    monkeypatch.setattr(watch_module, "make_console", lambda: terminal)
    watch_module.watch(Path("studies/small"), 3, 0.1, print_best)
    shown = capsys.readouterr().out
    last = shown.rpartition("study")[2]
    assert "· 0 failed" in shown  # while it was looked at
    assert "· 0 failed" not in last
    assert "40 of 40" in last


@pytest.mark.long
def test_ctrl_c_ends_the_look_and_not_the_study(sweep, command, monkeypatch):
    command("run", sweep)
    monkeypatch.setattr(watch_module.Watch, "look", _never_ending(watch_module.Watch.look))

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(watch_module.time, "sleep", interrupt)
    code, out, err = command("show", "studies/small", "--watch")
    assert (code, out) == (130, "")
    assert err.startswith("40 of 41 trials")
    assert bs.open_study("studies/small").state.done == 40


def _never_ending(look):
    def longer(self):
        state, best = look(self)
        return replace(state, total=41), best

    return longer


@pytest.mark.long
def test_a_folder_without_a_study_is_bad_input(command, tmp_path):
    code, _, err = command("show", tmp_path, "--watch")
    assert code == 2
    assert "no study here" in err


@pytest.mark.parametrize(
    ("curve", "shown"),
    [
        ([], ""),
        ([float("nan"), 1.0], ""),
        ([float("nan"), 0.0, 0.5, 1.0], " · best so far ▁▅█ 0 to 1"),
        ([2.0, 2.0], " · best so far ▁▁ 2 to 2"),
        ([1.0, 0.25], " · best so far █▁ 1 to 0.25"),
    ],
)
def test_the_best_so_far_is_a_line_of_blocks(curve, shown):
    assert draw_curve(np.array(curve, float)) == shown
