"""What a measurement teaches, against closed forms of jointly normal quantities."""

import numpy as np
import pytest
from scipy import stats

from scaling_bayes.questions.learning import (
    Aim,
    jackknife,
    joint_covariance,
    measure,
    reweigh,
    screen,
    shifts_of,
)

DRAWS = 8000
SD, SIGNAL_SD, CORRELATION = 0.3, 0.2, 0.8
QUANTITY, DECISION = Aim(), Aim(decide=True)


@pytest.fixture(scope="module")
def normal():
    """A target, and two signals: one correlated with it, one unrelated."""
    z = np.random.default_rng(0).standard_normal((DRAWS, 3))
    target = SD * (CORRELATION * z[:, 0] + np.sqrt(1 - CORRELATION**2) * z[:, 1])
    return target[:, None], SIGNAL_SD * z[:, [0, 2], None]


def share(noise):
    return CORRELATION**2 * SIGNAL_SD**2 / (SIGNAL_SD**2 + noise**2)


def outcomes(signal, noise, count=256, seed=1):
    rng = np.random.default_rng(seed)
    origin = signal.argsort()[np.arange(count) * len(signal) // count]
    measured = signal[origin] + noise * rng.standard_normal(count)
    return stats.norm.logpdf(measured[None] - signal[:, None], scale=noise), origin


@pytest.mark.parametrize("noise", [0.02, 0.1, 1.0])
def test_screening_has_the_closed_form(normal, noise):
    gain, error = screen(QUANTITY, *normal, np.full((DRAWS, 2, 1), noise**2))
    expected = SD**2 * np.array([share(noise), 0.0])
    assert (abs(gain - expected) < 4 * error).all()
    assert error[0] < 0.05 * SD**2
    assert gain[1] < 2 * error[1] < 0.002 * SD**2


@pytest.mark.parametrize("noise", [0.02, 0.1, 1.0])
@pytest.mark.parametrize("signal", [0, 1])
def test_reweighing_agrees_with_the_closed_form(normal, noise, signal):
    target, signals = normal
    gain, error, effective = reweigh(QUANTITY, target, *outcomes(signals[:, signal, 0], noise))
    (expected,) = np.square(shifts_of(joint_covariance(target, signals[:, [signal]]), np.array([[noise**2]])))[0, 0]
    assert gain == pytest.approx(expected, abs=4 * error + 0.001 * SD**2)
    assert error < 0.05 * SD**2
    assert effective > 200


def knowledge_gradient(gap, shift):
    """Expected fall of the regret of two options whose means differ by `gap`, for a shift of their difference."""
    return shift * stats.norm.pdf(gap / shift) - abs(gap) * stats.norm.sf(abs(gap) / shift)


@pytest.mark.parametrize("gap", [0.0, 0.1, 0.3])
def test_a_decision_gains_by_its_knowledge_gradient(normal, gap):
    target, signals = normal
    losses = np.concatenate([target, np.full_like(target, gap)], axis=1)
    noise = np.full((DRAWS, 2, 1), 0.1**2)
    expected = knowledge_gradient(gap, SD * np.sqrt(share(0.1)))
    gain, error = screen(DECISION, losses, signals, noise)
    assert gain[0] == pytest.approx(expected, abs=4 * error[0])
    assert gain[1] <= 2 * error[1]
    again, scatter, _ = reweigh(DECISION, losses, *outcomes(signals[:, 0, 0], 0.1))
    assert again == pytest.approx(expected, abs=4 * scatter)
    nothing, scatter, _ = reweigh(DECISION, losses, *outcomes(signals[:, 1, 0], 0.1))
    assert nothing <= 3 * scatter


def test_measuring_twice_is_measuring_with_half_the_noise(normal):
    covariance, noise = joint_covariance(*normal), np.array([[0.01], [0.04]])
    first = shifts_of(covariance, noise)[0]
    second = shifts_of(measure(covariance, noise, 0), noise)[0]
    both = shifts_of(covariance, noise / np.array([[2], [1]]))[0]
    np.testing.assert_allclose(first**2 + second**2, both**2)


def test_two_responses_of_a_run_teach_what_two_runs_teach(normal):
    """Whichever is measured first."""
    target, signals = normal
    mixed = signals + 0.5 * signals[:, ::-1]
    variance = np.array([0.01, 0.04])
    apart, together = joint_covariance(target, mixed), joint_covariance(target, mixed.reshape(DRAWS, 1, 2))
    left = measure(measure(apart, variance[:, None], 0), variance[:, None], 1)
    np.testing.assert_allclose(measure(together, variance[None], 0), left)
    for turn in ([0, 1], [1, 0]):
        turned = joint_covariance(target, mixed[:, turn].reshape(DRAWS, 1, 2))
        gain = QUANTITY.gain(target.mean(axis=0), shifts_of(turned, variance[None, turn]))
        np.testing.assert_allclose(gain, apart[0, 0] - left[0, 0])


@pytest.mark.parametrize("aim", [QUANTITY, DECISION])
def test_gains_of_several_measurements_do_not_fall(aim):
    rng = np.random.default_rng(0)
    shifts = rng.normal(size=(1, 5)) if aim is QUANTITY else rng.normal(size=(4, 5))
    gains = [aim.gain(np.zeros(len(shifts)), shifts[:, :k]) for k in range(1, 6)]
    assert (np.diff([0, *gains]) > -0.01).all()


def test_the_jackknife_knows_the_error_of_dependent_draws():
    """Blocks are longer than the memory of the draws."""
    rng, spread = np.random.default_rng(0), []
    for _ in range(100):
        steps = rng.standard_normal(2010)
        draws = np.convolve(steps, np.ones(11), "valid")
        mean, error = jackknife(lambda rows, draws=draws: draws[rows].mean(), len(draws))
        spread.append((mean, error))
    means, errors = np.array(spread).T
    assert errors.mean() == pytest.approx(means.std(), rel=0.2)
