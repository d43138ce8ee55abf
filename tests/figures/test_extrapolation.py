"""What is drawn of each held-out run, and where."""

import numpy as np
import pytest
import xarray as xr

from scaling_bayes.figures import FigureError, plot_extrapolation
from scaling_bayes.figures.error_panels import INSIDE, INTERVAL, OUTSIDE
from scaling_bayes.figures.errors import side_by_side
from scaling_bayes.figures.style import BAD, GOOD


def panels(fig):
    """The axes of errors, those that hold dots of runs."""
    return [ax for ax in fig.axes if any(line.get_label() == INSIDE for line in ax.lines) and ax.collections]


def points(ax, label):
    """Heights of the dots called `label`."""
    return np.concatenate([line.get_ydata() for line in ax.lines if line.get_label() == label])


def segments(ax):
    return np.concatenate([c.get_segments() for c in ax.collections if c.get_label() == INTERVAL and c.get_segments()])


def relative(runs, name, level=0.9):
    return 100 * (runs.sel(level=level)[name].values / runs["median"].values - 1)


def test_a_panel_for_each_group_names_its_score(scored, split):
    axes = panels(plot_extrapolation(scored, split[0]))
    assert [ax.get_title() for ax in axes] == ["code", "web"]
    for ax in axes:
        runs = scored.isel(run=scored["corpus"].values == ax.get_title())
        rmsle = float(np.sqrt((runs["log_error"] ** 2).mean()))
        hits = int(runs["inside"].sel(level=0.9).sum())
        assert [t.get_text() for t in ax.texts] == [f"{hits}/{runs.sizes['run']} inside, RMSLE {rmsle:.4f}"]


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_every_run_is_drawn_once_with_its_interval(scored, split, level):
    for ax in panels(plot_extrapolation(scored, split[0], level=level)):
        runs = scored.isel(run=scored["corpus"].values == ax.get_title())
        inside = runs["inside"].sel(level=level).values
        observed = relative(runs, "observed", level)
        assert np.sort(points(ax, INSIDE)) == pytest.approx(np.sort(observed[inside]))
        assert np.sort(points(ax, OUTSIDE)) == pytest.approx(np.sort(observed[~inside]))
        assert np.sort(segments(ax)[:, 0, 1]) == pytest.approx(np.sort(relative(runs, "lower", level)))
        assert np.sort(segments(ax)[:, 1, 1]) == pytest.approx(np.sort(relative(runs, "upper", level)))


def test_a_run_outside_is_an_open_vermilion_cross(scored, split):
    none = scored.assign(inside=xr.zeros_like(scored["inside"]))
    ax = panels(plot_extrapolation(none, split[0]))[0]
    looks = {line.get_label(): (line.get_marker(), line.get_color(), len(line.get_xdata())) for line in ax.lines}
    assert looks[OUTSIDE] == ("x", BAD, 8)
    assert looks[INSIDE] == ("o", GOOD, 0)
    assert ax.texts[0].get_text().startswith("0/8 inside")


def test_fitted_range_and_ratios_are_shown(scored, split):
    fig = plot_extrapolation(scored, split[0])
    for ax in panels(fig):
        assert ax.patches[0].get_x() == ax.get_xlim()[0]
        assert ax.patches[0].get_x() + ax.patches[0].get_width() == pytest.approx(1e19)
        assert min(s[0, 0] for s in segments(ax)) > 1e19
        assert [t.get_text() for t in ax.get_xticklabels()] == ["1e19", "3e19", "1e20"]
        assert [t.get_text() for t in ax.child_axes[0].get_xticklabels()] == ["×3", "×10"]
    assert fig.legends[0].get_title().get_text() == "training compute $C$ (FLOP)"
    assert fig.get_supylabel() == "loss, observed / predicted − 1 (%)"


def test_methods_are_rows_on_one_scale(scored, split):
    wide = scored.assign(upper=scored["upper"] * 1.3)
    fig = plot_extrapolation({"first": scored, "second": wide}, split[0])
    axes = panels(fig)
    assert [ax.get_title() for ax in axes] == ["code", "web", "", ""]
    assert len({ax.get_ylim() for ax in axes}) == 1
    assert len({ax.get_xlim() for ax in axes}) == 1
    headers = [[t.get_text() for t in ax.texts] for ax in fig.axes if not ax.axison]
    assert [name for name, _ in headers] == ["first", "second"]
    hits = int(scored["inside"].sel(level=0.9).sum())
    assert headers[0][1].startswith(f"{hits} of 16 runs inside ({100 * hits / 16:.0f} %, nominally 90 %), RMSLE 0.")


def test_a_method_that_lacks_a_group_has_an_empty_panel(scored, split):
    part = scored.isel(run=scored["corpus"].values == "web")
    fig = plot_extrapolation({"all": scored, "web alone": part}, split[0])
    assert len(panels(fig)) == 3
    assert len([ax for ax in fig.axes if ax.axison]) == 4


def test_a_group_never_fitted_is_measured_from_the_whole_range(scored, split):
    fit_part = split[0].isel(run=split[0]["corpus"].values == "web")
    axes = panels(plot_extrapolation(scored, fit_part))
    assert [ax.patches[0].get_x() + ax.patches[0].get_width() for ax in axes] == pytest.approx([1e19, 1e19])


def test_methods_of_one_group_stand_side_by_side(scored, split):
    fig = plot_extrapolation({"first": scored, "second": scored}, split[0], by=())
    assert [ax.get_title() for ax in panels(fig)] == ["first", "second"]
    assert len({ax.get_position().y0 for ax in panels(fig)}) == 1


def test_the_failed_one_among_methods_is_named(scored, split):
    failed = scored.assign_attrs(failed_gates="R-hat")
    fig = plot_extrapolation({"first": scored, "second": failed}, split[0])
    assert fig.get_suptitle() == "second: SAMPLER GATES FAILED: R-hat"


def test_curve_has_bands_and_all_runs(scored, split, curve):
    fit_part, held_out = split
    fig = plot_extrapolation(scored, fit_part, curve=curve)
    upper = [ax for ax in fig.axes if ax.get_title()]
    assert [ax.get_title() for ax in upper] == ["code", "web"]
    for ax in upper:
        own = {name: runs["corpus"].values == ax.get_title() for name, runs in (("fit", fit_part), ("held", held_out))}
        median = ax.lines[0].get_ydata()
        draws = curve["loss"].sel(corpus=ax.get_title())
        drawn = draws.quantile(0.5, ("chain", "draw"), method="inverted_cdf").values  # a median is one of the draws
        assert median == pytest.approx(drawn)
        assert np.sort(points(ax, "fitted")) == pytest.approx(np.sort(fit_part["loss"].values[own["fit"]]))
        shown = np.concatenate([points(ax, INSIDE), points(ax, OUTSIDE)])
        assert np.sort(shown) == pytest.approx(np.sort(held_out["loss"].values[own["held"]]))
        assert len(ax.collections) == 2
    assert {"50 %", "90 %", "fitted run"} <= {t.get_text() for t in fig.legends[0].get_texts()}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s, f, c: plot_extrapolation({}, f), "no answer to draw"),
        (
            lambda s, f, c: plot_extrapolation({"a": s, "b": s.sel(level=[0.5])}, f),
            "level=0.9 was not scored; give one of 0.5",
        ),
        (
            lambda s, f, c: plot_extrapolation(s, f.isel(run=f["corpus"].values == "web"), curve=c),
            r"curve= needs fitted runs in every panel, and \['code'\] have none",
        ),
        (lambda s, f, c: plot_extrapolation(s, f, level=0.95), "level=0.95 was not scored; give one of 0.5, 0.8, 0.9"),
        (
            lambda s, f, c: plot_extrapolation(s, f, by="corpsu"),
            "'corpsu' is no group of these runs: did you mean 'corpus'",
        ),
        (
            lambda s, f, c: plot_extrapolation({"a": s, "b": s}, f, curve=c),
            "curve= goes with one scored answer, found 2",
        ),
        (lambda s, f, c: plot_extrapolation(s, f, curve=c.sel(corpus=["web"])), "the curve has no corpus 'code'"),
        (lambda s, f, c: plot_extrapolation(s, f, by=(), curve=c), r"the curve runs over \['corpus'\]"),
        (lambda s, f, c: plot_extrapolation(s, f, curve=c.drop_vars("C")), "the curve's points lack 'C'"),
        (
            lambda s, f, c: plot_extrapolation(s, f, curve=c.mean("draw")),
            "predict along a path gives chain, draw and point",
        ),
    ],
)
def test_refusals_say_what_to_give(change, says, scored, split, curve):
    with pytest.raises(FigureError, match=says):
        change(scored, split[0], curve)


@pytest.mark.parametrize("scale", [[1e19] * 5, [1e19, 1e19, 3e19, 3e19, 9e19], [1e19, 2e19, 3e19, 4e19, 5e19], [7e20]])
@pytest.mark.parametrize("apart", [0.001, 0.05, 0.3])
def test_neighbours_are_apart_and_in_order(scale, apart):
    scale, order = np.array(scale), np.arange(len(scale))[::-1]
    position = side_by_side(scale, order, apart)
    ranked = np.lexsort((order, scale))
    assert (np.diff(np.log10(position[ranked])) > apart - 1e-9).all()
    if (np.diff(np.log10(scale)) > apart).all():
        assert position == pytest.approx(scale)
    above = side_by_side(scale, order, apart, above=5e18)
    assert (above > 5e18).all()


def test_labels_are_told_apart_by_markers_filled_inside_and_open_outside(scored, split):
    fit_part, held_out = (
        part.assign_coords(size=("run", np.where(part["N"] > part["N"].median(), "large", "small"))) for part in split
    )
    marked = scored.assign_coords(size=held_out["size"])
    fit_part.attrs["groups"] = [*fit_part.attrs["groups"], "size"]
    fig = plot_extrapolation(marked, fit_part, by="corpus", mark="size", level=0.5)
    shapes = {str(size): marker for size, marker in zip(np.unique(held_out["size"]), "os", strict=False)}
    axes = [ax for ax in fig.axes if ax.get_title()]
    assert len(axes) == 2
    for ax in axes:
        runs = marked.isel(run=marked["corpus"].values == ax.get_title())
        inside = runs["inside"].sel(level=0.5).values
        for size, marker in shapes.items():
            for rows, label in ((inside, INSIDE), (~inside, OUTSIDE)):
                at = rows & (runs["size"].values == size)
                lines = [line for line in ax.lines if line.get_label() == f"{label}, {size}"]
                assert {line.get_marker() for line in lines} == {marker}
                drawn = np.concatenate([line.get_ydata() for line in lines])
                assert np.sort(drawn) == pytest.approx(np.sort(relative(runs, "observed", 0.5)[at]))
                assert all((line.get_markerfacecolor() == "white") == (label == OUTSIDE) for line in lines)
    assert {*shapes} < {text.get_text() for text in fig.legends[0].get_texts()}
    with pytest.raises(FigureError, match="sise"):
        plot_extrapolation(marked, fit_part, mark="sise")
