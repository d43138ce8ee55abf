"""Every law of the catalogue can be fitted: runs simulated from it give its curve back."""

import numpy as np
import pandas as pd
import pytest

import scaling_bayes as sb
from scaling_bayes.laws.catalogue import read_entries
from scaling_bayes.laws.catalogue.illustration import illustrate

ENTRIES = read_entries()
RUNS, NOISE = 60, 0.005
HARD = {"distillation": "thirteen parameters, two of which are told by their product only: least squares runs away"}
QUICK = {"power", "chinchilla", "rectified", "isoflop", "parscale", "moe_routed", "resample_perfect", "qat_fraction"}
"""Laws of the fast tests; each compiles its own fit."""


def simulate(entry, law, truth):
    """Runs within five decades of the entry's typical scale, as far as its covariates mean something there."""
    rng, reach, table = np.random.default_rng(0), min(2.5, entry.decades / 2), {}
    for c in law.covariates:
        low, high = entry.domain.get(c, (0.0, np.inf))
        scale = entry.typical(c) * 10 ** rng.uniform(-reach, reach, RUNS)
        table[c] = np.clip(scale, 1.1 * low, 0.9 * high)
    return sb.simulate_sweep(law, pd.DataFrame(table), truth=truth, seed=0, noise=NOISE), table


def marks(name):
    """What pytest does with a law."""
    return pytest.mark.skip(HARD[name]) if name in HARD else [] if name in QUICK else pytest.mark.slow


@pytest.mark.parametrize("name", [pytest.param(name, marks=marks(name)) for name in ENTRIES])
def test_a_simulated_sweep_gives_the_curve_back(name):
    shown = illustrate(ENTRIES[name])
    sweep, table = simulate(ENTRIES[name], shown.law, dict(shown.parameters))
    found = sb.baseline(shown.law, sweep, seed=0, bootstrap=2, method="least_squares")["estimate"].to_dataset()
    truth = shown.law.evaluate({**shown.parameters, **table})
    fitted = shown.law.evaluate({**{p: found[p].item() for p in shown.law.parameters}, **table})
    assert np.sqrt(np.mean(np.log(fitted / truth) ** 2)) < NOISE
