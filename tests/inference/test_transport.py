"""The change of variables is exact: it moves the density of the plain program, for every kind of model."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from jax.flatten_util import ravel_pytree
from numpyro.handlers import seed, trace
from numpyro.infer.util import potential_energy, unconstrain_fn

import scaling_bayes as sb
from scaling_bayes.inference.linearisation import linearise
from scaling_bayes.inference.transport import ConditionalLaplace
from scaling_bayes.inference.whitening import whiten_shared

CHINCHILLA, NORMAL = sb.law("chinchilla"), sb.Normal()
EVERYWHERE = dict.fromkeys(CHINCHILLA.parameters, "corpus")
MODELS = {
    "no groups": sb.Model(CHINCHILLA, noise=NORMAL),
    "partial": sb.Model(CHINCHILLA, pool=EVERYWHERE, discrepancy=None),
    "two axes": sb.Model(CHINCHILLA, pool=EVERYWHERE, noise=NORMAL),
    "common drift only": sb.Model(
        CHINCHILLA, pool=EVERYWHERE, discrepancy=sb.Discrepancy(parts=("common",)), noise=NORMAL
    ),
    "crossed": sb.Model(CHINCHILLA, pool={"E": ("corpus", "architecture"), "alpha": "architecture"}, noise=NORMAL),
    "separate and fixed": sb.Model(CHINCHILLA, pool={"A": sb.Separate("corpus"), "beta": 0.28}, noise=NORMAL),
}


def sweep():
    """14 runs of 3 corpora and 2 architectures at 4 budgets, so that there are few knots."""
    rng = np.random.default_rng(0)
    N = 10 ** rng.uniform(7, 9, 14)
    table = {
        "N": N,
        "D": np.resize([1e17, 1e18, 1e19, 1e20], 14) / (6 * N),
        "corpus": np.repeat(["web", "code", "books"], [6, 4, 4]),
        "architecture": np.resize(["dense", "sparse"], 14),
    }
    truth = {"E": 1.7, "A": 400.0, "alpha": 0.34, "B": 410.0, "beta": 0.28}
    return sb.simulate_sweep(CHINCHILLA, pd.DataFrame(table), truth=truth, seed=0)


class Recording:
    """A transport that remembers where it moved what cells share, effects and drifts."""

    def __init__(self, transport):
        self.transport, self.moved = transport, {}

    def spread_shared(self, shared):
        population, base, change = self.transport.spread_shared(shared)
        self.moved |= {"population": population, "drift_common_base": base}
        return population, base, change

    def __call__(self, effects, own, given, design):
        effects, own, change = self.transport(effects, own, given, design)
        self.moved |= {"effects_base": effects, "own_base": own}
        return effects, own, change


def compare(model, position_seed):
    """Transported log density, and plain log density at the moved position plus the log determinant of the move."""
    binding = model.bind(sweep())
    program, design = binding.program, binding.design
    around = linearise(program, design)
    transport = ConditionalLaplace(around, whiten_shared(program, design, around), program)
    drawn = trace(seed(program, position_seed)).get_trace(design, transport)
    values = {n: s["value"] for n, s in drawn.items() if s["type"] == "sample" and not s["is_observed"]}
    start, unravel = ravel_pytree(unconstrain_fn(program, (design, transport), {}, values))

    def move(flat):
        position, recording = unravel(flat), Recording(transport)
        density = -potential_energy(program, (design, recording), {}, position)
        kept = {n: v for n, v in position.items() if n != "shared_base"}
        return kept | {n: v for n, v in recording.moved.items() if v.size}, density

    def move_flat(flat):
        moved, density = move(flat)
        return ravel_pytree(moved)[0], density

    def both(flat):
        jacobian, density = jax.jacfwd(move_flat, has_aux=True)(flat)
        plain = -potential_energy(program, (design,), {}, move(flat)[0])
        return density, plain, jnp.linalg.slogdet(jacobian)

    transported, plain, (_, log_determinant) = jax.jit(both)(start)
    return float(transported), float(plain), float(log_determinant)


@pytest.mark.parametrize("case", MODELS)
def test_density_is_that_of_the_plain_program_and_the_determinant(case):
    with jax.enable_x64(True):
        transported, plain, log_determinant = compare(MODELS[case], 3)
    assert abs(log_determinant) > 1.0
    assert transported == pytest.approx(plain + log_determinant, rel=1e-8)
