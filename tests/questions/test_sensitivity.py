"""Power-scaling: the density of the prior is the model's, and what hangs on it is told."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from scaling_bayes.questions.points import read_record
from scaling_bayes.questions.sensitivity import SAYS, THRESHOLD, coordinate_priors, log_prior, power_scale

SAMPLE = ("chain", "draw")


def with_likelihood(posterior: xr.DataTree, centre: np.ndarray, width: float) -> xr.DataTree:
    """A posterior whose runs say N(centre, width) of every coordinate."""
    draws = posterior["posterior"].to_dataset()["population"]
    density = xr.apply_ufunc(stats.norm(centre, width).logpdf, draws).rename(coordinate="run")
    tree = xr.DataTree.from_dict(
        {name: posterior[name].to_dataset() for name in posterior.children}
        | {"log_likelihood": density.drop_vars("run").to_dataset(name="loss")}
    )
    tree.attrs = dict(posterior.attrs)
    return tree


def place(posterior: xr.DataTree, mean: np.ndarray, width: np.ndarray) -> xr.DataTree:
    """Draws of the coordinates, and of the parameters that follow, from independent normal distributions."""
    record, draws = read_record(posterior), posterior["posterior"].to_dataset()
    theta = mean + width * np.random.default_rng(1).standard_normal(draws["population"].shape)
    draws["population"] = (draws["population"].dims, theta)
    for name, (_, value) in record.parameters(theta).items():
        draws[name] = (SAMPLE, value)
    tree = xr.DataTree.from_dict({n: posterior[n].to_dataset() for n in posterior.children} | {"posterior": draws})
    tree.attrs = dict(posterior.attrs)
    return tree


@pytest.fixture(scope="module")
def posterior(make_posterior, make_sweep):
    return make_posterior(make_sweep(), shape=(4, 500))


def test_the_density_is_that_of_the_prior_of_the_coordinates(posterior):
    record = read_record(posterior)
    mean, width = coordinate_priors(posterior, record)
    theta = posterior["posterior"]["population"].values
    expected = stats.norm(mean, width).logpdf(theta).sum(axis=-1)
    found = log_prior(posterior, record)
    assert found.dims == SAMPLE
    np.testing.assert_allclose(found.values, expected)


def test_groups_fitted_apart_each_have_the_prior(make_posterior, make_sweep):
    sweep = make_sweep(corpus=["code", "web"])
    posterior = make_posterior(sweep, groups=("corpus",), kind="Separate")
    record = read_record(posterior)
    effects, width = posterior["posterior"]["effect_corpus"].values, coordinate_priors(posterior, record)[1]
    expected = stats.norm(0.0, width).logpdf(effects).sum(axis=(-1, -2))
    np.testing.assert_allclose(log_prior(posterior, record).values, expected)


@pytest.mark.parametrize(
    ("shrunk", "told", "moves"),
    [
        (1.0, 50.0, {"prior": True, "likelihood": False}),  # the data say nothing: the prior is the posterior
        (0.01, 0.01, {"prior": False, "likelihood": True}),  # the data say all
    ],
)
def test_what_the_posterior_hangs_on_is_told(posterior, shrunk, told, moves):
    mean, width = coordinate_priors(posterior, read_record(posterior))
    fitted = with_likelihood(place(posterior, mean, shrunk * width), mean, told * width)
    table = power_scale(fitted)
    assert table.index.tolist() == ["E", "A_ref", "alpha"]
    for group, moved in moves.items():
        assert (table[group] >= THRESHOLD).all() == moved, table
        assert (table[group] >= THRESHOLD).any() == moved, table
    assert set(table["finding"]) == {SAYS[moves["prior"], moves["likelihood"]]}


def test_without_prior_or_likelihood_nothing_is_said(make_posterior, make_sweep):
    assert power_scale(make_posterior(make_sweep())).empty
    assert power_scale(make_posterior(make_sweep(), prior=None)).empty
