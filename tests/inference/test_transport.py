"""The change of variables is exact: it moves the density of the plain program, for every kind of model."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from jax.flatten_util import ravel_pytree
from numpyro.handlers import seed, trace
from numpyro.infer.util import constrain_fn, potential_energy, unconstrain_fn

import scaling_bayes as sb
from scaling_bayes.inference.linearisation import linearise
from scaling_bayes.inference.transport import ConditionalLaplace

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
    "correlated": sb.Model(CHINCHILLA, pool={"E": "task", "alpha": "task"}, noise=NORMAL, discrepancy=None),
    "run effects": sb.Model(
        CHINCHILLA, pool={"E": "corpus"}, noise=sb.StudentT(within="architecture"), discrepancy=None
    ),
    "many run effects": sb.Model(CHINCHILLA, pool={"E": "corpus"}, noise=sb.StudentT(within="task"), discrepancy=None),
    "run effects and drifts": sb.Model(
        CHINCHILLA, pool={"E": ("corpus", "task"), "alpha": "task"}, noise=sb.StudentT(within="architecture")
    ),
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
        "task": np.resize(list("abcdefgh"), 14),
    }
    truth = {"E": 1.7, "A": 400.0, "alpha": 0.34, "B": 410.0, "beta": 0.28}
    return sb.simulate_sweep(CHINCHILLA, pd.DataFrame(table), truth=truth, seed=0)


class Recording:
    """A transport that remembers where it moved the latents."""

    def __init__(self, transport):
        self.transport = transport

    def __call__(self, latents, given, design):
        self.moved, change = self.transport(latents, given, design)
        return self.moved, change


SITES = {
    "population_base": "population",
    "drift_common_base": "common",
    "effects_base": "effects",
    "own_base": "own",
    "within_base": "runs",
}
FEW = 4
"""Run effects that are sought together, in these tests."""


def compare(model, position_seed, bent):
    """Transported log density, and plain log density at the moved position plus the log determinant of the move."""
    binding = model.bind(sweep())
    program, design = binding.program, binding.design
    transport = ConditionalLaplace(linearise(program, design), program, bent)
    drawn = trace(seed(program, position_seed)).get_trace(design)
    values = {n: s["value"] for n, s in drawn.items() if s["type"] == "sample" and not s["is_observed"]}
    start, unravel = ravel_pytree(unconstrain_fn(program, (design,), {}, values))

    def move(flat):
        position, recording = unravel(flat), Recording(transport)
        density = -potential_energy(program, (design, recording), {}, position)
        moved = {n: getattr(recording.moved, SITES[n]) if n in SITES else v for n, v in position.items()}
        if "within_base" in moved and not design.joint:
            sites = constrain_fn(program, (design, transport), {}, position, return_deterministic=True)
            moved["within_base"] = sites["within_effect"] / sites["within_spread"]
        return ravel_pytree(moved)[0], density

    def both(flat):
        jacobian, density = jax.jacfwd(move, has_aux=True)(flat)
        moved = unravel(move(flat)[0])
        return density, -potential_energy(program, (design,), {}, moved), jnp.linalg.slogdet(jacobian)

    transported, plain, (_, log_determinant) = jax.jit(both)(start)
    return float(transported), float(plain), float(log_determinant)


SOME = {("correlated", False), ("common drift only", True)}
"""Cases of the fast tests; each compiles a Jacobian of a whole program."""


@pytest.mark.parametrize(
    ("case", "bent"),
    [
        pytest.param(case, bent, marks=[] if (case, bent) in SOME else pytest.mark.slow)
        for case in MODELS
        for bent in (False, True)
    ],
)
def test_density_is_that_of_the_plain_program_and_the_determinant(case, bent, monkeypatch):
    monkeypatch.setattr("scaling_bayes.model.design.MOST_LABELS", FEW)
    with jax.enable_x64(True):
        transported, plain, log_determinant = compare(MODELS[case], 3, bent)
    assert abs(log_determinant) > 1.0
    assert transported == pytest.approx(plain + log_determinant, rel=1e-8)
