"""Every law of the catalogue can be fitted: runs simulated from it give its curve back."""

import numpy as np
import pandas as pd
import pytest

import scaling_bayes as sb
from scaling_bayes.laws.catalogue import read_entries
from scaling_bayes.laws.catalogue.illustration import illustrate

ENTRIES = read_entries()
RUNS, NOISE = 60, 0.005
HELD = {"distillation": ("c_1",)}
"""Given: of c_1 and f_1 the runs tell the product only, and least squares runs away with the two."""
QUICK = {
    "power",
    "chinchilla",
    "rectified",
    "isoflop",
    "parscale",
    "moe_routed",
    "qat_fraction",
    "mixture_distance",
}
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
    far = pytest.mark.filterwarnings("ignore:overflow encountered in power:RuntimeWarning")  # of steps not taken
    return [] if name in QUICK else [pytest.mark.slow, far] if name in HELD else pytest.mark.slow


@pytest.mark.parametrize("name", [pytest.param(name, marks=marks(name)) for name in ENTRIES])
def test_a_simulated_sweep_gives_the_curve_back(name, with_numbers):
    shown = illustrate(ENTRIES[name])
    law = with_numbers(shown.law, {p: shown.parameters[p] for p in HELD[name]}) if name in HELD else shown.law
    sweep, table = simulate(ENTRIES[name], shown.law, dict(shown.parameters))
    found = sb.baseline(law, sweep, seed=0, bootstrap=2, method="least_squares")["estimate"].to_dataset()
    truth = shown.law.evaluate({**shown.parameters, **table})
    fitted = law.evaluate({**{p: found[p].item() for p in law.parameters}, **table})
    assert np.sqrt(np.mean(np.log(fitted / truth) ** 2)) < NOISE


def test_mixtures_at_two_scales_are_two_lines_and_a_power_each():
    """Losses on a line in the distance at each scale give the line back, and two scales any third in closed form."""
    distance, scales = np.array([0.5, 1.0, 2.0, 3.0]), np.array([1e6, 1e7])
    lines = {1e6: (3.0, 0.4), 1e7: (2.5, 0.3)}
    law, losses = sb.law("mixture_distance"), np.array([lines[n][0] + lines[n][1] * distance for n in scales])
    for n, loss in zip(scales, losses, strict=True):
        truth = dict(zip(("a_0", "a_1"), lines[n], strict=True))
        sweep = sb.simulate_sweep(law, {"distance": distance}, truth=truth, seed=0, noise=0.0)
        np.testing.assert_allclose(np.sort(sweep["loss"]), loss, rtol=1e-12)
        found = sb.baseline(law, sweep, seed=0, bootstrap=2, method="least_squares")["estimate"]
        assert {p: found[p].item() for p in truth} == pytest.approx(truth, rel=1e-4)
    power, alpha = sb.law("power", along="D"), np.log(losses[0] / losses[1]) / np.log(10)
    straight = losses[0] ** ((7 - 8) / (7 - 6)) * losses[1] ** ((8 - 6) / (7 - 6))
    ahead = power.evaluate({"A": losses[0] * 1e6**alpha, "alpha": alpha, "D": 1e8})
    np.testing.assert_allclose(ahead, straight, rtol=1e-12)
