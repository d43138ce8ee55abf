"""Figures of the best split: what is drawn is what was answered."""

import numpy as np
import pytest

from scaling_bayes.figures import FigureError, plot_allocation, plot_isoflops

DRAWS = ("chain", "draw")
AS_DRAWN = {"method": "inverted_cdf"}  # a median is one of the draws


def test_medians_of_every_group_are_drawn(allocated):
    fig = plot_allocation(allocated)
    for ax, name in zip(fig.axes, ("N_opt", "D_opt", "tokens_per_parameter", "loss"), strict=True):
        assert ax.get_xscale() == ax.get_yscale() == "log"
        for line, corpus in zip(ax.lines, ["code", "web"], strict=True):
            np.testing.assert_allclose(
                line.get_ydata(), allocated[name].sel(corpus=corpus).quantile(0.5, DRAWS, **AS_DRAWN)
            )
            np.testing.assert_allclose(line.get_xdata(), allocated["budget"])
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["code", "web", "50 %", "90 %", "fitted range"]


def test_another_answer_is_a_line_of_its_own(allocated):
    one = allocated.sel(corpus="web")
    fig = plot_allocation(one, others={"approach 2": one * 2})
    np.testing.assert_allclose(fig.axes[0].lines[1].get_ydata(), 2 * one["N_opt"].median(DRAWS))
    assert "approach 2" in [text.get_text() for text in fig.legends[0].get_texts()]


def test_an_optimum_at_the_edge_is_said(allocated):
    assert plot_allocation(allocated).get_suptitle() == ""
    edge = allocated.assign(at_edge=allocated["at_edge"] + 0.3)
    assert plot_allocation(edge).get_suptitle() == "OPTIMUM AT THE EDGE OF THE SEARCH IN 30 % OF DRAWS"


def test_one_budget_is_no_line(allocated):
    with pytest.raises(FigureError, match="one budget is no line"):
        plot_allocation(allocated.isel(budget=[0]))


def test_each_curve_has_its_optimum_and_region(isoflops, sweep):
    curves, best = isoflops
    fig = plot_isoflops(curves, best, sweep=sweep)
    assert [ax.get_title() for ax in fig.axes] == ["code", "web"]
    code = fig.axes[0].lines
    medians = best.sel(corpus="code").median(DRAWS)
    optima = [line.get_xdata()[0] for line in code if line.get_marker() == "o" and len(line.get_xdata()) == 1]
    np.testing.assert_allclose(optima, medians["N_opt"])
    ends = [line.get_xdata()[[0, -1]] for line in code if line.get_linewidth() == 2.4]
    np.testing.assert_allclose(ends, np.stack([medians["N_low"], medians["N_high"]], axis=-1))


def test_runs_near_a_budget_are_drawn_in_their_panel(isoflops, sweep):
    fig = plot_isoflops(*isoflops, sweep=sweep)
    drawn = np.concatenate([line.get_ydata() for line in fig.axes[1].lines if line.get_markersize() == 1.8])
    web = sweep.isel(run=((sweep["corpus"] == "web") & sweep["C"].round(-16).isin([1e18, 1e19, 1e20])).values)
    np.testing.assert_allclose(np.sort(drawn), np.sort(web["loss"].values))
    assert len(drawn) == 12


def test_answers_of_different_budgets_are_refused(isoflops, allocated):
    with pytest.raises(FigureError, match="differ in budgets or groups"):
        plot_isoflops(isoflops[0], allocated)
    with pytest.raises(FigureError, match=r"draw what trace_isoflops\(posterior, C\) returns"):
        plot_isoflops(allocated.drop_vars("loss"), allocated)
