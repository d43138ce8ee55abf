r"""Evaluation: loss on held-out files in nats per byte, with a standard error that counts files, not bytes.

With :math:`\ell_f` the summed loss and :math:`n_f` the bytes of file f,

.. math::

    L = \frac{\sum_f \ell_f}{\sum_f n_f}, \qquad
    \mathrm{se}^2 = \frac{F}{F - 1} \frac{\sum_f (\ell_f - L n_f)^2}{(\sum_f n_f)^2},

the ratio estimator's. It says how far the loss would move with other files of the kind; since every run reads the same
windows, differences between runs are far better known.
"""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from networks import Network
from training import byte_losses

BATCH = 64


@dataclass(frozen=True)
class HeldOut:
    """Windows of one held-out set.

    Parameters
    ----------
    windows : uint8 array, (window, context + 1)
        Spread evenly over the set.
    files : int array, (window, context)
        To which file each predicted byte belongs.
    """

    windows: np.ndarray
    files: np.ndarray


def spread_windows(text: np.ndarray, starts: np.ndarray, *, context: int, size: int) -> HeldOut:
    """Pick windows spread evenly over a held-out text.

    Parameters
    ----------
    text : uint8 array
        The held-out files, joined.
    starts : int array
        Where each begins.
    context : int
        Bytes to predict in a window.
    size : int
        Bytes to predict in all, about; a whole number of batches is taken.

    Examples
    --------
    >>> picked = spread_windows(np.arange(200, dtype=np.uint8), np.array([0, 90]), context=1, size=64)
    >>> picked.windows.shape, np.unique(picked.files).tolist()
    ((64, 2), [0, 1])
    """
    most = (len(text) - 1) // context
    count = max(1, min(size // context, most) // BATCH) * BATCH
    places = np.linspace(0, len(text) - context - 1, count).astype(np.int64)
    offsets = places[:, None] + np.arange(context + 1)
    return HeldOut(text[offsets], np.searchsorted(starts, offsets[:, 1:], side="right") - 1)


@eqx.filter_jit
def _losses(network: Network, windows: jax.Array) -> jax.Array:
    return byte_losses(network, windows)


def evaluate(network: Network, held_out: HeldOut) -> tuple[float, float]:
    """Mean loss over a held-out set and its standard error, nats per byte."""
    batches = held_out.windows.reshape(-1, BATCH, held_out.windows.shape[1])
    losses = np.concatenate([np.asarray(_losses(network, jnp.asarray(batch))) for batch in batches])
    return mean_by_files(losses.astype(np.float64), held_out.files)


def mean_by_files(losses: np.ndarray, files: np.ndarray) -> tuple[float, float]:
    """Mean of per-byte losses and the standard error over files.

    Examples
    --------
    >>> mean_by_files(np.array([1.0, 1.0, 3.0, 3.0]), np.array([0, 0, 1, 1]))
    (2.0, 1.0)
    """
    sums, bytes_of = np.bincount(files.ravel(), losses.ravel()), np.bincount(files.ravel())
    sums, bytes_of = sums[bytes_of > 0], bytes_of[bytes_of > 0]
    mean, count = sums.sum() / bytes_of.sum(), len(sums)
    spread = np.sum((sums - mean * bytes_of) ** 2) * count / max(count - 1, 1)
    return float(mean), float(np.sqrt(spread) / bytes_of.sum())
