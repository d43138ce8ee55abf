"""What training cost, by the compute that the runs of a sweep counted."""

from typing import Any

import numpy as np

from scaling_bayes.laws.costs.cost import Cost, CostError


def measured(runs: Any, *, tolerance: float = 0.1) -> Cost:
    r"""A power of the size through the FLOP a token of runs whose compute was counted.

    .. math:: c(N, D) = k N^p D, \qquad \log \frac{C_i}{D_i} \approx \log k + p \log N_i

    by least squares; p is 1 where all runs have one size. Attention, embeddings and heads are in it as far as they are
    in C, which :math:`6 N D` counts differently for each architecture.

    Parameters
    ----------
    runs : Dataset, DataFrame or mapping
        With columns N, D and C (FLOP), for instance the runs of one architecture of a sweep.
    tolerance : float
        Largest share by which a run's C may differ from what the power says.

    Returns
    -------
    Cost
        In FLOP.

    Raises
    ------
    CostError
        If a column is absent or not positive, there is no run, or the runs, as those of two architectures, cost too
        differently to be told by one power.

    Examples
    --------
    >>> cost = measured({"N": [1e6, 1e8], "D": [1e9, 1e9], "C": [1.2e16, 7.57e17]})
    >>> cost.name
    '47.8 N^0.9 D (measured)'
    >>> float(cost.spend(1e8, 1e9).round(-14))
    7.57e+17
    """
    N, D, C = (_column(runs, name) for name in "NDC")
    if len({N.shape, D.shape, C.shape}) > 1 or not N.size:
        raise CostError(f"N, D and C are columns of one length, at least 1; found {N.size}, {D.size} and {C.size}")
    size, rate = np.log(N), np.log(C / D)
    away = size - size.mean()
    power = float(away @ rate / (away @ away)) if np.ptp(size) > 0 else 1.0
    level = float(rate.mean() - power * size.mean())
    apart = np.expm1(np.abs(rate - level - power * size)).max()
    if apart > tolerance:
        raise CostError(
            f"C / D of these runs differs by up to {apart:.0%} from {np.exp(level):.3g} N^{power:.3g}, more than "
            f"tolerance={tolerance:g}: give the runs of one architecture and one context length"
        )
    return Cost(f"{np.exp(level):.3g} N^{power:.3g} D (measured)", "FLOP", lambda N: np.exp(level) * N**power)


def _column(runs: Any, name: str) -> np.ndarray:
    if name not in runs:
        raise CostError(f"runs lack {name}; a measured cost needs N, D and C")
    values = np.atleast_1d(np.asarray(runs[name], dtype=np.float64))
    if not (np.isfinite(values) & (values > 0)).all():
        raise CostError(f"{name} of runs holds what is no positive finite number")
    return values
