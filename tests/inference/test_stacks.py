"""Factors of stacks of small matrices: the identity they stand for, at sizes on both sides of the switch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaling_bayes.inference.arrows import factor_arrow
from scaling_bayes.inference.own_drifts import turn_own_drifts
from scaling_bayes.inference.stacks import SMALL, inverse_factor, multiply


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def positive_definite(n, *stack, diagonal=0):
    """Random matrices, shape (n, n, *stack), whose first block is diagonal."""
    root = np.random.default_rng(n).normal(size=(*stack, n, n + 2))
    matrix = root @ np.swapaxes(root, -2, -1) / n + 3 * np.eye(n)
    matrix[..., :diagonal, :diagonal] *= np.eye(diagonal)
    return jnp.moveaxis(jnp.asarray(matrix), (-2, -1), (0, 1))


@pytest.mark.parametrize("n", [1, 5, SMALL, SMALL + 1])
def test_inverse_factor_whitens(n):
    matrix = positive_definite(n, 3, 2)
    factor = inverse_factor(matrix)
    white = multiply(multiply(factor, matrix), jnp.swapaxes(factor, 0, 1))
    np.testing.assert_allclose(white, np.broadcast_to(np.eye(n)[..., None, None], white.shape), atol=1e-10)


@pytest.mark.parametrize("n", [3, SMALL + 1])
def test_derivative_of_inverse_factor_is_that_of_differences(n):
    matrix, step = positive_definite(n, 2), positive_definite(n + 20, 2)[:n, :n]
    _, along = jax.jvp(inverse_factor, (matrix,), (step,))
    differences = (inverse_factor(matrix + 1e-6 * step) - inverse_factor(matrix - 1e-6 * step)) / 2e-6
    np.testing.assert_allclose(along, differences, atol=1e-7)


@pytest.mark.parametrize(("first", "second"), [(4, 0), (0, 3), (4, 3), (9, 10)])
def test_arrow_whitens_and_its_determinant_and_transpose_are_those_of_the_matrix(first, second):
    n = first + second
    matrix = positive_definite(n, 3, diagonal=first)
    arrow = factor_arrow(matrix, first)
    factor = arrow.multiply(jnp.broadcast_to(jnp.eye(n)[..., None], matrix.shape))
    white = np.einsum("ijc,jkc,lkc->cil", factor, matrix, factor)
    np.testing.assert_allclose(white, np.broadcast_to(np.eye(n), white.shape), atol=1e-10)
    vector = np.random.default_rng(0).normal(size=(n, 3))
    np.testing.assert_allclose(arrow.apply(vector), np.einsum("ijc,jc->ic", factor, vector), atol=1e-10)
    np.testing.assert_allclose(arrow.apply_transposed(vector), np.einsum("jic,jc->ic", factor, vector), atol=1e-10)
    expected = -0.5 * np.linalg.slogdet(np.moveaxis(matrix, -1, 0))[1].sum()
    assert float(arrow.log_determinant) == pytest.approx(expected)


def test_turned_drifts_are_drifts_seen_from_another_side():
    rng = np.random.default_rng(0)
    jacobian, basis = rng.normal(size=(2, 1, 9, 2)), rng.normal(size=(2, 1, 9, 5))
    both = np.concatenate([jacobian, basis], axis=-1)
    bend = np.einsum("bcnp,bcnq->pqbc", both, both)
    own = turn_own_drifts(bend, np.ones((7, 1, 2, 1)), basis, np.array([0, 0, 0, 1, 1]))
    back = np.einsum("ikbc,klbc,jlbc->ijbc", own.turn, own.bend, own.turn)
    np.testing.assert_allclose(back, bend[2:, 2:], atol=1e-10)
    np.testing.assert_allclose(np.einsum("bcnk,jkbc->bcnj", own.lever, own.turn), basis, atol=1e-10)
    off = np.asarray(own.bend[:3, :3]) * (1 - np.eye(3))[..., None, None]
    np.testing.assert_allclose(off, 0.0, atol=1e-10)
    assert own.first == 3
