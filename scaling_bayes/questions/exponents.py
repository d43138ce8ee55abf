r"""`exponents`: how fast the response falls at a scale, and how much of it can fall at all."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from xarray import ufuncs

from scaling_bayes.laws.record import Record
from scaling_bayes.questions.choices import as_columns, measure_draws, read_choices
from scaling_bayes.questions.forecast import Forecast, describe, log_law
from scaling_bayes.questions.mixture import mixed
from scaling_bayes.questions.paths import choose_scale, follow, path_exponents
from scaling_bayes.questions.points import QuestionError, check_size, count_draws, read_single
from scaling_bayes.questions.spending import place_points

STEP = 0.05
"""Between the scales at which a slope is read off, in e-folds."""

STENCIL = np.array([1.0, -8.0, 0.0, 8.0, -1.0]) / (12 * STEP)
"""Weights of the slope at five neighbouring scales; exact for polynomials up to the fourth degree."""


@mixed
def exponents(
    posterior: xr.DataTree,
    at: Mapping[str, Any] | pd.DataFrame | xr.Dataset,
    *,
    along: str = "auto",
    group: str | None = None,
    tokens_per_parameter: Any = None,
    seed: int = 0,
) -> xr.Dataset:
    r"""Local exponents along a scale, and the reducible and irreducible parts of the response.

    .. math::
        -\frac{d \log y}{d \log s}, \qquad -\frac{d \log (y r)}{d \log s}, \qquad
        r = \frac{f(x; E = 0)}{f(x)}

    positive where the response falls. The floor E of the law and what stands above it share the drift, so that both
    parts are positive and their sum is the response.

    Parameters
    ----------
    posterior : DataTree
    at : mapping, DataFrame or Dataset
        See `predict`. Groups that are not named are dims.
    along : str
        The scale s; ``auto`` is C where its path is known (tokens per parameter kept), else N or D.
    group : str, optional
        Group between whose labels the exponents are subtracted.
    tokens_per_parameter : number or array, optional
        See `compare`.
    seed : int

    Returns
    -------
    Dataset
        Along (chain, draw, [groups], point) ``exponent`` (of the reducible part), ``exponent_response``,
        ``reducible`` and ``irreducible``; with `group` also ``exponent_difference`` (group, ``<group>_other``).

    Raises
    ------
    QuestionError
        If the path along the scale is not determined, `group` is unknown or fixed by `at`, or the answer would
        exceed 1 GB.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, truth = sb.Law("E + A*N**-alpha"), {"E": 1.8, "A": 400.0, "alpha": 0.35}
    >>> sweep = sb.simulate_sweep(law, {"N": [1e7, 1e8, 1e9, 1e10]}, truth=truth, seed=0, noise=1e-6)
    >>> answer = exponents(sb.baseline(law, sweep, seed=0, bootstrap=20), {"N": 1e9})
    >>> answer["exponent"].median().round(3).item()
    0.35
    """
    record, fitted = read_single(posterior), posterior["constant_data"].to_dataset()
    points = place_points(at, record, fitted, tokens_per_parameter)
    (place,) = points["extrapolation"].dims
    choices = read_choices(record, group) if group else None
    columns = as_columns(points, choices)
    scale = choose_scale(columns) if along == "auto" else along
    if scale is None:
        raise QuestionError("these points have none of C, N and D: say along= which covariate")
    path_exponents(scale, columns)
    size, around = points.sizes[place], np.exp(STEP * np.arange(-2, 3))
    compared = len(choices.names) if choices else 1
    numbers = count_draws(posterior, record, columns) * (compared + 3) * size
    check_size(numbers, "ask at fewer points, or fix other groups in at=")
    parts = [follow(columns, row, scale, columns[scale][row] * around) for row in range(size)]
    nodes = {name: np.concatenate([part[name] for part in parts]) for name in columns}
    drawn = measure_draws(posterior, record, nodes, np.random.default_rng(seed), partial(_measure, size=size))
    if group:
        exponent = drawn["exponent"]
        drawn["exponent_difference"] = exponent - exponent.rename({group: f"{group}_other"})
    answer = drawn.rename(point=place).assign_coords(points.coords)
    return _label(answer, record, scale).assign_attrs(
        describe(posterior, record, scale), along=scale, group=group or ""
    )


def _measure(ahead: Forecast, *, size: int) -> xr.Dataset:
    """Both exponents and both parts, from five scales around each point."""
    floors = [p for p, role in ahead.record.law.roles.items() if role == "floor"]
    without = ahead.draws.assign({p: xr.zeros_like(ahead.draws[p]) for p in floors})
    whole, above = (log_law(draws, ahead.record, ahead.points) for draws in (ahead.draws, without))
    response = ahead.log_mean
    reducible = response + (above - whole).transpose(*response.dims, missing_dims="ignore")
    middle = np.arange(size) * len(STENCIL) + 2
    parts = ufuncs.exp(reducible.isel(point=middle)), ufuncs.exp(response.isel(point=middle))
    return xr.Dataset(
        {
            "exponent": -_slope(reducible, size),
            "exponent_response": -_slope(response, size),
            "reducible": parts[0],
            "irreducible": parts[1] - parts[0],
        }
    )


def _slope(curve: xr.DataArray, size: int) -> xr.DataArray:
    """Slope at each point from the scales around it."""
    values = curve.values.reshape(*curve.shape[:-1], size, len(STENCIL)) @ STENCIL
    return xr.DataArray(values, dims=curve.dims, coords={d: curve[d] for d in curve.dims[:-1] if d in curve.coords})


def _label(answer: xr.Dataset, record: Record, along: str) -> xr.Dataset:
    for name in ("reducible", "irreducible"):
        answer[name].attrs = {"units": record.unit, "long_name": f"{name} {record.response}"}
    answer["exponent"].attrs["long_name"] = f"local exponent of the reducible {record.response} in {along}"
    answer["exponent_response"].attrs["long_name"] = f"local exponent of {record.response} in {along}"
    return answer
