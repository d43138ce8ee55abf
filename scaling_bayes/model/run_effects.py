r"""What the rows of one run share: its tasks, its checkpoints, the seeds of one network.

.. math:: b_r = \tau z_r, \qquad z_r \sim N(0, 1)
"""

import jax
import jax.numpy as jnp
import numpyro

from scaling_bayes.model.design import Array, Design
from scaling_bayes.model.noise import Noise, Parameters

TAIL = 4.0
"""Degrees of freedom of the weights by which the effects are sought, so that a diverged row does not lead astray."""


def place_run_effects(
    noise: Noise, parameters: Parameters, standard: jax.Array, mean: jax.Array, design: Design, *, seek: bool
) -> Array | float:
    r"""Give each row the effect of its run.

    With `seek`, standard normal coordinates are taken to where the effects are, given all else,

    .. math:: b_r = m_r + v_r z_r, \qquad v_r^{-2} = \tau^{-2} + \sum_{i \in r} w_i, \qquad
        m_r = v_r^2 \sum_{i \in r} w_i (\log y_i - \log \hat y_i)

    and the density is multiplied by what this changes, so that it stays exact.

    Parameters
    ----------
    noise : Noise
    parameters : dict
        From `Noise.sample`.
    standard : array, shape (label,)
        Effects in units of their spread; with `seek` coordinates of them.
    mean : array, shape (block, cell, row)
        Log mean without run effects.
    design : Design
    seek : bool

    Returns
    -------
    array, shape (block, cell, row), or 0 without run effects
    """
    if noise.within is None:
        return 0.0
    spread = parameters["within_spread"]
    effects = spread * standard
    if seek:
        aim, width = _seek(noise, parameters, mean, design)
        effects = aim + width * standard
        change = jnp.log(width / spread) - (effects / spread) ** 2 / 2 + standard**2 / 2
        numpyro.factor("within_move", change.sum())
    numpyro.deterministic("within_effect", effects)
    return effects[design.run_label]


def _seek(noise: Noise, parameters: Parameters, mean: jax.Array, design: Design) -> tuple[jax.Array, jax.Array]:
    """Where each run's effect is, given the law, and how far it may be from there."""
    spread = noise.width(parameters, design.noise_distance, design.measured_error)
    left, prior = design.log_response - mean, parameters["within_spread"] ** -2
    robust = 1 + left**2 / TAIL / (spread**2 + 1 / prior)
    weight = design.weight * noise.information(parameters, spread) / robust
    none = jnp.zeros(design.label_rows.shape)
    precision = prior + none.at[design.run_label].add(weight)
    return none.at[design.run_label].add(weight * left) / precision, precision**-0.5
