"""Products of matrices that are too small to be shared out among threads."""

from math import prod

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PIECE = 1 << 17
"""Multiplications in one piece."""


def multiply(values: Array, matrix: Array) -> Array:
    """Product with a matrix in pieces that BLAS leaves to one thread: others would wait for more at full speed.

    Parameters
    ----------
    values : array, shape (..., inner)
    matrix : array, shape (inner, column)

    Returns
    -------
    array, shape (..., column)

    Examples
    --------
    >>> multiply(np.arange(6.0).reshape(3, 1, 2), np.array([[1.0], [10.0]])).ravel().tolist()
    [10.0, 32.0, 54.0]
    """
    lead, (inner, columns) = values.shape[:-1], matrix.shape
    rows = np.ascontiguousarray(values).reshape(prod(lead), inner)
    pieces = np.array_split(rows, 1 + rows.size * columns // PIECE)
    return np.concatenate([piece @ matrix for piece in pieces]).reshape(*lead, columns)
