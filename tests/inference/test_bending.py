"""How far a step of Gauss-Newton may go."""

import numpy as np
import pytest

from scaling_bayes.inference.bending import FARTHEST, TRUSTED, limit_step

STEPS = np.concatenate([-np.geomspace(1e6, 1e-3, 200), np.geomspace(1e-3, 1e6, 200)])


@pytest.mark.parametrize("shares_moved", [0.0, 0.05, 0.5, 2.0])
def test_a_step_is_cut_only_where_it_is_long(shares_moved):
    limited = np.asarray(limit_step(STEPS, shares_moved))
    assert (np.abs(limited) <= FARTHEST).all()
    assert (np.abs(limited) * shares_moved <= TRUSTED).all()
    assert (np.diff(limited) > -1e-6).all()
    short = (np.abs(STEPS) < FARTHEST / 3) & (np.abs(STEPS) * shares_moved < TRUSTED / 3)
    assert limited[short] == pytest.approx(STEPS[short], rel=0.01)


def test_a_share_is_moved_by_less_than_its_prior_allows():
    assert np.asarray(limit_step(np.array(1e6), 2.0)) == pytest.approx(TRUSTED / 2, rel=1e-3)
    assert np.asarray(limit_step(np.array(1e6), 0.0)) == pytest.approx(FARTHEST)
