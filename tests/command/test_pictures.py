"""Figures of a report: which of them a posterior has, and that each shows all of its groups."""

import pytest

import scaling_bayes as sb
from scaling_bayes.command.pictures import CAPTIONS, MAKERS, MOST_PANELS, caption, draw_figures

LAW = sb.Law("E + A*N**-alpha")
SIZES = {"N": [1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9]}
ALWAYS = {"sweep", "prediction", "check", "parameters"}


def fit(groups: dict[str, list[str]]):
    truth = {"E": 1.8, "A": 400.0, "alpha": 0.35}
    sweep = sb.simulate_sweep(LAW, SIZES | groups, truth=truth, seed=0, noise=0.005)
    fit_part, held_out = sb.hold_out(sweep, along="N", top=1)
    return sb.baseline(LAW, fit_part, seed=0, bootstrap=20, by=tuple(groups)), held_out


def drawn(groups: dict[str, list[str]]):
    posterior, held_out = fit(groups)
    return draw_figures(posterior, held_out)


@pytest.mark.parametrize("name", MAKERS)
def test_every_figure_has_a_caption(name):
    assert caption(name) == CAPTIONS[name]
    assert caption(name).endswith(".")


@pytest.mark.parametrize(
    ("groups", "panels"),
    [
        ({}, [""]),
        ({"corpus": ["code", "web"]}, [""]),
        ({"corpus": ["code", "web"], "architecture": ["a", "b"]}, ["code, a", "code, b", "web, a", "web, b"]),
    ],
    ids=["no group", "one group", "two groups"],
)
def test_predictions_show_every_group_beyond_its_held_out_runs(groups, panels):
    figures, absent = drawn(groups)
    assert figures.keys() >= ALWAYS | {"extrapolation"} | {f"comparison-{group}" for group in groups}
    assert absent["ranks"].endswith("a bootstrap has none to compare")
    axes = figures["prediction"].axes
    assert [ax.get_title() for ax in axes] == panels
    for ax in axes:
        held = [line for line in ax.lines if line.get_label().startswith("held out")]
        assert {x for line in held for x in line.get_xdata()} == {1e9}
        assert ax.get_xlim()[1] > 1e9
        assert len(next(line for line in ax.lines if line.get_label() == "fitted run").get_xdata()) == 6


def test_more_groups_than_a_page_holds_have_no_prediction():
    _, absent = drawn({"corpus": [f"c{k:02d}" for k in range(7)], "architecture": ["a", "b"]})
    assert absent["prediction"] == f"14 groups would need a panel each, and a page holds {MOST_PANELS}"
