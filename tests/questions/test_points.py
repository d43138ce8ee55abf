"""Points: where a question is asked, as labelled columns."""

import numpy as np
import pandas as pd
import pytest

from scaling_bayes.questions.points import as_points, read_record


@pytest.fixture(scope="module")
def asked(make_sweep, make_posterior):
    posterior = make_posterior(make_sweep(corpus=["code", "web"], seed_of_run=["0", "1"]), groups=("corpus",))
    return lambda at: as_points(at, read_record(posterior), posterior["constant_data"].to_dataset())


@pytest.mark.parametrize(
    ("at", "length"),
    [
        ({"N": 1e9}, 1),
        ({"N": 10**9}, 1),
        ({"N": [1e9, 2e9, 3e9]}, 3),
        ({"N": [1e9, 2e9], "corpus": "web"}, 2),
        ({"N": [1e9], "corpus": ["web", "code"]}, 2),
        ({"N": pd.Series([1, 2, 3])}, 3),
    ],
)
def test_columns_are_stretched_to_one_length(asked, at, length):
    points = asked(at)
    assert points.sizes["point"] == length
    assert points["N"].dtype == points["extrapolation"].dtype == np.float64
    assert all(column.shape == (length,) for column in points.coords.values())


def test_columns_that_no_answer_depends_on_are_left_out(asked):
    """A grouping of the sweep over which the law does not vary may be named; it changes nothing."""
    assert set(asked({"N": 1e9, "seed_of_run": ["0"]}).coords) == {"N", "extrapolation"}
    frame = pd.DataFrame({"N": [1e9], "note": ["largest"]})
    assert set(asked(frame).coords) == {"N", "extrapolation"}


def test_a_longer_column_that_no_answer_depends_on_does_not_stretch_the_points(asked):
    assert asked({"N": 1e9, "seed_of_run": ["0", "1"]}).sizes["point"] == 1
