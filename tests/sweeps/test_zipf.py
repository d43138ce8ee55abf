"""Simulated errors of a learner by heart are the sums over Zipf's law, with their slopes and plateaus."""

import json

import numpy as np
import pytest
from scipy.special import gamma, zeta

from scaling_bayes.sweeps import SweepError, check_sweep, simulate_zipf
from scaling_bayes.sweeps.zipf import zipf_error

BETAS = [1.2, 1.5, 2.5]
each = pytest.mark.parametrize("beta", BETAS)


def slope(x, y):
    return -np.polyfit(np.log(x), np.log(y), 1)[0]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"cutoff": 30},
        {"cutoff": 3000, "clean": 0.1},
        {"generations": 3, "T0": 50},
        {"cutoff": 200, "generations": 2, "T0": 1e4},
        {"cutoff": 20_000, "clean": 0.01, "generations": 1, "T0": 10},
    ],
)
def test_it_is_the_sum(more):
    beta, D, ranks = 2.0, 300.0, np.arange(1.0, 2e6)
    p = ranks**-beta / zeta(beta)
    kept = ranks <= more.get("cutoff", np.inf)
    clean = more.get("clean", 0.0)
    q = clean * p + (1 - clean) * p * kept / (p[kept].sum() if "cutoff" in more else 1.0)
    right = (1 - (1 - q) ** D) * (1 - (1 - q) ** more.get("T0", 1)) ** more.get("generations", 0)
    assert zipf_error(D, beta, **more) == pytest.approx(1 - (p * right).sum(), rel=1e-5)


@each
def test_slope_and_amplitude(beta):
    c, D = (beta - 1) / beta, np.geomspace(1e6, 1e10, 5)
    found = [zipf_error(each, beta) for each in D]
    assert slope(D, found) == pytest.approx(c, rel=0.01)
    assert found[-1] == pytest.approx(gamma(c) / (beta * zeta(beta)) * (D[-1] / zeta(beta)) ** -c, rel=0.01)


@each
def test_a_cut_tail_is_a_plateau(beta):
    k = np.array([100, 300, 1000, 3000])
    plateau = np.array([zipf_error(1e15, beta, cutoff=each) for each in k])
    assert slope(k + 0.5, plateau) == pytest.approx(beta - 1, rel=0.01)
    np.testing.assert_allclose(plateau, (k + 0.5) ** (1 - beta) / ((beta - 1) * zeta(beta)), rtol=1e-3)


def test_a_clean_share_leaves_the_plateau_at_last():
    D = np.geomspace(1e2, 1e14, 13)
    cut, mixed, clean = ([zipf_error(each, 1.5, **more) for each in D] for more in
                         ({"cutoff": 100}, {"cutoff": 100, "clean": 1e-3}, {}))  # fmt: skip
    assert cut[-1] == pytest.approx(cut[-5], rel=1e-6)
    assert slope(D[-3:], mixed[-3:]) == pytest.approx(1 / 3, rel=0.01)
    np.testing.assert_allclose(mixed[-1], zipf_error(1e-3 * D[-1], 1.5), rtol=1e-3)
    assert (np.array(mixed) > np.array(clean))[2:].all()


@each
def test_generations_add_at_most_their_own_errors(beta):
    alone, own = zipf_error(1e9, beta), zipf_error(1e4, beta)
    found = np.array([zipf_error(1e9, beta, generations=n, T0=1e4) for n in range(6)])
    assert found[0] == pytest.approx(alone)
    assert (np.diff(found) > 0).all()
    assert (found <= alone + np.arange(6) * own + 1e-12).all()
    assert found[1] >= own - 1e-12
    shift = [zipf_error(1e15, beta, generations=3, T0=T0) for T0 in (1e5, 1e6)]
    assert slope([1e5, 1e6], shift) == pytest.approx((beta - 1) / beta, rel=0.02)


@each
def test_limits(beta):
    assert zipf_error(0, beta) == pytest.approx(1.0, rel=1e-9)
    errors = [zipf_error(each, beta) for each in np.geomspace(1, 1e12, 25)]
    assert (np.diff(errors) < 0).all()
    assert min(errors) > 0


def test_a_draw_of_samples_has_this_error():
    rng, ranks = np.random.default_rng(0), np.arange(1, 20_001)
    p = ranks**-2.0 / zeta(2.0)
    seen = [np.isin(ranks, rng.choice(ranks, 500, p=p / p.sum())) for _ in range(200)]
    assert np.mean([1 - p[known].sum() for known in seen]) == pytest.approx(zipf_error(500, 2.0), rel=0.02)


def test_it_is_a_sweep_that_knows_its_truth():
    design = {"D": [1e3, 1e6], "corpus": ["human", "synthetic"]}
    cutoff = {"human": 1e12, "synthetic": 100}
    sweep = check_sweep(simulate_zipf(design, beta=1.5, cutoff=cutoff, seed=0, noise=0))
    assert json.loads(sweep.attrs["truth"]) == {"beta": 1.5, "cutoff": cutoff}
    assert sweep.attrs["response"] == "error"
    assert sweep["error"].attrs["units"] == "fraction"
    np.testing.assert_allclose(sweep["error"][1::2], [zipf_error(D, 1.5, cutoff=100) for D in (1e3, 1e6)])
    noisy = [simulate_zipf(design, beta=1.5, seed=seed, noise=0.05) for seed in (1, 1, 2)]
    assert noisy[0].equals(noisy[1])
    assert not noisy[0].equals(noisy[2])


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        ({"beta": 1.0}, "beta=1: expected above 1"),
        ({"cutoff": 0.5}, "cutoff=0.5"),
        ({"clean": 0.5}, "clean=0.5 means nothing without cutoff"),
        ({"cutoff": 10, "clean": 1.5}, "clean=1.5: expected a share"),
        ({"generations": 2}, "without T0"),
        ({"T0": 100}, "without generations"),
        ({"T0": -1, "generations": 1}, "T0=-1"),
        ({"design": {"N": [10]}}, r"lacks \['D'\]"),
    ],
)
def test_refused(change, fragment):
    with pytest.raises(SweepError, match=fragment):
        simulate_zipf(**{"design": {"D": [10.0]}, "beta": 1.5, "seed": 0} | change)
