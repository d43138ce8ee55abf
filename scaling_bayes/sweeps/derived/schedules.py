r"""Learning-rate schedules as data: the rate :math:`\eta_i` of each step :math:`i = 1 \dots n`.

All of them rise linearly during warm-up, :math:`\eta_i = \eta_{peak}\, i / w` for :math:`i \le w`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from scaling_bayes.sweeps.checks import SweepError
from scaling_bayes.sweeps.derived.ranges import require
from scaling_bayes.symbols import one_of

SHAPES = ("linear", "1-sqrt", "exponential")
"""How a warm-up-stable-decay schedule comes down."""


def constant(peak: float, steps: int, *, warmup: int = 0) -> xr.DataArray:
    r"""One rate after warm-up: :math:`\eta_i = \eta_{peak}`.

    Parameters
    ----------
    peak : float
        Largest rate.
    steps, warmup : int
        Steps in all, and those of warm-up among them.

    Returns
    -------
    DataArray
        Rate of each step, dims ``step`` (1 to `steps`).

    Raises
    ------
    SweepError
        If the rate is not positive or the steps do not fit.

    Examples
    --------
    >>> constant(0.4, 6, warmup=4).values.round(3).tolist()
    [0.1, 0.2, 0.3, 0.4, 0.4, 0.4]
    """
    _check(peak, 0.0, steps, warmup)
    return _label(_warm_up(np.full(steps, float(peak)), peak, warmup), "constant")


def cosine(peak: float, steps: int, *, warmup: int = 0, final: float = 0.0) -> xr.DataArray:
    r"""Half a cosine from the peak to `final`.

    .. math:: \eta_i = \eta_{final} + (\eta_{peak} - \eta_{final}) \frac{1 + \cos \pi x}{2},
        \qquad x = \frac{i - w}{n - w}

    Parameters
    ----------
    peak, final : float
        Largest rate, and that of the last step.
    steps, warmup : int
        Steps in all, and those of warm-up among them.

    Returns
    -------
    DataArray
        Rate of each step, dims ``step``.

    Raises
    ------
    SweepError
        If the rates or the steps do not fit.

    Examples
    --------
    >>> cosine(1.0, 4, final=0.1).values.round(3).tolist()
    [0.868, 0.55, 0.232, 0.1]
    """
    _check(peak, final, steps, warmup)
    x = (np.arange(1, steps + 1) - warmup) / max(steps - warmup, 1)
    return _label(_warm_up(final + (peak - final) * (1 + np.cos(np.pi * x)) / 2, peak, warmup), "cosine")


def wsd(
    peak: float, steps: int, *, decay: int, warmup: int = 0, final: float = 0.0, shape: str = "1-sqrt"
) -> xr.DataArray:
    r"""Warm-up, stable, decay: constant until the last `decay` steps, which lead to `final`.

    With :math:`x` from 0 to 1 over the decay, :math:`\eta_i - \eta_{final}` falls as :math:`1 - x` (linear) or
    :math:`1 - \sqrt x` (1-sqrt), and :math:`\eta_i = \eta_{peak} (\eta_{final} / \eta_{peak})^x` (exponential).

    Parameters
    ----------
    peak, final : float
        Largest rate, and that of the last step; `final` is above zero for the exponential shape.
    steps, decay, warmup : int
        Steps in all, and those of decay and of warm-up among them.
    shape : {"1-sqrt", "linear", "exponential"}
        How the rate comes down.

    Returns
    -------
    DataArray
        Rate of each step, dims ``step``.

    Raises
    ------
    SweepError
        If the rates or the steps do not fit, or the shape is unknown.

    References
    ----------
    Hägele et al. (2024), Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations, arXiv:2405.18392.

    Examples
    --------
    >>> wsd(1.0, 6, decay=4).values.round(3).tolist()
    [1.0, 1.0, 0.5, 0.293, 0.134, 0.0]
    >>> wsd(1.0, 6, decay=4, shape="linear").values.tolist()
    [1.0, 1.0, 0.75, 0.5, 0.25, 0.0]
    """
    one_of(shape, SHAPES, "shape")
    _check(peak, final, steps, warmup, decay)
    if shape == "exponential":
        require("an exponential never reaches zero", above=0, final=final)
    x = np.clip((np.arange(1, steps + 1) - (steps - decay)) / max(decay, 1), 0, 1)
    if shape == "exponential":
        rates = peak * (final / peak) ** x
    else:
        rates = final + (peak - final) * (1 - (np.sqrt(x) if shape == "1-sqrt" else x))
    return _label(_warm_up(rates, peak, warmup), f"warm-up, stable, decay ({shape})")


def multi_step(peak: float, steps: int, *, drops: Mapping[int, float], warmup: int = 0) -> xr.DataArray:
    r"""Constant between drops: :math:`\eta_i = f_j\, \eta_{peak}` for steps after :math:`s_j`.

    Parameters
    ----------
    peak : float
        Largest rate.
    steps, warmup : int
        Steps in all, and those of warm-up among them.
    drops : mapping of int to float
        Step after which the rate changes -> rate from there on, as a fraction of the peak.

    Returns
    -------
    DataArray
        Rate of each step, dims ``step``.

    Raises
    ------
    SweepError
        If the rates or the steps do not fit, or a drop lies in the warm-up or after the end.

    Examples
    --------
    >>> multi_step(1.0, 6, drops={2: 0.3, 4: 0.1}).values.tolist()
    [1.0, 1.0, 0.3, 0.3, 0.1, 0.1]
    """
    _check(peak, 0.0, steps, warmup)
    require("a rate is a fraction of the peak", least=0, most=1, **{f"drops[{s}]": f for s, f in drops.items()})
    require("a drop comes between warm-up and end", least=warmup, most=steps, **{f"drop {s}": s for s in drops})
    rates = np.full(steps, float(peak))
    for step in sorted(drops):
        rates[step:] = peak * drops[step]
    return _label(_warm_up(rates, peak, warmup), "multi-step")


def _check(peak: float, final: float, steps: int, warmup: int, decay: int = 0) -> None:
    require("it is the largest rate", above=0, peak=peak)
    require("it lies between zero and the peak", least=0, most=peak, final=final)
    require("a schedule has steps", least=1, steps=steps)
    require("steps are counted", least=0, warmup=warmup, decay=decay)
    if warmup + decay > steps:
        raise SweepError(f"warmup={warmup} and decay={decay} take more than the {steps} steps of the schedule.")


def _warm_up(rates: np.ndarray, peak: float, warmup: int) -> np.ndarray:
    ramp = peak * np.arange(1, warmup + 1) / max(warmup, 1)
    return np.concatenate([ramp, rates[warmup:]])


def _label(rates: np.ndarray, schedule: str) -> xr.DataArray:
    attrs: dict[str, Any] = {"long_name": "learning rate", "units": "1", "schedule": schedule}
    step = ("step", np.arange(1, len(rates) + 1), {"long_name": "optimizer step", "units": "steps"})
    return xr.DataArray(rates, dims="step", coords={"step": step}, name="lr", attrs=attrs)
