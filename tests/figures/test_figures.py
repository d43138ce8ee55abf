"""What holds for every figure: closed, of one width, in one style, marked where gates failed, saved with its source."""

import json

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.figure import Figure

from scaling_bayes import figures
from scaling_bayes.figures import (
    FigureError,
    plot_allocation,
    plot_bowls,
    plot_check,
    plot_comparison,
    plot_coverage,
    plot_crossover,
    plot_estimates,
    plot_extrapolation,
    plot_folds,
    plot_isoflops,
    plot_laws,
    plot_loss_to_loss,
    plot_multiplier,
    plot_multiverse,
    plot_parameters,
    plot_plan,
    plot_pooling,
    plot_prediction,
    plot_priors,
    plot_ranking,
    plot_ranks,
    plot_sweep,
    save_figure,
)
from scaling_bayes.figures.contents import COLUMNS
from scaling_bayes.figures.style import BAD
from scaling_bayes.figures.venues import HOUSE
from scaling_bayes.sweeps import SweepError

FIGURES = {
    "sweep": lambda ask: plot_sweep(ask("sweep")),
    "sweep with held-out runs": lambda ask: plot_sweep(ask("sweep"), held_out=ask("split")[1]),
    "extrapolation": lambda ask: plot_extrapolation(ask("scored"), ask("split")[0]),
    "extrapolation in one panel": lambda ask: plot_extrapolation(ask("scored"), ask("split")[0], by=()),
    "extrapolation with curve": lambda ask: plot_extrapolation(ask("scored"), ask("split")[0], curve=ask("curve")),
    "extrapolation, two methods": lambda ask: plot_extrapolation(
        {"one": ask("scored"), "two": ask("scored")}, ask("split")[0]
    ),
    "prediction": lambda ask: plot_prediction(ask("curve"), fit_part=ask("split")[0], scored=ask("scored")),
    "folds": lambda ask: plot_folds(ask("folded")),
    "folds, two methods": lambda ask: plot_folds({"one": ask("folded"), "two": ask("folded")}),
    "coverage": lambda ask: plot_coverage({"one": ask("folded"), "two": ask("folded")}),
    "check": lambda ask: plot_check(ask("checked")),
    "allocation": lambda ask: plot_allocation(ask("allocated"), others={"again": ask("allocated").isel(corpus=0)}),
    "isoflops": lambda ask: plot_isoflops(*ask("isoflops"), sweep=ask("sweep")),
    "comparison": lambda ask: plot_comparison(ask("compared")),
    "crossover": lambda ask: plot_crossover(ask("crossed")),
    "multiplier": lambda ask: plot_multiplier(ask("multiplied")),
    "ranking": lambda ask: plot_ranking(ask("compared").isel(point=[1])),
    "plan": lambda ask: plot_plan(ask("planned")),
    "parameters": lambda ask: plot_parameters(ask("learnt")),
    "estimates": lambda ask: plot_estimates(
        {"one": ask("learnt").isel(corpus=0), "two": ask("learnt").isel(corpus=1)}, published={"them": {"alpha": 0.3}}
    ),
    "pooling": lambda ask: plot_pooling(ask("learnt"), ask("learnt")),
    "ranks": lambda ask: plot_ranks(ask("learnt").isel(corpus=[0]), names=["E", "alpha"]),
    "loss-to-loss": lambda ask: plot_loss_to_loss(*ask("losses")),
    "bowls": lambda ask: plot_bowls(ask("tuned")),
    "multiverse": lambda ask: plot_multiverse(ask("universes"), reference=1.5),
    "priors": lambda ask: plot_priors(ask("priors"), sweep=ask("sweep")),
    "multiverse, two references": lambda ask: plot_multiverse(ask("universes"), reference={"one": 1.5, "two": 2.0}),
    "laws": lambda ask: plot_laws(["chinchilla", "bnsl", "lr_anneal", "qat", "chinchilla_interaction", "u_shape"]),
}
WORDS = ("title", "x_label", "y_label", "mark", "label", "colour", "x_tick", "y_tick")
BLANK = dict.fromkeys(("x", "y", "x_end", "y_end"), "")
BY_HAND = {"check", "priors"}
"""Figures of answers that were made by hand, so that they come from nowhere."""

ANSWERS = [
    (plot_check, "checked", ()),
    (plot_extrapolation, "scored", ("split",)),
    (plot_folds, "folded", ()),
    (plot_allocation, "allocated", ()),
]


@pytest.fixture(scope="module", params=FIGURES.values(), ids=FIGURES.keys())
def drawn(request):
    """A figure, with what it left behind: open figures and changed settings."""
    before = mpl.rcParams.copy()
    fig = request.param(request.getfixturevalue)
    changed = {key for key, value in mpl.rcParams.items() if before[key] != value}
    return fig, plt.get_fignums(), changed


def test_figure_is_closed_and_leaves_the_style_alone(drawn):
    fig, still_open, changed = drawn
    assert isinstance(fig, Figure)
    assert still_open == []
    assert changed == set()


def test_figure_is_two_columns_wide_and_no_page_long(drawn):
    width, height = drawn[0].get_size_inches()
    assert width == HOUSE.inches
    assert 1.2 < height < 9.0


def test_nothing_is_cut_off(drawn):
    fig = drawn[0]
    box = fig.get_tightbbox()
    width, height = fig.get_size_inches()
    assert min(box.x0, box.y0, width - box.x1, height - box.y1) > -0.01


@pytest.fixture(scope="module")
def saved(drawn, tmp_path_factory):
    """Files of a figure, by kind."""
    folder = tmp_path_factory.mktemp("saved")
    return {path.suffix[1:]: path for path in save_figure(drawn[0], folder / "figure.v1", dpi=40)}


def test_two_builds_give_the_same_bytes(drawn, saved, request, tmp_path):
    again = FIGURES[request.node.callspec.id](request.getfixturevalue)
    second = save_figure(again, tmp_path / "new folder" / "figure.v1.png", dpi=40)
    assert [path.name for path in second] == ["figure.v1.pdf", "figure.v1.png", "figure.v1.csv", "figure.v1.json"]
    assert [path.read_bytes() for path in saved.values()] == [path.read_bytes() for path in second]
    pdf = saved["pdf"].read_bytes()
    assert pdf.startswith(b"%PDF")
    assert b"CreationDate" not in pdf
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf


def test_what_is_drawn_lies_beside_it(drawn, saved):
    table = pd.read_csv(saved["csv"], dtype=dict.fromkeys(WORDS, str), keep_default_na=False, na_values=BLANK)
    assert tuple(table.columns) == COLUMNS
    assert set(table["panel"]) == {k for k, ax in enumerate(drawn[0].axes) if ax.axison or ax.texts}
    placed = table[~table["mark"].isin(["text", "range", "rule"])]
    assert len(placed) > 3
    assert np.isfinite(placed[["x", "y"]]).all(axis=None)
    assert ((placed["label"] != "") | (placed["y_tick"] != "")).mean() > 0.9
    for panel, ax in enumerate(drawn[0].axes):
        lines = [line.get_xydata() for line in ax.lines if line.get_transform() == ax.transData]
        shown = np.concatenate([np.empty((0, 2)), *lines]).astype(float)
        found = placed[(placed["panel"] == panel) & (placed["mark"] == "line")][["x", "y"]].to_numpy()
        np.testing.assert_array_equal(found, shown[np.isfinite(shown).all(axis=1)])


def test_where_it_is_from_lies_beside_it(saved, request):
    told = json.loads(saved["json"].read_text())
    assert set(told) == {"warning", "answers", "drawn_with", "sha256"}
    assert {"scaling-bayes", "matplotlib"} <= set(told["drawn_with"])
    assert {name: len(digest) for name, digest in told["sha256"].items()} == {
        f"figure.v1.{kind}": 64 for kind in ("pdf", "png", "csv")
    }
    sources = list(told["answers"].values())
    for answer in (source for source in sources if "law" in source):
        assert {"pooling", "method", "seed", "data_hash", "versions", "gates"} <= set(answer)
    assert request.node.callspec.id in BY_HAND or any({"data_hash", "laws"} & set(source) for source in sources)


def test_an_unknown_kind_of_file_is_refused(tmp_path):
    with pytest.raises(FigureError, match="pdf, png, csv and json, found svg"):
        save_figure(plot_laws(["chinchilla"]), tmp_path / "figure", kinds=["png", "svg"])


@pytest.mark.parametrize(("plot", "name", "more"), ANSWERS)
@pytest.mark.parametrize("failed", ["R-hat, divergences", ""])
def test_failed_gates_are_said_on_the_figure(plot, name, more, failed, request):
    answer = request.getfixturevalue(name).assign_attrs(failed_gates=failed)
    fig = plot(answer, *(request.getfixturevalue(other)[0] for other in more))
    warned = fig.get_suptitle()
    assert warned == (f"SAMPLER GATES FAILED: {failed}" if failed else "")
    assert (
        not failed or mpl.colors.to_hex(fig.findobj(lambda a: getattr(a, "_text", "") == warned)[0].get_color()) == BAD
    )


@pytest.mark.parametrize(
    ("plot", "name", "more", "variable"),
    [(*ANSWERS[0], v) for v in ("gate_limit", "statistic_replicated", "pit", "contraction", "verdict")]
    + [(*ANSWERS[1], v) for v in ("extrapolation", "median", "inside")]
    + [(*ANSWERS[2], v) for v in ("cluster", "coverage_at_ratio", "rmsle_at_ratio_lower", "note")]
    + [(*ANSWERS[3], v) for v in ("N_opt", "loss", "at_edge")],
)
def test_an_incomplete_answer_is_refused_by_name(plot, name, more, variable, request):
    answer = request.getfixturevalue(name).drop_vars(variable)
    with pytest.raises(FigureError, match=rf"lacks \['{variable}'\]; draw what (check|score|fold_scores|allocate)\("):
        plot(answer, *(request.getfixturevalue(other)[0] for other in more))


@pytest.mark.parametrize("wrong", [None, 3, "posterior.nc", xr.DataTree()])
def test_what_is_no_answer_is_refused(wrong, split):
    with pytest.raises(FigureError, match=r"found \w+; draw the Dataset that check"):
        plot_check(wrong)
    with pytest.raises(FigureError, match=r"found \w+; draw the Dataset that score"):
        plot_extrapolation(wrong, split[0])
    with pytest.raises(FigureError, match=r"found \w+; draw the Dataset that fold_scores"):
        plot_folds(wrong)
    with pytest.raises(SweepError, match="not a sweep"):
        plot_sweep(wrong)
    assert plt.get_fignums() == []


def test_a_drawing_that_fails_leaves_no_figure_open(checked):
    with pytest.raises(ValueError, match="could not convert"):
        plot_check(checked.assign(p_value=("statistic", ["small", "large"])))
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", figures.__all__)
def test_shop_window_is_documented(name):
    assert getattr(figures, name).__doc__


def test_a_prediction_shows_the_fitted_range(curve, split):
    fig = plot_prediction(curve)
    assert "fitted range" in [text.get_text() for text in fig.legends[0].get_texts()]
    ends = [
        patch.get_extents().transformed(fig.axes[0].transData.inverted()).intervalx for patch in fig.axes[0].patches
    ]
    np.testing.assert_allclose(ends, [[split[0]["C"].min(), split[0]["C"].max()]])
