"""The program has a finite log density with a finite gradient wherever the sampler may go, for every kind of model."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from jax.flatten_util import ravel_pytree
from numpyro.handlers import seed, trace
from numpyro.infer.util import log_density, potential_energy, unconstrain_fn
from scipy import stats

from scaling_bayes.inference.potential import draw_prior
from scaling_bayes.laws import Law, law
from scaling_bayes.model import BetaBinomial, Discrepancy, Frontier, Laplace, Model, Normal, Separate, Shared, StudentT

CHINCHILLA = law("chinchilla")
EVERYWHERE = dict.fromkeys(CHINCHILLA.parameters, "corpus")
PRIORS = {"alpha": dist.LogNormal(-1.0, 0.2), "E": dist.Normal(1.7, 0.3)}
SUM = Law("E + A*(C+B)**-alpha")

NORMAL = Normal()  # compiles in a third of the time that Student's does
MODELS = {
    "shared": Model(CHINCHILLA),
    "partial": Model(CHINCHILLA, pool=EVERYWHERE, discrepancy=Discrepancy(along="C"), noise=NORMAL),
    "separate": Model(CHINCHILLA, pool=dict.fromkeys(CHINCHILLA.parameters, Separate("corpus")), noise=NORMAL),
    "fixed in the paper's units": Model(CHINCHILLA, pool={"A": 400.0, "beta": 0.28, "E": "corpus"}, noise=NORMAL),
    "mixed": Model(CHINCHILLA, pool={"E": Separate("corpus"), "A": "corpus", "B": "corpus"}, noise=NORMAL),
    "crossed": Model(CHINCHILLA, pool={"E": ("corpus", "architecture"), "A": "corpus", "beta": "architecture"}),
    "no drift": Model(CHINCHILLA, pool=EVERYWHERE, discrepancy=None, noise=NORMAL),
    "common drift": Model(CHINCHILLA, pool=EVERYWHERE, discrepancy=Discrepancy(parts=("common",)), noise=NORMAL),
    "own drift": Model(CHINCHILLA, pool=EVERYWHERE, discrepancy=Discrepancy(parts=("own",)), noise=NORMAL),
    "two axes": Model(CHINCHILLA, pool=EVERYWHERE, noise=NORMAL),
    "priors on a population": Model(CHINCHILLA, pool=EVERYWHERE, priors=PRIORS, noise=NORMAL),
    "priors without groups": Model(CHINCHILLA, priors=PRIORS, noise=NORMAL),
    "priors on separate values": Model(CHINCHILLA, pool={"alpha": Separate("corpus")}, priors=PRIORS, noise=NORMAL),
    "double exponential": Model(law("power"), noise=Laplace(), discrepancy=None),
    "frontier": Model(law("power"), noise=Frontier(), discrepancy=None),
    "run effects": Model(law("power"), noise=StudentT(within="architecture"), discrepancy=None),
    "power": Model(law("power"), pool={"A": "corpus"}, noise=NORMAL),
    "power_offset": Model(law("power_offset"), pool={"E": "corpus", "A": "corpus", "alpha": Shared()}, noise=NORMAL),
    "hand-written": Model(SUM, pool={"E": "corpus"}, noise=NORMAL),
}


def flat_density(program, design):
    """Log density and gradient at flat unconstrained positions, and three positions drawn from the prior."""

    def draw(key):
        drawn = trace(seed(program, key)).get_trace(design)
        values = {n: s["value"] for n, s in drawn.items() if s["type"] == "sample" and not s["is_observed"]}
        return unconstrain_fn(program, (design,), {}, values)

    positions = [draw(k) for k in range(3)]
    unravel = ravel_pytree(positions[0])[1]
    density = jax.value_and_grad(lambda flat: -potential_energy(program, (design,), {}, unravel(flat)))
    return jax.jit(jax.vmap(density)), jnp.stack([ravel_pytree(position)[0] for position in positions])


@pytest.mark.parametrize("case", MODELS)
def test_density_and_gradient_are_finite(case, sweep):
    with jax.enable_x64(True):
        binding = MODELS[case].bind(sweep)
        density, positions = flat_density(binding.program, binding.design)
        values, gradients = density(positions)
    assert np.isfinite(values).all()
    assert np.isfinite(gradients).all()
    assert len(set(np.asarray(values).tolist())) == len(positions)
    assert (np.asarray(gradients) != 0).any(axis=0).all()


def test_counts_of_nothing_and_of_everything_have_a_finite_density(sweep):
    errors = np.resize([0.0, 1.0, 0.3], 20)
    given = sweep.drop_vars("loss").assign(error=("run", errors, {"units": "fraction"})).assign_attrs(response="error")
    model = Model(law("power"), pool={"A": "corpus"}, noise=BetaBinomial(10), discrepancy=None)
    with jax.enable_x64(True):
        binding = model.bind(given)
        density, positions = flat_density(binding.program, binding.design)
        values, gradients = density(positions)
    present = binding.cells.runs >= 0
    np.testing.assert_array_equal(binding.design.counts["count"][present], 10 * errors[binding.cells.runs[present]])
    assert np.isfinite(binding.design.log_response).all()
    assert (binding.design.measured_error[present] > 0.1).all()
    assert np.isfinite(values).all()
    assert np.isfinite(gradients).all()


@pytest.mark.parametrize("case", ["partial", "crossed", "hand-written"])
def test_called_on_a_sweep_it_is_an_ordinary_program(case, sweep):
    with jax.enable_x64(True):
        drawn = trace(seed(MODELS[case], 0)).get_trace(sweep)
    assert drawn["log_response"]["is_observed"]
    assert np.isfinite(drawn["log_mean"]["value"]).all()


def test_the_likelihood_is_that_of_the_law_by_hand(sweep):
    model = Model(CHINCHILLA, noise=Normal(), discrepancy=None)
    with jax.enable_x64(True):
        binding = model.bind(sweep)
        drawn = trace(seed(binding.program, 1)).get_trace(binding.design)
    theta = np.asarray(drawn["theta"]["value"])[0, 0]
    at_reference = binding.program.coordinates.parameters(theta, binding.references)
    paper = binding.law.rescale(at_reference, binding.references)
    expected = np.log(CHINCHILLA.evaluate({**paper, "N": sweep["N"].values, "D": sweep["D"].values}))
    found = np.empty(20)
    found[binding.cells.runs[0, 0]] = drawn["log_mean"]["value"][0, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_padding_adds_nothing_to_the_density(sweep):
    model = Model(CHINCHILLA, noise=Normal(), discrepancy=None, pool={"E": "corpus"})
    with jax.enable_x64(True):
        binding = model.bind(sweep)
        drawn = trace(seed(binding.program, 1)).get_trace(binding.design)
        density = np.asarray(drawn["log_response"]["fn"].log_prob(binding.design.log_response))
    present = binding.cells.runs >= 0
    assert density.shape == (3, 1, 10)
    np.testing.assert_array_equal(density[~present], 0.0)
    assert np.all(density[present] != 0.0)


def test_prior_draws_of_separate_values_have_the_prior_that_was_given(sweep):
    prior = dist.Gamma(2.0, 4.0)
    with jax.enable_x64(True):
        binding = Model(CHINCHILLA, pool={"alpha": Separate("corpus")}, priors={"alpha": prior}).bind(sweep)
        drawn = draw_prior(binding.program, binding.design, jax.random.key(0), 4000)
    i = binding.program.coordinates.names.index("log_alpha")
    for group in range(drawn["theta"].shape[1]):
        values = np.exp(drawn["theta"][:, group, 0, i])
        assert stats.kstest(values, stats.gamma(2.0, scale=0.25).cdf).pvalue > 1e-3


@pytest.mark.parametrize("other", [{}, {"A": "architecture"}], ids=["alone", "crossed"])
def test_a_prior_on_separate_values_takes_the_place_of_the_default(sweep, other):
    """Against the same model without it, the density differs by the ratio of the two priors at every corpus's value."""
    prior = dist.Gamma(2.0, 4.0)
    pool = {"alpha": Separate("corpus"), **other}
    with jax.enable_x64(True):
        binding = Model(CHINCHILLA, pool=pool, priors={"alpha": prior}).bind(sweep)
        program, design = binding.program, binding.design
        drawn = trace(seed(program, 0)).get_trace(design)
        values = {n: s["value"] for n, s in drawn.items() if s["type"] == "sample" and not s["is_observed"]}
        with_prior, found = log_density(program, (design,), {}, values)
        without, _ = log_density(replace(program, priors=()), (design,), {}, values)
        i = program.coordinates.names.index("log_alpha")
        logs = jnp.unique(found["theta"]["value"][..., i].round(12))
        default = dist.Normal(design.prior_mean[i], design.prior_width[i])
        ratio = prior.log_prob(jnp.exp(logs)) + logs - default.log_prob(logs)
        difference, expected = float(with_prior - without), float(ratio.sum())
    assert difference == pytest.approx(expected, rel=1e-9)
