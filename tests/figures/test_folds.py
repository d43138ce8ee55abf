"""What is drawn of folds: every run, every share with its interval, and what failed."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from scaling_bayes.figures import FigureError, plot_folds
from scaling_bayes.figures.error_panels import INSIDE, INTERVAL, OUTSIDE
from scaling_bayes.figures.style import BAD

LEVELS = (0.5, 0.8, 0.9)
ENDS = ("_lower", "_upper")


def rows(fig):
    """The panels of errors, coverage and RMSLE of each row."""
    axes = [ax for ax in fig.axes if ax.axison]
    return [axes[k : k + 3] for k in range(0, len(axes), 3)]


def headers(fig):
    return [[text.get_text() for text in ax.texts] for ax in fig.axes if not ax.axison]


def dots(ax):
    """Height and colour of single dots."""
    return [(float(line.get_ydata()[0]), to_hex(line.get_color())) for line in ax.lines if line.get_marker() == "o"]


def bars(ax):
    """Ends of the intervals: vertical lines."""
    lines = [line for line in ax.lines if len(set(line.get_xdata())) == 1 and len(line.get_xdata()) == 2]
    return sorted(tuple(sorted(line.get_ydata())) for line in lines)


def test_every_run_is_drawn_with_its_interval(folded):
    ((errors, _, _),) = rows(plot_folds(folded))
    inside = folded["inside"].sel(level=0.9).values
    drawn = {line.get_label(): len(line.get_xdata()) for line in errors.lines}
    assert (drawn[INSIDE], drawn[OUTSIDE]) == (inside.sum(), (~inside).sum())
    segments = [s for c in errors.collections if c.get_label() == INTERVAL for s in c.get_segments()]
    assert len(segments) == folded.sizes["run"]
    assert min(segment[0, 0] for segment in segments) > 1


def test_shares_are_drawn_at_their_height(folded):
    ((_, coverage, _),) = rows(plot_folds(folded))
    assert sorted(y for y, _ in dots(coverage)) == pytest.approx(
        np.sort(100 * folded["coverage_at_ratio"].values.ravel())
    )
    expected = np.stack([100 * folded[f"coverage_at_ratio{end}"].values.ravel() for end in ("_lower", "_upper")], 1)
    assert np.array(bars(coverage)) == pytest.approx(np.array(sorted(map(tuple, expected))))
    counts = [
        f"{n}\n{g}" for n, g in zip(folded["runs_at_ratio"].values, folded["clusters_at_ratio"].values, strict=True)
    ]
    assert {*counts, "50 %", "80 %", "90 %"} == {text.get_text() for text in coverage.texts}


@pytest.mark.parametrize(("upper", "bad"), [(0.0, 6), (0.6, 4), (1.0, 0)])
def test_a_share_below_its_level_is_vermilion(folded, upper, bad):
    """At levels of 50, 80 and 90 % in two bins of ratio."""
    low = folded.assign({f"coverage_at_ratio{end}": 0 * folded["coverage_at_ratio"] + upper for end in ("", "_upper")})
    ((_, coverage, _),) = rows(plot_folds(low))
    assert [colour for _, colour in dots(coverage)].count(BAD.lower()) == bad


def test_errors_grow_from_zero(folded):
    ((_, _, rmsle),) = rows(plot_folds(folded))
    (line,) = rmsle.lines
    assert line.get_ydata() == pytest.approx(folded["rmsle_at_ratio"].values)
    assert line.get_xdata() == pytest.approx(folded["ratio_mean"].values)
    assert rmsle.get_ylim()[0] == 0
    assert rmsle.get_ylim()[1] > folded["rmsle_at_ratio_upper"].max()


def test_all_panels_have_one_axis_of_ratios(folded):
    fig = plot_folds({"first": folded, "second": folded.assign(upper=folded["upper"] * 1.2)})
    for column in zip(*rows(fig), strict=True):
        assert len({ax.get_ylim() for ax in column}) == 1
    everything = [ax for row in rows(fig) for ax in row]
    assert len({ax.get_xlim() for ax in everything}) == 1
    assert [t.get_text() for t in everything[0].get_xticklabels()] == ["×1", "×2", "×4", "×8"]
    assert fig.legends[0].get_title().get_text() == "training compute $C$, ratio to the largest fitted"


@pytest.mark.parametrize("level", LEVELS)
def test_the_header_says_coverage_and_what_is_absent(folded, level):
    fig = plot_folds({"mine": folded}, level=level)
    ((name, says),) = headers(fig)
    at = folded.sel(level=level)
    ends = [f"{100 * float(at[f'coverage{end}']):.0f}" for end in ("", "_lower", "_upper")]
    assert name == "mine"
    assert says == (
        f"top octaves held out: 1, 2; {ends[0]} % inside ({ends[1]} to {ends[2]} % by curves), "
        f"nominally {100 * level:g} %; not fitted: 3"
    )


def test_one_curve_is_drawn_without_bars(folded):
    ends = [f"{name}{end}" for name in ("coverage", "rmsle", "coverage_at_ratio", "rmsle_at_ratio") for end in ENDS]
    low = {"coverage_at_ratio": 0 * folded["coverage_at_ratio"]}
    fig = plot_folds(folded.assign({name: folded[name] * np.nan for name in ends} | low))
    ((_, coverage, _),) = rows(fig)
    assert all(low == high for low, high in bars(coverage))
    assert [colour for _, colour in dots(coverage)].count(BAD.lower()) == 0
    assert "by curves" not in headers(fig)[0][1]


@pytest.mark.parametrize(
    ("draw", "says"),
    [
        (lambda scores: plot_folds({}), "no answer to draw; give what fold_scores"),
        (lambda scores: plot_folds(scores, level=0.95), "level=0.95 was not scored; give one of 0.5, 0.8, 0.9"),
        (lambda scores: plot_folds({"mine": scores, "other": scores.drop_vars("fold")}), r"lacks \['fold'\]"),
    ],
)
def test_refusals_say_what_to_give(draw, says, folded):
    with pytest.raises(FigureError, match=says):
        draw(folded)
