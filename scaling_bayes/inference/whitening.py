r"""Whitening of what cells share: population values and the common drift, tied to each other by all the data.

At guessed spreads and noise the linearised model is Gaussian; with own drifts and effects integrated out, the precision
of the shared values ``x`` is

.. math:: P = \sum_c M_c - \sum_b A_b^T (I + E_b)^{-1} A_b + P_0, \qquad
    M = w G^T W G - w^2 G^T W S s (I + w s D s)^{-1} s S^T W G, \quad G = (J, S)

with :math:`A, E` the blocks of :math:`M` that belong to effects, and ``x = m + U z`` with :math:`U U^T = P^{-1}`. It is
linear and constant, so the density stays exact whatever the guesses are worth.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular

from scaling_bayes.inference.linearisation import WIDE, Linearisation
from scaling_bayes.model.bound import BoundModel
from scaling_bayes.model.design import Design


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Whitening:
    """A linear map from standard normal values to those that cells share.

    Attributes
    ----------
    centre : array, shape (shared,)
        Population values of the plain coordinates, then the common drift's weights.
    factor : array, shape (shared, shared)
        Upper triangular.
    """

    centre: jax.Array
    factor: jax.Array


@partial(jax.jit, static_argnums=0)
def whiten_shared(program: BoundModel, design: Design, around: Linearisation) -> Whitening:
    """Find the map from the linearised model at guessed spreads.

    Parameters
    ----------
    program, design
        The model and its arrays.
    around : Linearisation

    Returns
    -------
    Whitening
    """
    size = around.theta.shape[-1]
    weights = WIDE * jnp.asarray(design.drift_median)[design.knot_axis]
    cells = _eliminate_own(around, weights * ("own" in program.drift))
    typical = jnp.append(design.spread_scale / 2, 1.0)[design.effect_spread]
    moves = design.incidence * jnp.where(design.effect_spread >= 0, typical, design.effect_scale)
    effects = jnp.einsum("bcpe,bcpq,bcqf->bef", moves, cells[..., :size, :size], moves) + jnp.eye(moves.shape[-1])
    tied = jnp.einsum("bcpe,bcpx->bex", moves, cells[..., :size, :])
    half = solve_triangular(jnp.linalg.cholesky(effects), tied, lower=True)
    precision = cells.sum(axis=(0, 1)) - jnp.einsum("bex,bey->xy", half, half)
    drifting = size + jnp.arange(len(weights) if "common" in program.drift else 0)
    kept = jnp.concatenate([program.plain, drifting]).astype(int)
    units = jnp.concatenate([jnp.ones(size), weights])[kept]
    prior = jnp.concatenate([1 / design.prior_width**2, jnp.ones(len(weights))])[kept]
    precision = precision[kept][:, kept] * units[:, None] * units + jnp.diag(prior)
    lower = jnp.linalg.cholesky((precision + precision.T) / 2)
    centre = jnp.concatenate([around.theta.mean(axis=(0, 1)), jnp.zeros(len(weights))])[kept]
    return Whitening(centre, solve_triangular(lower, jnp.eye(len(kept)), lower=True).T)


def _eliminate_own(around: Linearisation, spread: jax.Array) -> jax.Array:
    """Precision of law coordinates and drift of every cell, own drifts integrated out."""
    w, across = 1 / around.scale**2, jnp.swapaxes(around.cross, -1, -2)
    inner = jnp.linalg.cholesky(w * spread[:, None] * around.drift_bend * spread + jnp.eye(len(spread)))
    drift = jnp.concatenate([across, around.drift_bend], axis=-1)
    whole = jnp.concatenate([jnp.concatenate([around.bend, around.cross], axis=-1), drift], axis=-2)
    reach = solve_triangular(inner, w * spread[:, None] * drift, lower=True)
    return w * whole - jnp.einsum("bckx,bcky->bcxy", reach, reach)
