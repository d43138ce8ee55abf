"""Sizes of a dense network in full precision that would do as much: experts, parallel streams, compressed formats."""

from math import prod
from typing import Any

import numpy as np

from scaling_bayes.sweeps.derived.ranges import require


def effective_experts(experts: Any, *, E_start: Any, E_max: Any) -> Any:
    r"""Number of experts that counts, which starts late and saturates.

    .. math:: \frac{1}{\hat E} = \frac{1}{E - 1 + \left(\frac{1}{E_{start}} - \frac{1}{E_{max}}\right)^{-1}}
        + \frac{1}{E_{max}}

    One expert counts as `E_start`, any number as less than `E_max`.

    Parameters
    ----------
    experts : number, array or DataArray
        E, experts among which a token is routed; 1 for a dense network.
    E_start, E_max : number, array or DataArray
        Parameters of the saturation, the second the larger.

    Returns
    -------
    number, array or DataArray
        Effective experts.

    Raises
    ------
    SweepError
        If there is less than one expert, or `E_max` is no more than `E_start`.

    References
    ----------
    Clark et al. (2022), Unified Scaling Laws for Routed Language Models, arXiv:2202.01169.

    Examples
    --------
    >>> effective_experts([1, 64, 1e9], E_start=2.0, E_max=200.0).round(2).tolist()
    [2.0, 49.07, 200.0]
    """
    require("a dense network has one", least=1, experts=experts)
    return _saturate(np.subtract(experts, 1), E_start, E_max)


def effective_activation(activated: Any, *, A_start: Any, A_max: Any) -> Any:
    r"""Share of activated experts that counts, with the same saturation as `effective_experts`.

    .. math:: \frac{1}{\hat A} = \frac{1}{A + \left(\frac{1}{A_{start}} - \frac{1}{A_{max}}\right)^{-1}}
        + \frac{1}{A_{max}}

    Parameters
    ----------
    activated : number, array or DataArray
        A, activated share of the experts, from 0 to 1.
    A_start, A_max : number, array or DataArray
        Parameters of the saturation, the second the larger.

    Returns
    -------
    number, array or DataArray
        Effective share.

    Raises
    ------
    SweepError
        If the share is out of range, or `A_max` is no more than `A_start`.

    References
    ----------
    Ling team (2025), Towards Greater Leverage: Scaling Laws for Efficient Mixture-of-Experts Language Models,
    arXiv:2507.17702.

    Examples
    --------
    >>> float(effective_activation(0.031, A_start=1.63e-2, A_max=5.28e16))
    0.0473
    """
    require("it is a share", least=0, most=1, activated=activated)
    return _saturate(activated, A_start, A_max)


def _saturate(beyond: Any, start: Any, most: Any) -> Any:
    """From `start` where nothing is beyond it to `most`."""
    require("it is a size", above=0, start=start)
    require("the limit is above the start", above=1, ratio_of_limit_to_start=np.divide(most, start))
    return 1 / (1 / (beyond + 1 / (1 / start - 1 / most)) + 1 / most)


def stream_parameters(N: Any, P: Any, *, k: Any) -> Any:
    r"""Parameters of one network that would do as much as P parallel streams: :math:`N (1 + k \ln P)`.

    Parameters
    ----------
    N, P : number, array or DataArray
        Parameters, and parallel streams.
    k : number, array or DataArray
        Worth of a stream.

    Returns
    -------
    number, array or DataArray
        Effective parameters.

    Raises
    ------
    SweepError
        If there is less than one stream, or a size is not positive.

    References
    ----------
    Chen et al. (2025), Parallel Scaling Law for Language Models, arXiv:2505.10475.

    Examples
    --------
    >>> float(stream_parameters(1e9, 8, k=0.39) / 1e9)
    1.81...
    """
    require("parameters are counted", above=0, N=N)
    require("a network has one stream", least=1, P=P)
    require("a stream does no harm", least=0, k=k)
    return N * (1 + k * np.log(P))


def compressed_parameters(N: Any, *capacities: Any) -> Any:
    r"""Parameters in full precision that would do as much: :math:`N \prod_j \rho_j`, one capacity for each format.

    Parameters
    ----------
    N : number, array or DataArray
        Parameters.
    *capacities : number, array or DataArray
        Capacity of each format that was composed (sparsity, then quantisation), from 0 to 1.

    Returns
    -------
    number, array or DataArray
        Effective parameters.

    Raises
    ------
    SweepError
        If a capacity is out of range.

    References
    ----------
    Panferov et al. (2025), Unified Scaling Laws for Compressed Representations, arXiv:2506.01863.

    Examples
    --------
    >>> compressed_parameters(1e9, 0.8, 0.5)
    400000000.0
    """
    require("parameters are counted", above=0, N=N)
    for number, capacity in enumerate(capacities):
        require("no format does more than full precision", least=0, most=1, **{f"capacity {number}": capacity})
    return N * prod(capacities)


def format_capacity(error: Any, *, ceiling: Any, rate: Any, power: Any) -> Any:
    r"""Capacity of a compressed format from its error on Gaussian numbers.

    .. math:: \rho = L_\rho \tanh\bigl(F\, [\log_{1/4} \mathrm{GMSE}]^{c}\bigr)

    :math:`\log_{1/4}` of the error is the number of bits of an ideal quantiser with the same error. The structure is
    the paper's; the form of the curve is as reported, and was not checked against it.

    Parameters
    ----------
    error : number, array or DataArray
        GMSE, mean squared error relative to the variance of what was represented, from 0 (excluded) to 1.
    ceiling, rate, power : number, array or DataArray
        :math:`L_\rho` (at most 1), :math:`F` and the power of the bits.

    Returns
    -------
    number, array or DataArray
        Capacity, from 0 to `ceiling`.

    Raises
    ------
    SweepError
        If a value is out of range.

    References
    ----------
    Panferov et al. (2025), Unified Scaling Laws for Compressed Representations, arXiv:2506.01863.

    Examples
    --------
    >>> format_capacity([1.0, 1 / 4, 1 / 256], ceiling=1.0, rate=0.5, power=1.0).round(3).tolist()
    [0.0, 0.462, 0.964]
    """
    require("it is relative to the variance", above=0, most=1, error=error)
    require("no format does more than full precision", above=0, most=1, ceiling=ceiling)
    require("more bits do more", above=0, rate=rate, power=power)
    return ceiling * np.tanh(rate * (np.log(error) / -np.log(4.0)) ** power)


def precision_capacity(bits: Any, *, gamma: Any) -> Any:
    r"""Capacity of weights with few bits: :math:`\rho = 1 - e^{-b / \gamma}`.

    Parameters
    ----------
    bits : number, array or DataArray
        Bits of a weight.
    gamma : number, array or DataArray
        Bits after which :math:`1/e` of the capacity is missing.

    Returns
    -------
    number, array or DataArray
        Capacity, from 0 to 1.

    Raises
    ------
    SweepError
        If a value is not positive.

    References
    ----------
    Kumar et al. (2024), Scaling Laws for Precision, arXiv:2411.04330.

    Examples
    --------
    >>> precision_capacity([2.0, 4.0, 16.0], gamma=2.0).round(3).tolist()
    [0.632, 0.865, 1.0]
    """
    require("bits are counted", above=0, bits=bits, gamma=gamma)
    return -np.expm1(-np.divide(bits, gamma))
