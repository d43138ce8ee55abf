"""Short runs ahead of a fit: where they are due, and that they expand the law where the posterior is."""

import jax
import numpy as np
import pytest

import scaling_bayes as sb
from scaling_bayes.inference.linearisation import expand, linearise
from scaling_bayes.inference.sampler import PILOT, Settings, Target, sample
from scaling_bayes.inference.transport import is_uncertain

FLOOR = sb.law("power_offset")
TRUTH = {"E": 0.3, "A": 30.0, "alpha": 0.09}
"""A slow decline: least squares takes what bend the noise gives for a floor, the prior does not."""


def settle(drift):
    """Program and arrays of three corpora, eight budgets each."""
    budgets = list(np.geomspace(1e16, 1e19, 8))
    sweep = sb.simulate_sweep(
        FLOOR, {"C": budgets, "corpus": ["web", "code", "books"]}, truth=TRUTH, noise=0.02, seed=3
    )
    pool = dict.fromkeys(FLOOR.parameters, sb.Partial("corpus"))
    binding = sb.Model(FLOOR, pool=pool, noise=sb.Normal(), discrepancy=drift).bind(sweep)
    return binding.program, binding.design


@pytest.mark.parametrize(
    ("settings", "short"),
    [
        (Settings(4, 500, 1000), Settings(2, 150, 50, schedule=500)),
        (Settings(1, 100, 20), Settings(1, 100, 20, schedule=100)),
        (Settings(2, 150, 200, schedule=500), Settings(2, 150, 50, schedule=500)),
        (Settings(4, 500, 1000, together=True), Settings(4, 150, 50, together=True, schedule=500)),
    ],
)
def test_a_pilot_is_never_longer_and_uses_what_is_compiled(settings, short):
    found = settings.shorten(PILOT)
    assert found == short
    assert found.late + found.warmup == settings.late + settings.warmup


def test_an_expansion_around_the_fit_is_the_linearisation():
    with jax.enable_x64(True):
        program, design = settle(None)
        fitted = linearise(program, design)
        none = np.zeros((*fitted.theta.shape[:2], len(design.knot_axis)))
        found = expand(program, design, np.asarray(fitted.theta), none)
    for here, there in zip(jax.tree.leaves(found), jax.tree.leaves(fitted), strict=True):
        np.testing.assert_allclose(here, there)


def test_pilots_expand_the_law_where_the_posterior_is():
    with jax.enable_x64(True):
        program, design = settle(sb.Discrepancy(along="C"))
        fitted = linearise(program, design)
        assert is_uncertain(program, design, fitted)
        (drawn,) = sample(program, [Target(design, fitted, jax.random.key(0))], Settings(4, 200, 200))
    theta, spread = drawn.draws.mean()["theta"], drawn.draws.values["theta"].std(axis=(0, 1))
    before, after = (np.abs(np.asarray(at) - theta) / spread for at in (fitted.theta, drawn.data[1].around.theta))
    assert after.max() < before.max() / 2
    assert after.max() < 0.5
