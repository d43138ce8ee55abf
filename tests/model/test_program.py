"""The program has a finite log density with a finite gradient wherever the sampler may go, for every kind of model."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from jax.flatten_util import ravel_pytree
from numpyro.handlers import seed, trace
from numpyro.infer.util import log_density, unconstrain_fn

from scaling_bayes.laws import Law, law
from scaling_bayes.model import Discrepancy, Model, Normal, Separate, Shared

CHINCHILLA = law("chinchilla")
EVERYWHERE = dict.fromkeys(CHINCHILLA.parameters, "corpus")
PRIORS = {"alpha": dist.LogNormal(-1.0, 0.2), "E": dist.Normal(1.7, 0.3)}
SUM = Law("E + A*(C+B)**-alpha")

MODELS = {
    "shared": Model(CHINCHILLA),
    "partial": Model(CHINCHILLA, pool=EVERYWHERE),
    "separate": Model(CHINCHILLA, pool=dict.fromkeys(CHINCHILLA.parameters, Separate("corpus"))),
    "fixed in the paper's units": Model(CHINCHILLA, pool={"A": 400.0, "beta": 0.28, "E": "corpus"}),
    "mixed": Model(CHINCHILLA, pool={"E": Separate("corpus"), "A": "corpus", "B": "corpus"}),
    "crossed": Model(CHINCHILLA, pool={"E": ("corpus", "architecture"), "A": "corpus", "beta": "architecture"}),
    "normal noise": Model(CHINCHILLA, pool=EVERYWHERE, noise=Normal()),
    "no drift": Model(CHINCHILLA, pool=EVERYWHERE, discrepancy=None),
    "common drift": Model(CHINCHILLA, pool=EVERYWHERE, discrepancy=Discrepancy(parts=("common",))),
    "own drift": Model(CHINCHILLA, pool=EVERYWHERE, discrepancy=Discrepancy(parts=("own",))),
    "drift along two axes": Model(CHINCHILLA, pool=EVERYWHERE, discrepancy=Discrepancy(along=("C", "D/N"))),
    "priors on a population": Model(CHINCHILLA, pool=EVERYWHERE, priors=PRIORS),
    "priors without groups": Model(CHINCHILLA, priors=PRIORS),
    "priors on separate values": Model(CHINCHILLA, pool={"alpha": Separate("corpus")}, priors=PRIORS),
    "power": Model(law("power"), pool={"A": "corpus"}),
    "power_offset": Model(law("power_offset"), pool={"E": "corpus", "A": "corpus", "alpha": Shared()}),
    "hand-written": Model(SUM, pool={"E": "corpus"}),
}


def sites(program, design):
    """Unconstrained values of one draw from the prior, as a flat vector, and the way back."""
    drawn = trace(seed(program, 0)).get_trace(design)
    values = {n: s["value"] for n, s in drawn.items() if s["type"] == "sample" and not s["is_observed"]}
    return ravel_pytree(unconstrain_fn(program, (design,), {}, values))


def potential(program, design, unravel):
    """Log density of unconstrained values as a function of a flat vector."""
    from numpyro.infer.util import potential_energy

    return jax.jit(jax.value_and_grad(lambda flat: -potential_energy(program, (design,), {}, unravel(flat))))


@pytest.mark.parametrize("case", MODELS)
def test_density_and_gradient_are_finite(case, sweep):
    with jax.enable_x64(True):
        binding = MODELS[case].bind(sweep)
        start, unravel = sites(binding.program, binding.design)
        density = potential(binding.program, binding.design, unravel)
        rng = np.random.default_rng(0)
        for width in (0.0, 0.5, 1.0, 2.0):
            value, gradient = density(jnp.asarray(width * rng.standard_normal(start.shape)))
            assert np.isfinite(value)
            assert np.isfinite(gradient).all()
            assert np.any(np.asarray(gradient) != 0)


@pytest.mark.parametrize("case", ["partial", "crossed", "hand-written"])
def test_called_on_a_sweep_it_is_an_ordinary_program(case, sweep):
    with jax.enable_x64(True):
        drawn = trace(seed(MODELS[case], 0)).get_trace(sweep)
        assert drawn["log_response"]["is_observed"]
        assert np.isfinite(
            log_density(MODELS[case], (sweep,), {}, {})[0] if False else drawn["log_mean"]["value"]
        ).all()


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
    """Where labels are so chosen that no cell is padded, and where one is, the same runs have the same density."""
    model = Model(CHINCHILLA, noise=Normal(), discrepancy=None, pool={"E": "corpus"})
    with jax.enable_x64(True):
        binding = model.bind(sweep)
        drawn = trace(seed(binding.program, 1)).get_trace(binding.design)
    density = drawn["log_response"]["fn"].log_prob(binding.design.log_response)
    assert density.shape == (3, 1, 9)
    np.testing.assert_array_equal(np.asarray(density)[binding.cells.runs < 0], 0.0)
    assert np.all(np.asarray(density)[binding.cells.runs >= 0] != 0.0)


def test_a_prior_on_separate_values_takes_the_place_of_the_default(sweep):
    """The density of a separate parameter at two values differs as the user's prior does, groups and data apart."""
    prior = dist.LogNormal(-1.0, 0.2)
    model = Model(CHINCHILLA, pool=dict.fromkeys(CHINCHILLA.parameters, Separate("corpus")), priors={"alpha": prior})
    with jax.enable_x64(True):
        program, design = (binding := model.bind(sweep)).program, binding.design
        drawn = trace(seed(program, 0)).get_trace(design)
        values = {n: s["value"] for n, s in drawn.items() if s["type"] == "sample" and not s["is_observed"]}
        density, found = log_density(program, (design,), {}, values)
    alphas = np.exp(np.asarray(found["theta"]["value"])[:, 0, program.coordinates.names.index("log_alpha")])
    others = np.delete(np.asarray(values["effects_base"]), program.coordinates.names.index("log_alpha"), axis=1)
    at = np.log(alphas)
    expected = float(np.sum(prior.log_prob(alphas) + at)) + float(dist.Normal().log_prob(others).sum())
    rest = ["sigma", "nu_above_2", "drift_spread_own", "drift_spread_common", "drift_common_base", "own_base"]
    expected += sum(float(np.sum(found[n]["fn"].log_prob(values[n]))) for n in rest)
    with jax.enable_x64(True):
        likelihood = float(np.sum(found["log_response"]["fn"].log_prob(design.log_response)))
    # the default normal of the effect and the normal that is exchanged for it cancel up to the width of the coordinate
    width = float(design.prior_width[program.coordinates.names.index("log_alpha")])
    assert float(density) == pytest.approx(expected + likelihood + 3 * np.log(width), rel=1e-9)
