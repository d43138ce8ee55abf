"""Simulated spectral sweeps have the exponents that follow from their spectrum."""

import json

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from scaling_bayes.sweeps import SweepError, check_sweep, simulate_spectral, spectral_exponents
from scaling_bayes.sweeps.power_sums import EXACT, rank_weights, tail_share
from scaling_bayes.sweeps.spectral import flow_excess, ridge_excess

EXCESS = {"flow": flow_excess, "ridge": ridge_excess}
SPECTRA = [(0.3, 1.2), (0.5, 1.5), (1.0, 2.0)]
HUGE = 1e9
trained = pytest.mark.parametrize("training", EXCESS)
spectrum = pytest.mark.parametrize(("alpha", "b"), SPECTRA)


def slope(x, y):
    return -np.polyfit(np.log(x), np.log(y), 1)[0]


@pytest.mark.parametrize("s", [1.1, 2.0, 3.5])
@pytest.mark.parametrize(("after", "last"), [(0, 10), (0, 20 * EXACT), (7, 100_000), (2 * EXACT, 50_000)])
def test_sums_over_ranks(s, after, last):
    ranks, weights = rank_weights(last, after)
    direct = (np.arange(after + 1.0, last + 1) ** -s).sum()
    assert float(weights @ ranks**-s) == pytest.approx(direct, rel=1e-9)
    assert float(tail_share(s, after) - tail_share(s, last)) == pytest.approx(direct / (direct_zeta(s)), rel=1e-8)


def direct_zeta(s):
    ranks = np.arange(1.0, 10_001)
    return (ranks**-s).sum() + 10_000.5 ** (1 - s) / (s - 1)


@trained
@spectrum
def test_exponent_in_features(training, alpha, b):
    N = np.array([100, 200, 400, 800])
    found = [EXCESS[training](each, HUGE**2, alpha, b) for each in N]
    assert slope(N, found) == pytest.approx(spectral_exponents(alpha=alpha, b=b)["alpha"], rel=0.01)


@trained
@spectrum
def test_exponent_in_data(training, alpha, b):
    D = np.geomspace(1e3, 1e4, 4)
    found = [EXCESS[training](HUGE**2, each, alpha, b) for each in D]
    assert slope(D, found) == pytest.approx(spectral_exponents(alpha=alpha, b=b, training=training)["beta"], rel=0.02)


def test_one_pass_has_its_amplitude():
    """The loss left by a long one pass is the integral Gamma(alpha / b) (2 D)^(-alpha / b) / (b zeta(1 + alpha))."""
    from scipy.special import gamma, zeta

    alpha, b, D = 0.5, 1.5, 1e7
    expected = gamma(alpha / b) * (2 * D) ** (-alpha / b) / (b * zeta(1 + alpha))
    assert flow_excess(1e15, D, alpha, b) == pytest.approx(expected, rel=1e-3)


def test_ridge_regression_is_limited_by_its_bias():
    D = np.geomspace(1e3, 1e4, 4)
    assert slope(D, [ridge_excess(HUGE, each, 6.0, 1.5) for each in D]) == pytest.approx(3.0, rel=0.02)
    with pytest.raises(SweepError, match="no power law"):
        spectral_exponents(alpha=6.0, b=1.5, training="ridge")


@trained
@spectrum
def test_compute_optimal_exponents(training, alpha, b):
    """N is chosen to be best at each C = 6 N D; features are counted in whole numbers, so many of them."""
    expected = spectral_exponents(alpha=alpha, b=b, training=training)
    C = np.geomspace(1e8, 1e10, 3) if training == "ridge" else 6 * np.geomspace(1e3, 1e5, 3) ** (1 + b)
    best = []
    for budget in C:

        def loss(log_N, budget=budget):
            return EXCESS[training](np.exp(log_N), budget / 6 / np.exp(log_N), alpha, b)

        at = np.log(budget / 6) * expected["a"]
        found = minimize_scalar(loss, bounds=(at - 3, at + 3), method="bounded")
        best.append((np.exp(found.x), found.fun))
    N, loss_at = np.array(best).T
    assert slope(C, loss_at) == pytest.approx(expected["gamma"], rel=0.03)
    assert -slope(C, N) == pytest.approx(expected["a"], rel=0.05)


@trained
def test_more_features_and_data_never_harm(training):
    N, D = np.array([1, 3, 10, 100, 1000]), np.array([2.0, 10.0, 100.0, 1e3, 1e4])
    table = np.array([[EXCESS[training](n, d, 0.5, 1.5) for d in D] for n in N])
    assert (np.diff(table, axis=0) <= 1e-9).all()
    assert (np.diff(table, axis=1) <= 1e-9).all()
    assert ((table > 0) & (table <= 1 + 1e-9)).all()


@pytest.mark.parametrize(("N", "D"), [(10, 30), (30, 15), (20, 20)])
def test_ridge_formula_is_what_regressions_give(N, D):
    """Ridge regressions on Gaussian features, averaged over samples, at the best of many ridges.

    What lies beyond `modes` cannot be learned and is drawn as noise.
    """
    alpha, b, modes, rng = 0.5, 1.5, 100, np.random.default_rng(0)
    i = np.arange(1.0, modes + 1)
    beyond = tail_share(1 + alpha, modes)
    spectrum, share = i**-b, i ** -(1 + alpha) / (i ** -(1 + alpha)).sum() * (1 - beyond)
    ridges = np.geomspace(1e-4, 1e1, 26)
    losses = []
    for _ in range(400):
        x = rng.standard_normal((D, modes)) * np.sqrt(spectrum)
        weights = rng.choice([-1, 1], modes) * np.sqrt(share / spectrum)
        features = x[:, :N]
        values, basis = np.linalg.eigh(features.T @ features)
        right = basis.T @ features.T @ (x @ weights + np.sqrt(beyond) * rng.standard_normal(D))
        fitted = basis @ (right[:, None] / (values[:, None] + ridges))
        losses.append(spectrum[:N] @ (fitted - weights[:N, None]) ** 2 + share[N:].sum() + beyond)
    measured = np.mean(losses, axis=0).min()
    assert measured == pytest.approx(ridge_excess(N, D, alpha, b), rel=0.03)


@trained
def test_it_is_a_sweep_that_knows_its_truth(training):
    design = {"N": [10, 100], "D": [1e3, 1e4], "corpus": ["web", "code"]}
    arguments = {"alpha": {"web": 0.5, "code": 0.7}, "E": 1.5, "scale": 2.0, "training": training}
    sweep = check_sweep(simulate_spectral(design, **arguments, seed=0, noise=0))
    assert json.loads(sweep.attrs["truth"]) == {"E": 1.5, "scale": 2.0, "alpha": arguments["alpha"], "b": 1.5}
    assert sweep.attrs["training"] == training
    np.testing.assert_allclose(sweep["C"], 6 * sweep["N"] * sweep["D"])
    run = sweep.isel(run=-1)
    assert float(run["loss"]) == pytest.approx(1.5 + 2 * EXCESS[training](100, 1e4, 0.7, 1.5))
    noisy = simulate_spectral(design, **arguments, seed=0, noise=0.05)
    assert noisy.equals(simulate_spectral(design, **arguments, seed=0, noise=0.05))
    assert not noisy.equals(sweep)


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        ({"design": {"N": [10]}}, r"lacks \['D'\]"),
        ({"design": {"N": [0.5], "D": [10]}}, "N=0.5"),
        ({"alpha": 0.0}, "alpha=0"),
        ({"b": 1.0}, "b=1"),
        ({"training": "sgd"}, "'sgd'"),
        ({"seed": None}, "clock"),
    ],
)
def test_refused(change, fragment):
    with pytest.raises(SweepError, match=fragment):
        simulate_spectral(**{"design": {"N": [10], "D": [10]}, "alpha": 0.5, "seed": 0} | change)
