"""What holds for every figure: closed, of one width, in one style, marked where gates failed, saved alike twice."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
import xarray as xr
from matplotlib.figure import Figure

from scaling_bayes import figures
from scaling_bayes.figures import (
    FigureError,
    plot_allocation,
    plot_check,
    plot_extrapolation,
    plot_folds,
    plot_isoflops,
    plot_laws,
    plot_prediction,
    plot_priors,
    plot_sweep,
    save_figure,
)
from scaling_bayes.figures.style import BAD, WIDTH
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
    "check": lambda ask: plot_check(ask("checked")),
    "allocation": lambda ask: plot_allocation(ask("allocated"), others={"again": ask("allocated").isel(corpus=0)}),
    "isoflops": lambda ask: plot_isoflops(*ask("isoflops"), sweep=ask("sweep")),
    "priors": lambda ask: plot_priors(ask("priors"), sweep=ask("sweep")),
    "laws": lambda ask: plot_laws(["chinchilla", "bnsl", "lr_anneal", "qat", "chinchilla_interaction", "u_shape"]),
}
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
    assert width == WIDTH
    assert 1.5 < height < 9.0


def test_nothing_is_cut_off(drawn):
    fig = drawn[0]
    box = fig.get_tightbbox()
    width, height = fig.get_size_inches()
    assert min(box.x0, box.y0, width - box.x1, height - box.y1) > -0.01


def test_saving_twice_gives_the_same_bytes(drawn, tmp_path):
    fig = drawn[0]
    first = [path.read_bytes() for path in save_figure(fig, tmp_path / "figure.v1", dpi=60)]
    again = [path.read_bytes() for path in save_figure(fig, tmp_path / "figure.v1.png", dpi=60)]
    assert first == again
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figure.v1.pdf", "figure.v1.png"]
    assert first[0].startswith(b"%PDF")
    assert b"CreationDate" not in first[0]
    assert b"/FontFile2" in first[0]
    assert b"/Type3" not in first[0]


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
