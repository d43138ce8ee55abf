"""Along what a law may drift, and how far a point is from the reference."""

import numpy as np
import pytest

from scaling_bayes.laws import FormulaError
from scaling_bayes.laws.axes import Axis, axis_values

TABLE = {"N": [10, 100, 1000], "D": [1e4, 2e4, 3e4], "corpus": ["a", "b", "c"]}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("N", [10, 100, 1000]),
        ("D/N", [1000, 200, 30]),
        ("6*N*D", [6e5, 1.2e7, 1.8e8]),
        ("N/10**12", [1e-11, 1e-10, 1e-9]),
    ],
)
def test_values_of_an_axis(name, values):
    found = axis_values(name, TABLE)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, values)


@pytest.mark.parametrize(
    ("name", "error", "fragments"),
    [
        ("C", ValueError, ["'C'", "add a column 'C'", "columns given: N, D, corpus"]),
        ("D/width", ValueError, ["'D/width'", "add a column 'width'"]),
        ("D//N", FormulaError, ["column 1"]),
    ],
)
def test_an_axis_that_cannot_be_had(name, error, fragments):
    with pytest.raises(error) as caught:
        axis_values(name, TABLE)
    assert all(fragment in str(caught.value) for fragment in fragments), str(caught.value)


def test_distance_is_in_e_folds_from_the_reference():
    axis = Axis("C", reference=1e20, knots=(1.0,), median=0.01)
    np.testing.assert_allclose(axis.distance([1e20, 1e20 * np.e, 1e19]), [0.0, 1.0, -np.log(10)], atol=1e-12)
    assert hash(axis) == hash(Axis("C", 1e20, (1.0,), 0.01))
