"""Batches, timescales and ratios of sizes."""

from typing import Any

import numpy as np

from scaling_bayes.sweeps.derived.ranges import require


def critical_batch(*, S_min: Any, E_min: Any) -> Any:
    r"""Batch that takes twice the fewest steps and twice the fewest tokens: :math:`B_{crit} = E_{min} / S_{min}`.

    Parameters
    ----------
    S_min, E_min : number, array or DataArray
        Fewest steps (with huge batches) and fewest tokens (with small ones) to a target.

    Returns
    -------
    number, array or DataArray
        Tokens a batch.

    Raises
    ------
    SweepError
        If a value is not positive.

    References
    ----------
    McCandlish et al. (2018), An Empirical Model of Large-Batch Training, arXiv:1812.06162.

    Examples
    --------
    >>> float(critical_batch(S_min=1e4, E_min=1e10))
    1000000.0
    """
    require("steps and tokens are counted", above=0, S_min=S_min, E_min=E_min)
    return np.divide(E_min, S_min)


def steps_to_target(batch: Any, *, S_min: Any, B_crit: Any) -> Any:
    r"""Steps to a target: :math:`S = S_{min} (1 + B_{crit} / B)`.

    Parameters
    ----------
    batch : number, array or DataArray
        :math:`B`, tokens a batch.
    S_min, B_crit : number, array or DataArray
        Fewest steps, and the critical batch in the unit of `batch`.

    Returns
    -------
    number, array or DataArray
        Steps; times `batch` it is `tokens_to_target`.

    Raises
    ------
    SweepError
        If a value is not positive.

    References
    ----------
    McCandlish et al. (2018), An Empirical Model of Large-Batch Training, arXiv:1812.06162.

    Examples
    --------
    >>> steps_to_target([5e5, 1e6, 1e9], S_min=1e4, B_crit=1e6).round(1).tolist()
    [30000.0, 20000.0, 10010.0]
    """
    require("batches and steps are counted", above=0, batch=batch, S_min=S_min, B_crit=B_crit)
    return S_min * (1 + np.divide(B_crit, batch))


def tokens_to_target(batch: Any, *, E_min: Any, B_crit: Any) -> Any:
    r"""Tokens to a target: :math:`E = E_{min} (1 + B / B_{crit})`.

    Parameters
    ----------
    batch : number, array or DataArray
        :math:`B`, tokens a batch.
    E_min, B_crit : number, array or DataArray
        Fewest tokens, and the critical batch in the unit of `batch`.

    Returns
    -------
    number, array or DataArray
        Tokens.

    Raises
    ------
    SweepError
        If a value is not positive.

    References
    ----------
    McCandlish et al. (2018), An Empirical Model of Large-Batch Training, arXiv:1812.06162.

    Examples
    --------
    >>> tokens_to_target([5e5, 1e6], E_min=1e10, B_crit=1e6).tolist()
    [15000000000.0, 20000000000.0]
    """
    require("batches and tokens are counted", above=0, batch=batch, E_min=E_min, B_crit=B_crit)
    return E_min * (1 + np.divide(batch, B_crit))


def adamw_timescale(batch: Any, lr: Any, weight_decay: Any, D: Any) -> Any:
    r"""Share of training over which AdamW averages its updates: :math:`\tau = B / (\eta \lambda D)`.

    Parameters
    ----------
    batch, D : number, array or DataArray
        Batch and training tokens, in one unit.
    lr, weight_decay : number, array or DataArray
        Peak learning rate :math:`\eta` and decay of weights :math:`\lambda`.

    Returns
    -------
    number, array or DataArray
        Share of training.

    Raises
    ------
    SweepError
        If a value is not positive.

    References
    ----------
    Bergsma et al. (2025), Power Lines: Scaling Laws for Weight Decay and Batch Size in LLM Pre-training,
    arXiv:2505.13738.

    Examples
    --------
    >>> float(adamw_timescale(1e6, 1e-3, 0.1, 1e11))
    0.1
    """
    require("sizes and rates are positive", above=0, batch=batch, lr=lr, weight_decay=weight_decay, D=D)
    return np.divide(batch, lr * np.multiply(weight_decay, D))


def tokens_per_parameter(N: Any, D: Any) -> Any:
    r"""How far a network is trained: :math:`M = D / N`.

    Parameters
    ----------
    N, D : number, array or DataArray
        Parameters and training tokens.

    Returns
    -------
    number, array or DataArray
        Tokens per parameter.

    Raises
    ------
    SweepError
        If a value is not positive.

    References
    ----------
    Gadre et al. (2024), Language Models Scale Reliably with Over-Training and on Downstream Tasks, arXiv:2403.08540.

    Examples
    --------
    >>> float(tokens_per_parameter(1e9, 2e10))
    20.0
    """
    require("sizes are counted", above=0, N=N, D=D)
    return np.divide(D, N)


def tokens_per_byte(N: Any, D: Any, bits: Any) -> Any:
    r"""Training tokens per byte of the network's weights: :math:`S = 8 D / (N b)`.

    Parameters
    ----------
    N, D : number, array or DataArray
        Parameters and training tokens.
    bits : number, array or DataArray
        :math:`b`, bits of a weight.

    Returns
    -------
    number, array or DataArray
        Tokens per parameter-byte.

    Raises
    ------
    SweepError
        If a value is not positive.

    References
    ----------
    Dremov et al. (2025), Compute-Optimal Quantization-Aware Training, arXiv:2509.22935.

    Examples
    --------
    >>> float(tokens_per_byte(1e9, 2e10, 4))
    40.0
    """
    require("sizes are counted", above=0, N=N, D=D, bits=bits)
    return np.divide(np.multiply(8, D), np.multiply(N, bits))
