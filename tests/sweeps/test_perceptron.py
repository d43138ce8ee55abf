"""Simulated errors of a taught perceptron are those of perceptrons that were trained, with their known limits."""

import json

import numpy as np
import pytest
from scipy.optimize import nnls

from scaling_bayes.sweeps import SweepError, check_sweep, simulate_perceptron
from scaling_bayes.sweeps.perceptron import PICKS, perceptron_error

each_pick = pytest.mark.parametrize("pick", PICKS)


def trained(kept, keep, pick, features=120, teachers=8):
    """Mean error of perceptrons of largest margin, each by the least distance to the half-spaces of its examples."""
    rng, errors = np.random.default_rng(0), []
    for _ in range(teachers):
        examples = rng.normal(size=(round(kept * features / keep), features))
        teacher = rng.normal(size=features)
        margins = examples @ teacher
        nearest = np.argsort(np.abs(margins))
        chosen = nearest[: round(kept * features)] if pick == "hard" else nearest[-round(kept * features) :]
        signed = examples[chosen] * np.sign(margins[chosen])[:, None]
        system, target = np.vstack([signed.T, np.ones(len(chosen))]), np.append(np.zeros(features), 1.0)
        left = system @ nnls(system, target)[0] - target
        student = -left[:-1] / left[-1]
        errors.append(np.arccos(student @ teacher / np.linalg.norm(student) / np.linalg.norm(teacher)) / np.pi)
    return np.mean(errors)


@each_pick
@pytest.mark.parametrize(("kept", "keep"), [(0.5, 0.5), (4.0, 1.0), (4.0, 0.5), (4.0, 0.2)])
def test_trained_perceptrons_have_this_error(kept, keep, pick):
    assert trained(kept, keep, pick) == pytest.approx(perceptron_error(kept, keep, pick), rel=0.08)


def test_the_largest_margin_learns_as_is_known():
    """Half the features an example, to three digits, as by Opper and Kinzel for the perceptron of optimal stability."""
    assert perceptron_error(1e4, 1.0) * 1e4 == pytest.approx(0.5005, abs=5e-5)


@pytest.mark.parametrize("keep", [0.5, 0.1, 0.01])
def test_hard_examples_are_worth_all(keep):
    assert perceptron_error(20.0, keep) == pytest.approx(perceptron_error(20.0 / keep, 1.0), rel=1e-3)


@each_pick
def test_all_examples_are_no_choice(pick):
    assert perceptron_error(3.0, 1 - 1e-9, pick) == pytest.approx(perceptron_error(3.0, 1.0), rel=1e-6)


@each_pick
@pytest.mark.parametrize("keep", [1.0, 0.3])
def test_more_examples_never_harm(keep, pick):
    errors = [perceptron_error(kept, keep, pick) for kept in np.geomspace(1e-3, 1e5, 17)]
    assert errors[0] == pytest.approx(0.5, abs=0.03)
    assert (np.diff(errors) < 0).all()
    assert np.log(errors[-3] / errors[-1]) / np.log(10) == pytest.approx(1.0, abs=1e-3)


def test_easy_ones_where_data_are_scarce_and_hard_ones_where_they_abound():
    assert perceptron_error(0.5, 0.3, "easy") < perceptron_error(0.5, 1.0) < perceptron_error(0.5, 0.3, "hard")
    assert perceptron_error(20.0, 0.3, "hard") < perceptron_error(20.0, 0.3, "easy") < perceptron_error(20.0, 1.0)


def test_a_share_that_falls_beats_every_power():
    kept = np.array([4.0, 6.0, 9.0, 13.5])
    errors = [perceptron_error(each, float(np.exp(-each / 4))) for each in kept]
    slopes = -np.diff(np.log(errors)) / np.log(1.5)
    assert slopes[0] > 1.5
    assert (np.diff(slopes) > 0.3).all()


def test_it_is_a_sweep_that_knows_its_truth():
    design, keep = {"D": [2e3, 2e5], "subset": ["all", "fifth"]}, {"all": 1.0, "fifth": 0.2}
    sweep = check_sweep(simulate_perceptron(design, keep=keep, features=100, seed=0, noise=0))
    assert json.loads(sweep.attrs["truth"]) == {"keep": keep, "features": 100.0}
    assert sweep["error"].attrs["units"] == "fraction"
    expected = [perceptron_error(D * share / 100, share) for D in (2e3, 2e5) for share in (1.0, 0.2)]
    np.testing.assert_allclose(sweep["error"], expected)
    noisy = [simulate_perceptron(design, keep=keep, seed=seed, noise=0.05) for seed in (1, 1, 2)]
    assert noisy[0].equals(noisy[1])
    assert not noisy[0].equals(noisy[2])


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        ({"keep": 0.0}, "keep=0: expected a share above 0 and at most 1"),
        ({"keep": 1.5}, r"keep=1\.5"),
        ({"features": 0}, "features=0: expected both above zero"),
        ({"design": {"D": [0.0]}}, "D=0"),
        ({"design": {"D": [1e300]}}, "no solution that can be computed"),
        ({"pick": "harder"}, "did you mean 'hard'"),
        ({"design": {"N": [10]}}, r"lacks \['D'\]"),
    ],
)
def test_refused(change, fragment):
    with pytest.raises(SweepError, match=fragment):
        simulate_perceptron(**{"design": {"D": [1e4]}, "seed": 0} | change)
