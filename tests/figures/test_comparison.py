"""Comparisons as drawn: every choice, its bands, its probabilities, and what stands around them."""

import numpy as np
import pytest
import xarray as xr

import scaling_bayes as sb
from scaling_bayes.figures import FigureError, plot_comparison, plot_ranking
from scaling_bayes.figures.style import MUTED, group_colours

SCALES = np.geomspace(1e18, 1e22, 6)


@pytest.fixture(scope="module")
def compared(posterior):
    return sb.compare(posterior, "corpus", at={"C": SCALES}, tokens_per_parameter=20)


@pytest.fixture(scope="module")
def ranked(posterior):
    return sb.compare(posterior, "corpus", at={"C": 1e21}, tokens_per_parameter=20)


@pytest.fixture(scope="module")
def drawn(compared):
    return plot_comparison(compared, baseline="web")


def lines(ax, label):
    return [line for line in ax.lines if line.get_label() == label]


def repeat(answer, labels, dim="corpus"):
    """The same answer with each choice shown under several labels."""
    at = np.arange(len(labels)) % answer.sizes[dim]
    wide = answer.isel({dim: at, f"{dim}_other": at})
    return wide.assign_coords({dim: labels, f"{dim}_other": labels})


def test_the_median_ratio_is_drawn_in_percent(compared, drawn):
    left, _ = drawn.axes
    (median,) = lines(left, "code")
    ratio = compared["ratio"].sel(corpus="code", corpus_other="web").values.reshape(-1, len(SCALES))
    np.testing.assert_allclose(median.get_ydata(), 100 * (np.quantile(ratio, 0.5, axis=0, method="inverted_cdf") - 1))
    np.testing.assert_allclose(median.get_xdata(), SCALES)
    assert len(left.collections) == 2
    (baseline,) = lines(left, "web")
    assert set(baseline.get_ydata()) == {0}


def test_probabilities_of_the_curve_and_of_one_run(compared, drawn):
    right = drawn.axes[1]
    solid, dotted = lines(right, "code")
    np.testing.assert_allclose(solid.get_ydata(), compared["p_best"].sel(corpus="code"))
    np.testing.assert_allclose(dotted.get_ydata(), compared["p_best_new_run"].sel(corpus="code"))
    assert (solid.get_linestyle(), dotted.get_linestyle()) == ("-", ":")


def test_labels_and_the_fitted_range(drawn):
    left, right = drawn.axes
    assert left.get_ylabel() == "loss, relative to web (%)"
    assert right.get_ylabel() == "P(best)"
    assert left.get_xlabel() == "training compute $C$ (FLOP)"
    assert left.patches[0].get_x() + left.patches[0].get_width() == pytest.approx(1e19)
    words = ["code", "web", "one new run", "fitted range", "lower is better"]
    assert [t.get_text() for t in drawn.legends[0].get_texts()] == words
    assert not left.texts


def test_by_default_the_best_at_the_largest_scale_is_the_baseline(compared):
    best = str(compared["corpus"].values[compared["p_best"].isel(point=-1).values.argmax()])
    assert plot_comparison(compared).axes[0].get_ylabel() == f"loss, relative to {best} (%)"


def test_an_answer_against_one_choice_is_drawn_against_it(posterior):
    answer = sb.compare(posterior, "corpus", at={"C": SCALES}, tokens_per_parameter=20, baseline="code")
    assert plot_comparison(answer).axes[0].get_ylabel() == "loss, relative to code (%)"
    with pytest.raises(FigureError, match="against 'web'"):
        plot_comparison(answer, baseline="web")


def test_points_may_come_in_any_order(compared, drawn):
    turned = plot_comparison(compared.isel(point=[3, 0, 5, 1, 4, 2]), baseline="web")
    for one, other in zip(drawn.axes, turned.axes, strict=True):
        for a, b in zip(one.lines, other.lines, strict=True):
            np.testing.assert_allclose(a.get_ydata(), b.get_ydata())


def test_of_many_choices_six_have_colours(compared):
    fig = plot_comparison(repeat(compared, [f"c{i}" for i in range(9)]), baseline="c0")
    colours = [line.get_color() for label in [f"c{i}" for i in range(9)] for line in lines(fig.axes[1], label)[:1]]
    assert colours.count(MUTED) == 3
    assert set(colours) - {MUTED} == set(group_colours("abcdef").values())
    assert "3 others" in [t.get_text() for t in fig.legends[0].get_texts()]


def test_other_groups_have_a_panel_each_on_one_scale(compared):
    tasks = xr.concat([compared, compared * 1.0], xr.DataArray(["qa", "vision"], dims="task", name="task"))
    fig = plot_comparison(tasks.assign_attrs(compared.attrs))
    upper = [ax for ax in fig.axes if ax.get_title()]
    assert [ax.get_title() for ax in upper] == ["qa", "vision"]
    assert len({ax.get_ylim() for ax in upper}) == 1
    assert len(fig.axes) == 4


def test_failed_gates_stand_above(compared, ranked):
    failed = {"failed_gates": "R-hat"}
    for fig in (plot_comparison(compared.assign_attrs(failed)), plot_ranking(ranked.assign_attrs(failed))):
        assert fig.get_suptitle() == "SAMPLER GATES FAILED: R-hat"


def test_a_ranking_puts_the_least_regret_on_top(ranked):
    fig = plot_ranking(ranked)
    expected = ranked["regret"].mean(("chain", "draw", "point"))
    order = ranked["corpus"].values[np.argsort(expected.values)].tolist()
    left, middle, right = fig.axes
    assert [t.get_text() for t in left.get_yticklabels()] == order
    assert left.get_ylim()[0] > left.get_ylim()[1]
    np.testing.assert_allclose(left.lines[0].get_xdata(), np.sort(expected))
    np.testing.assert_allclose(
        [bar.get_width() for bar in middle.patches], ranked["p_best"].sel(corpus=order).squeeze()
    )
    assert right.get_xlabel() == "C needed to equal the best"
    assert fig.get_supxlabel() == "at C = 1e21, N = 2.89B, D = 57.7B, 100 times the largest fitted C"


def test_a_ranking_says_how_often_the_best_is_never_equalled(ranked):
    factor = xr.where(ranked["corpus"] == "web", np.inf, ranked["regret_factor"])
    never = xr.where(ranked["corpus"] == "web", 1.0, 0.0).expand_dims(point=1)
    fig = plot_ranking(ranked.assign(regret_factor=factor, p_unattained=never))
    assert [t.get_text() for t in fig.axes[2].texts] == ["never 100 %"]


def test_without_a_scale_a_ranking_has_two_panels(ranked):
    assert len(plot_ranking(ranked.drop_vars(["regret_factor", "p_unattained"])).axes) == 2


@pytest.mark.parametrize(
    ("draw", "change", "says"),
    [
        (plot_comparison, lambda a: a.drop_vars("ratio"), r"lacks \['ratio'\]; draw what compare"),
        (plot_comparison, lambda a: a.isel(point=[0]), "two values of it or more"),
        (plot_comparison, lambda a: a.isel(point=[0, 1, 1]), "several points have one value of C"),
        (plot_ranking, lambda a: a, "one place, and this answer has several of point"),
        (plot_ranking, lambda a: None, "found NoneType"),
    ],
)
def test_other_answers_are_refused(compared, draw, change, says):
    with pytest.raises(FigureError, match=says):
        draw(change(compared))
