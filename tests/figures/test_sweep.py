"""What was run: colours, panels, the plan and its budgets, flags and held-out runs."""

import numpy as np
import pytest
import xarray as xr

import scaling_bayes as sb
from scaling_bayes.figures import FigureError, plot_sweep
from scaling_bayes.figures.style import INK


def lines(ax, label):
    return [line for line in ax.lines if line.get_label() == label and len(line.get_xdata())]


def legend(fig):
    return [text.get_text() for text in fig.legends[0].get_texts()] if fig.legends else []


@pytest.fixture
def two_groups():
    design = {"N": [1e7, 1e8, 1e9], "D": [1e9, 1e10], "corpus": ["code", "web"], "recipe": ["a", "b", "c"]}
    truth = {"E": 1.8, "A": 400.0, "alpha": 0.35, "B": 400.0, "beta": 0.3}
    return sb.simulate_sweep(sb.law("chinchilla"), design, truth=truth, seed=0)


def test_response_is_drawn_run_by_run_in_colours(sweep):
    fig = plot_sweep(sweep)
    ax = fig.axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("training compute $C$ (FLOP)", "loss (nats/token)")
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    for corpus in ("code", "web"):
        (line,) = lines(ax, corpus)
        own = sweep.isel(run=sweep["corpus"].values == corpus)
        assert line.get_xydata() == pytest.approx(np.column_stack([own["C"], own["loss"]]))
    assert lines(ax, "code")[0].get_color() != lines(ax, "web")[0].get_color()
    assert lines(ax, "code")[0].get_marker() != lines(ax, "web")[0].get_marker()
    assert legend(fig) == ["code", "web"]


def test_plan_has_a_line_for_each_budget(sweep):
    ax = plot_sweep(sweep).axes[-1]
    budgets = lines(ax, "budget")
    compute = [6 * np.prod(line.get_xydata(), axis=1) for line in budgets]
    assert np.sort([c.mean() for c in compute]) == pytest.approx([1e18, 3e18, 1e19, 3e19, 1e20])
    assert all(np.ptp(c) < 1e-9 * c.mean() for c in compute)
    assert {text.get_text() for text in ax.texts} == {"1e18", "3e18", "1e19", "3e19", "1e20"}
    (plan,) = lines(ax, "runs")
    assert plan.get_color() == INK, "both corpora have the same plan, so one colour would hide the other"
    assert len(plan.get_xdata()) == sweep.sizes["run"]


@pytest.mark.parametrize(("rule", "drawn"), [("6ND", True), ("measured", False)])
def test_budgets_follow_the_rule_of_compute(sweep, rule, drawn):
    ax = plot_sweep(sweep.assign_attrs(flop_rule=rule)).axes[-1]
    assert bool(lines(ax, "budget")) == drawn


def test_second_group_has_panels(two_groups):
    fig = plot_sweep(two_groups)
    assert [ax.get_title() for ax in fig.axes[:3]] == ["a", "b", "c"]
    assert len(fig.axes) == 4
    assert legend(plot_sweep(two_groups, hue="recipe")) == ["a", "b", "c"]


def test_seeds_are_not_told_apart(two_groups):
    groups = {"groups": ["corpus", "seed"]}
    fig = plot_sweep(two_groups.rename(recipe="seed").assign_attrs(groups))
    assert len(fig.axes) == 2


@pytest.mark.parametrize("whole", [True, False])
def test_held_out_runs_are_open_and_drawn_once(sweep, split, whole):
    fig = plot_sweep(sweep if whole else split[0], held_out=split[1])
    full, held = lines(fig.axes[0], "code")
    assert (len(full.get_xdata()), len(held.get_xdata())) == (12, 8)
    assert full.get_markerfacecolor() == full.get_color()
    assert held.get_markerfacecolor() == "white"
    assert legend(fig)[-1] == "held out"


def test_flagged_runs_are_ringed_and_named(sweep):
    flag = np.where(np.arange(sweep.sizes["run"]) < 3, "non_monotone", "")
    fig = plot_sweep(sweep.assign_coords(flag=("run", flag)))
    for ax, (x, y) in zip(fig.axes, (("C", "loss"), ("N", "D")), strict=True):
        (ring,) = lines(ax, "flagged")
        assert ring.get_xydata() == pytest.approx(np.column_stack([sweep[x][:3], sweep[y][:3]]))
        assert ring.get_markerfacecolor() == "none"
    assert legend(fig)[-1] == "non monotone"


def test_a_single_covariate_has_no_plan():
    sweep = sb.simulate_sweep(sb.Law("A*N**-alpha"), {"N": [1e6, 1e7, 1e8]}, truth={"A": 40.0, "alpha": 0.2}, seed=0)
    fig = plot_sweep(sweep)
    assert [ax.get_xlabel() for ax in fig.axes] == ["network parameters $N$"]
    assert legend(fig) == []


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ({"x": "n"}, "x='n' is no covariate of this sweep: did you mean 'N'"),
        ({"hue": "corpsu"}, "did you mean 'corpus'"),
    ],
)
def test_refusals_say_what_to_give(sweep, choice, says):
    with pytest.raises(FigureError, match=says):
        plot_sweep(sweep, **choice)


def test_held_out_must_be_a_sweep(sweep):
    with pytest.raises(sb.SweepError, match="not a sweep"):
        plot_sweep(sweep, held_out=xr.Dataset())
