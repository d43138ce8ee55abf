"""Several fits of one law side by side, with published numbers, and whether the intervals of several methods hold."""

import numpy as np
import pytest

from scaling_bayes import figures
from scaling_bayes.figures import FigureError


def _dots(ax, label):
    return np.concatenate([line.get_xydata() for line in ax.lines if line.get_label() == label])


def test_every_fit_has_its_median_and_every_paper_its_number(learnt):
    fits = {str(name): learnt.sel(corpus=name) for name in learnt["corpus"].values}
    fig = figures.plot_estimates(fits, published={"one": {"E": 1.5, "alpha": 0.3}, "two": {"E": 1.7}}, names=["E"])
    (ax,) = fig.axes
    expected = [fit["E"].quantile(0.5, ("chain", "draw"), method="inverted_cdf").item() for fit in fits.values()]
    np.testing.assert_allclose(_dots(ax, "median"), np.stack([expected, [0, 1]], axis=1))
    np.testing.assert_allclose(_dots(ax, "published"), [[1.5, 2], [1.7, 3]])
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["code", "web", "one", "two"]


@pytest.mark.parametrize(
    ("fits", "names", "said"),
    [
        (lambda learnt: learnt, None, "name each fit"),
        (lambda learnt: {"both": learnt}, None, "fit 'both' has E by corpus; select one"),
        (lambda learnt: {"web": learnt.sel(corpus="web")}, ["gamma"], "fit 'web' has no parameter 'gamma'"),
    ],
)
def test_what_cannot_stand_in_one_row_is_refused(learnt, fits, names, said):
    with pytest.raises(FigureError, match=said):
        figures.plot_estimates(fits(learnt), names=names)


def test_a_panel_a_method_shows_its_shares_and_the_last_all_errors(folded):
    worse = folded.assign(rmsle_at_ratio=2 * folded["rmsle_at_ratio"])
    fig = figures.plot_coverage({"ours": folded, "theirs": worse})
    ours, theirs, last = fig.axes
    assert [ax.get_title() for ax in fig.axes] == ["ours", "theirs", "error"]
    shares = 100 * folded["coverage_at_ratio"].sel(level=0.9).values
    for ax in (ours, theirs):
        np.testing.assert_allclose(_dots(ax, "90 %")[: len(shares), 1], shares)
    np.testing.assert_allclose(_dots(last, "theirs")[:, 1], 2 * _dots(last, "ours")[:, 1])


def test_what_was_counted_is_said(folded):
    told = folded.assign_attrs(counted=["curves", "families"])
    fig = figures.plot_coverage({"ours": told})
    assert fig.axes[0].get_yticklabels()[0].get_text() == "curves\nfamilies"
    assert "90 % interval, by families" in [text.get_text() for text in fig.legends[0].get_texts()]
    with pytest.raises(FigureError, match="count different things"):
        figures.plot_coverage({"one": told, "other": folded})


@pytest.mark.parametrize("several", [0, 4])
def test_one_to_three_methods_are_compared(folded, several):
    with pytest.raises(FigureError, match="one to 3 answers"):
        figures.plot_coverage({str(k): folded for k in range(several)})
