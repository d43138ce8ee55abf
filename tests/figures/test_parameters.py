"""Parameters, pooling, chains, bowls, losses and the multiverse: what is drawn is what the answers say."""

import numpy as np
import pytest

from scaling_bayes import figures
from scaling_bayes.figures import FigureError


def _dots(ax, label):
    return np.concatenate([line.get_xydata() for line in ax.lines if line.get_label() == label])


def test_the_forest_shows_medians_by_group_and_the_prior(learnt):
    fig = figures.plot_parameters(learnt)
    E = fig.axes[0]
    expected = learnt["E"].quantile(0.5, ("chain", "draw"), method="inverted_cdf").values
    np.testing.assert_allclose(_dots(E, "median")[:, 0], expected)
    assert [tick.get_text() for tick in E.get_yticklabels()] == ["code", "web"]
    assert [patch.get_label() for patch in E.patches] == ["prior, 50 %"]


def test_the_ridge_is_named_with_its_correlation(learnt):
    rho = learnt["correlation"].sel(parameter="A", parameter_other="alpha")
    title = figures.plot_parameters(learnt, pair=("A", "alpha")).axes[-2].get_title()
    assert title.startswith(r"$A$ against $\alpha$")
    assert f"{rho.min().item():.2f}".replace("-", "−") in title


def test_pooling_joins_both_medians_of_a_group(learnt):
    pooled = learnt.assign(E=learnt["E"] * 0.9)
    ax = figures.plot_pooling(learnt, pooled, names=["E"]).axes[0]
    alone, after = _dots(ax, "each group alone"), _dots(ax, "pooled")
    np.testing.assert_allclose(after[:, 0], 0.9 * alone[:, 0])
    np.testing.assert_allclose(_dots(ax, "move")[:, 0], np.stack([alone[:, 0], after[:, 0]], axis=1).ravel())


def test_ranks_show_a_chain_that_is_shifted(learnt):
    shifted = learnt.assign(E=learnt["E"] + 10.0 * learnt["chain"]).isel(corpus=0)
    one, other = (
        max(abs(line.get_ydata()).max() for line in figures.plot_ranks(answer, names=["E"]).axes[0].lines)
        for answer in (learnt.isel(corpus=0), shifted)
    )
    assert other > 0.4 > one


def test_bowls_have_their_best_value_at_the_bottom(tuned):
    left, right = figures.plot_bowls(tuned).axes
    best = tuned["best"].quantile(0.5, ("chain", "draw"), method="inverted_cdf").values
    found = [_dots(left, f"N = {name}, best")[0, 0] for name in ("10M", "100M", "1B")]
    np.testing.assert_allclose(found, best)
    np.testing.assert_allclose(_dots(right, "best")[:, 1], best)


def test_a_bowl_that_does_not_turn_is_said(tuned):
    assert figures.plot_bowls(tuned.assign(at_edge=tuned["at_edge"] + 1)).get_suptitle().startswith("NO BEST lr")


def test_losses_of_both_corpora_lie_on_one_plane(losses):
    curve, runs = losses
    ax = figures.plot_loss_to_loss(curve, runs).axes[0]
    assert len(_dots(ax, "fitted run")) == runs.sizes["run"]
    assert {"code", "web"} <= {line.get_label() for line in ax.lines}


def test_universes_are_sorted_and_their_choices_marked(universes):
    upper, lower = figures.plot_multiverse(universes.isel(universe=[3, 0, 2, 1])).axes
    np.testing.assert_allclose(_dots(upper, "median")[:, 1], [0, 1, 2, 3])
    np.testing.assert_array_equal(_dots(lower, "law: power")[:, 0], [1, 3])
    np.testing.assert_array_equal(_dots(lower, "rows: 11")[:, 0], [2, 3])


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda ask: figures.plot_parameters(ask("compared")), "parameters"),
        (lambda ask: figures.plot_parameters(ask("learnt"), pair=("E", "gamma")), "'gamma'"),
        (lambda ask: figures.plot_pooling(ask("learnt"), ask("learnt"), names=["gamma"]), "'gamma'"),
        (lambda ask: figures.plot_pooling(*[ask("learnt").isel(corpus=0, drop=True)] * 2), "no parameter differs"),
        (lambda ask: figures.plot_ranks(ask("learnt").isel(chain=[0])), "has one"),
        (lambda ask: figures.plot_bowls(ask("tuned").isel(point=[0])), "two or more values of N"),
        (lambda ask: figures.plot_bowls(ask("compared")), "tune"),
        (lambda ask: figures.plot_loss_to_loss(ask("losses")[0].isel(point=[0]), ask("losses")[1]), "several points"),
        (lambda ask: figures.plot_multiverse(ask("compared")), "multiverse"),
    ],
)
def test_an_answer_of_another_question_is_refused(draw, message, request):
    with pytest.raises(FigureError, match=message):
        draw(request.getfixturevalue)
