"""The digitised Chinchilla table: the posterior holds the published re-fit, and five outliers do not move it."""

import json
import warnings

import numpy as np
import pytest

import scaling_bayes as sb

pytestmark = [pytest.mark.needs_table("chinchilla"), pytest.mark.slow]
HUBER = {"E": 1.8172, "A": 477.8, "B": 2143.4, "alpha": 0.34731, "beta": 0.36717}
BUDGET = 5.76e23


@pytest.fixture(scope="module")
def posteriors():
    model = sb.Model(sb.law("chinchilla"), discrepancy=None)
    sweeps = (sb.load_sweep("chinchilla", subset="published_fit"), sb.load_sweep("chinchilla"))
    with warnings.catch_warnings():
        warnings.simplefilter("always", sb.GateWarning)  # the test on gates shows which one failed
        return [sb.fit(model, sweep, seed=0, warmup=500, draws=1000, progress=False) for sweep in sweeps]


def tokens_per_parameter(draws):
    """D/N that is best at the budget."""
    share = draws["beta"] / (draws["alpha"] + draws["beta"])
    scale = (draws["alpha"] * draws["A"] / (draws["beta"] * draws["B"])) ** (1 / (draws["alpha"] + draws["beta"]))
    N = scale * (BUDGET / 6) ** share
    return BUDGET / (6 * N**2)


def test_every_gate_is_passed(posteriors):
    for posterior in posteriors:
        assert [gate for gate in json.loads(posterior.attrs["gates"]) if not gate["passed"]] == []


def test_the_published_refit_is_inside(posteriors):
    draws = posteriors[0]["posterior"].to_dataset()
    for name, value in HUBER.items():
        low, high = draws[name].quantile([0.025, 0.975]).values
        assert low < value < high


def test_five_outliers_do_not_move_the_answer(posteriors):
    medians = [float(tokens_per_parameter(each["posterior"].to_dataset()).median()) for each in posteriors]
    assert abs(np.log(medians[1] / medians[0])) < np.log(1.25)
