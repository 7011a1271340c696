"""The charts of a study's trials, and what cannot be drawn says why."""

import pytest

from backsweep.errors import BadInput
from backsweep.study.results import trial_charts
from backsweep.study.results.study import open_study


@pytest.fixture
def study(bench):
    bench.run("study", bench.sweep())
    return open_study(bench.folder / "study")


def test_a_surface_has_cells_for_choices_and_ranges_for_all_others(study):
    chart = trial_charts.surface_chart(study, "costs.slippage.rate", "entry")
    heat = chart.figure["data"][0]
    assert len(heat["z"][0]) == 3
    assert chart.figure["layout"]["xaxis"]["ticktext"] == ["0", "0.0002", "0.0005"]
    counted = sum(map(sum, heat["customdata"]))
    assert counted == len(
        study.trials.filter((study.trials["state"] == "COMPLETE") & study.trials["value"].is_not_null())
    )
    assert "peak" in chart.text


def test_the_best_trial_is_marked_in_a_slice(study):
    _, marked = trial_charts.slice_chart(study, "entry").figure["data"]
    assert marked["x"] == [study.best["params"]["entry"]]


def test_every_parameter_and_the_objective_have_an_axis(study):
    figure = trial_charts.parallel_chart(study).figure
    assert len(figure["layout"]["xaxis"]["ticktext"]) == len(study.space.names) + 1


@pytest.mark.parametrize(
    ("draw", "problem"),
    [
        (lambda study: study.plot_slice("entri"), "does not search this parameter"),
        (lambda study: study.plot_surface("entry", "entry"), "two parameters"),
        (lambda study: study.plot_front(), "one objective"),
        (lambda study: study.plot_folds(), "no folds"),
    ],
)
def test_what_cannot_be_drawn_says_why(study, draw, problem):
    with pytest.raises(BadInput, match=problem):
        draw(study)


def test_a_study_without_a_completed_trial_has_no_charts(bench):
    bench.run("none", bench.sweep(constraints=["trades >= 0"], trials=4), chunk_size=4)
    study = open_study(bench.folder / "none")
    study.trials = study.trials.clear()
    for draw in (study.plot_slice, study.plot_parallel):
        with pytest.raises(BadInput, match="no completed trial"):
            draw()


def test_figures_of_a_notebook_are_those_of_the_report(study):
    figure = study.plot_slice("entry").to_dict()
    chart = trial_charts.slice_chart(study, "entry")
    assert list(figure["data"][0]["y"]) == chart.figure["data"][0]["y"]
    assert study.plot_equity().layout.title.text == "Equity and drawdown"
    assert study.plot_drawdown().data[0].name == "what was selected"
    assert len(study.plot_importances().data[0].x) == len(study.space.names)
    card = study._repr_html_()
    assert card.index("Verdict: inconclusive") < card.index("trials tried")
