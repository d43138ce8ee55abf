"""The error bends to that of guessing, and what is counted stays countable."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaling_bayes.laws.counts import bend_to_chance, count_of, log_share, unbend

CHANCES = [0.5, 0.75, 1.0]
LOGS = np.linspace(-25.0, 25.0, 201)


@pytest.mark.parametrize("chance", CHANCES)
def test_the_error_rises_with_the_law_to_that_of_guessing(chance):
    bent = bend_to_chance(LOGS, chance)
    assert (np.diff(bent) >= 0).all()
    assert (bent <= np.log(chance)).all()
    np.testing.assert_allclose(bent[LOGS < -15], LOGS[LOGS < -15], atol=1e-6)
    exact = np.log(chance) + np.log(-np.expm1(-np.exp(np.minimum(LOGS, 2.0)) / chance))
    np.testing.assert_allclose(bent[LOGS < 2.0], exact[LOGS < 2.0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("chance", CHANCES)
def test_gradients_are_finite_everywhere(chance):
    with jax.enable_x64(True):
        slope = jax.vmap(jax.grad(lambda x: bend_to_chance(x, chance, jnp)))(jnp.asarray(LOGS))
    assert np.isfinite(slope).all()
    assert (np.asarray(slope)[LOGS < 0] > 0).all()


@pytest.mark.parametrize("chance", CHANCES)
def test_unbending_goes_back(chance):
    logs = np.linspace(-8.0, 0.3, 20)
    log_law, slope = unbend(bend_to_chance(logs, chance), np.full(20, chance))
    np.testing.assert_allclose(log_law, logs, rtol=1e-6, atol=1e-9)
    step = 1e-5
    ahead, _ = unbend(bend_to_chance(logs, chance) + step, np.full(20, chance))
    np.testing.assert_allclose((ahead - log_law) / step, slope, rtol=1e-3)


@pytest.mark.parametrize("trials", [1, 17, 12_000])
def test_counts_come_back_from_their_logs(trials):
    counts = np.unique(np.linspace(0, trials, 50).round())
    logs = log_share(counts, trials)
    assert np.isfinite(logs).all()
    np.testing.assert_array_equal(count_of(logs, trials), counts)
