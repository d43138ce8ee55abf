"""Influence by importance weights, against posteriors whose leave-one-out is known in closed form."""

import numpy as np
import pytest
import xarray as xr

import scaling_bayes as sb
from scaling_bayes.questions.influence import RELIABLE, weigh_without
from tests.questions.conftest import make_posterior, make_sweep

SIGMA = 0.01


def with_likelihood(misfit: dict[int, float], *, wobble: float = SIGMA / 4) -> xr.DataTree:
    """A posterior that knows the floor up to a normal error, and normal runs of spread `SIGMA` that measure it."""
    sweep = make_sweep(noise=0.0)
    posterior = make_posterior(sweep, shape=(4, 1000), wobble=0.0)
    draws = posterior["posterior"].to_dataset()
    error = np.random.default_rng(1).normal(0.0, wobble, (4, 1000))
    draws["log_level"] = (("chain", "draw"), error - error.mean())
    for name in ("E", "A", "A_ref", "E_ref"):
        if name in draws:
            draws[name] = draws[name] * np.exp(draws["log_level"])
    far = np.array([misfit.get(i, 0.0) for i in range(sweep.sizes["run"])]) * SIGMA
    density = -0.5 * ((far - draws["log_level"].values[..., None]) / SIGMA) ** 2
    found = posterior.copy()
    found["posterior"] = xr.DataTree(draws.drop_vars("log_level"))
    columns = {"loss": (("chain", "draw", "run"), density)}
    found["log_likelihood"] = xr.DataTree(xr.Dataset(columns, {"run": sweep["run"].values}))
    return found


@pytest.mark.parametrize("misfit", [0.0, 1.0, -2.0])
def test_change_is_that_of_the_normal_posterior_without_the_run(misfit):
    precision, own = (4 / SIGMA) ** 2, SIGMA**-2
    expected = -own * misfit * SIGMA / (precision - own)
    found = sb.influence(with_likelihood({2: misfit}), {"N": 1e11})
    assert found["moved"].isel(run=2).item() == pytest.approx(expected, abs=4e-5)
    assert found["moved_sd"].isel(run=2).item() == pytest.approx(expected / (SIGMA / 4), abs=0.02)
    assert abs(found["moved"].isel(run=0)).item() < 4e-5
    assert found["reliable"].all()


def test_weights_sum_to_one_and_keep_draws():
    found = weigh_without(with_likelihood({2: 1.0}))
    np.testing.assert_allclose(found["weight"].sum(("chain", "draw")), 1.0)
    assert found["weight"].sizes["draw"] == 1000


def test_a_run_that_made_the_posterior_is_not_reliable():
    found = weigh_without(with_likelihood({2: 40.0}, wobble=SIGMA), runs=["2"])
    assert found["pareto_k"].item() > RELIABLE
    assert not found["reliable"].item()


def test_one_run_alone_agrees_with_all():
    posterior = with_likelihood({2: 1.0})
    every, one = (sb.influence(posterior, {"N": 1e11}, runs=runs) for runs in (None, ["2"]))
    assert one["moved"].item() == pytest.approx(every["moved"].sel(run=every["run"][2]).item())


def test_unknown_runs_are_refused():
    with pytest.raises(sb.QuestionError, match="'22' is no fitted run"):
        sb.influence(with_likelihood({}), {"N": 1e11}, runs=["22"])
