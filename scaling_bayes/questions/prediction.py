"""`predict`: the law, its drift and its noise, carried to any scale as labelled draws."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.laws.axes import axis_values
from scaling_bayes.laws.record import Record
from scaling_bayes.laws.residuals import RESIDUALS
from scaling_bayes.laws.wiener import wiener_basis, wiener_residual
from scaling_bayes.questions.groups import complete_groups
from scaling_bayes.questions.points import as_points, read_record


def predict(
    posterior: xr.DataTree,
    at: Mapping[str, Any] | pd.DataFrame | xr.Dataset,
    *,
    new_run: bool = False,
    seed: int = 0,
) -> xr.Dataset:
    r"""Predict the response at any scale, for groups seen or not.

    .. math:: y^*_g = f(x^*; \theta_g)\, e^{\delta_g(x^*)}\, (e^{\epsilon})

    with the drift :math:`\delta` conditioned on its fitted values, so that intervals widen with distance, and the noise
    :math:`\epsilon` of one new run if asked for.

    Parameters
    ----------
    posterior : DataTree
        From `fit`, `baseline` or `open_posterior`.
    at : mapping, DataFrame or Dataset
        Covariates in the units of the fitted sweep and labels of groups. A grouping that is not named is answered for all
        of its groups, along a dim of its own; a label never fitted is a group drawn from the population.
    new_run : bool
        Predict one new run instead of the mean curve.
    seed : int
        For what is drawn beyond the posterior's own draws: drift beyond the data, groups never seen, noise.

    Returns
    -------
    Dataset
        The response, dims (chain, draw, [groups], point or run), in the units of the sweep; coordinate ``extrapolation`` is
        the ratio of each point's scale to the largest fitted one.

    Raises
    ------
    QuestionError
        If a covariate is missing or not positive, or a group never seen has no population to come from.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law = sb.Law("E + A*N**-alpha")
    >>> design = {"N": [1e7, 3e7, 1e8, 3e8, 1e9, 3e9]}
    >>> sweep = sb.simulate_sweep(law, design, truth={"E": 1.8, "A": 400.0, "alpha": 0.35}, seed=0)
    >>> curve = predict(sb.baseline(law, sweep, seed=0, bootstrap=20), {"N": [1e10, 1e11]})
    >>> curve["loss"].dims, curve["extrapolation"].values.round(1).tolist()
    (('chain', 'draw', 'point'), [3.3, 33.3])
    """
    record = read_record(posterior)
    constant = posterior["constant_data"].attrs if "constant_data" in posterior.children else {}
    points = as_points(at, record, str(constant.get("flop_rule", "")))
    rng = np.random.default_rng(seed)
    draws = complete_groups(posterior["posterior"].to_dataset(), record, points, rng)
    log_mean = log_law(draws, record, points) + drift(draws, record, points, rng)
    if new_run:
        log_mean = log_mean + noise(draws, record, points, log_mean, rng)
    answer = np.exp(log_mean).rename(record.response).to_dataset()
    answer[record.response].attrs = {"units": record.unit, "long_name": record.response}
    return answer.assign_coords(points.coords).assign_attrs(describe(posterior, record) | {"new_run": int(new_run)})


def describe(posterior: xr.DataTree, record: Record) -> dict[str, Any]:
    """Attributes that every answer carries: the response, the law, and whether the sampler's gates were passed."""
    gates = json.loads(posterior.attrs.get("gates", "[]"))
    failed = [gate["name"] for gate in gates if not gate["passed"]]
    return {
        "response": record.response,
        "units": record.unit,
        "law": record.law.formula,
        "method": str(posterior.attrs.get("method", "")),
        "scale": record.scale_axis(),
        "failed_gates": ", ".join(failed),
        "data_hash": str(posterior.attrs.get("data_hash", "")),
    }


def log_law(draws: xr.Dataset, record: Record, points: xr.Dataset) -> xr.DataArray:
    """Log of the law at the points, labelled."""
    parameters = {p: select(draws[p], points) for p in record.law.parameters}
    covariates = {c: points[c].variable for c in record.law.covariates}
    covariates = {c: xr.DataArray(v.values, dims=v.dims) for c, v in covariates.items()}
    value = np.log(record.law.numpy(**parameters, **covariates))
    return value.transpose("chain", "draw", *record.factors, ..., missing_dims="ignore")


def select(array: xr.DataArray, points: xr.Dataset, **at: xr.DataArray) -> xr.DataArray:
    """Take each point's group where points name groups (and position `at`); leave other groupings as dims."""
    for group in [str(d) for d in array.dims if d in points.coords]:
        positions = array.indexes[group].get_indexer(points[group].values)
        at[group] = xr.DataArray(positions, dims=points[group].dims)
    return array.isel(at).drop_vars([g for g in at if g in array.coords])


def drift(draws: xr.Dataset, record: Record, points: xr.Dataset, rng: np.random.Generator) -> xr.DataArray:
    """Departure of the log response from the law at the points, conditioned on the fitted knots."""
    total = xr.DataArray(0.0)
    for axis in record.axes:
        levels, where = np.unique(axis.distance(axis_values(axis.name, points)), return_inverse=True)
        knots = np.array(axis.knots)
        basis = xr.DataArray(wiener_basis(levels, knots), dims=("level", "knot"))
        beyond = xr.DataArray(wiener_residual(levels, knots), dims=("level", "mode"))
        of_axis = np.flatnonzero(draws["knot_axis"].values == axis.name)
        for part in ("common", "own"):
            if f"drift_{part}" in draws:
                known = draws[f"drift_{part}"].isel(knot=of_axis).drop_vars(["knot_axis", "knot_distance"])
                spread = draws[f"drift_spread_{part}"].sel(axis=axis.name, drop=True)
                shape = {d: n for d, n in known.sizes.items() if d != "knot"} | {"mode": len(levels)}
                fresh = xr.DataArray(rng.standard_normal(tuple(shape.values())), dims=tuple(shape))
                along = xr.dot(known, basis, dim="knot") + spread * xr.dot(fresh, beyond, dim="mode")
                total = total + select(along, points, level=xr.DataArray(where, dims=points["extrapolation"].dims))
    return total


def noise(
    draws: xr.Dataset, record: Record, points: xr.Dataset, like: xr.DataArray, rng: np.random.Generator
) -> xr.DataArray:
    """Noise of one new run at each point, in the shape of `like`."""
    residual = RESIDUALS[record.noise]
    values = {name: xr.broadcast(select(draws[name], points), like)[0] for name in residual.parameters}
    values = {name: value.transpose(*like.dims).values for name, value in values.items()}
    return like.copy(data=residual.draw(values, like.shape, rng))
