r"""The field's habit behind the same interface: robust least squares on the log response, and a bootstrap.

.. math:: \min_\theta \sum_i \rho\bigl(\log f(x_i; \theta) - \log y_i\bigr)

with Huber's :math:`\rho` (:math:`\delta = 10^{-3}`, as Hoffmann et al. 2022) or the square, many starts at once, and rows
drawn with replacement.
"""

import json
import time
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx
import xarray as xr

from scaling_bayes.inference.fit import provenance
from scaling_bayes.laws import Law
from scaling_bayes.laws.coordinates import Coordinates, choose_coordinates
from scaling_bayes.laws.record import Record
from scaling_bayes.model.checks import check_binding
from scaling_bayes.model.pooling import Separate, Shared, pooling_to_dict
from scaling_bayes.sweeps import attr_list, check_sweep

METHODS = ("huber", "least_squares")
DELTA = 1e-3
STARTS = 64
START_WIDTH = 1.5
"""Spread of the starts, in prior widths."""

MAX_STEPS = 300
BATCH = 500
TOLERANCE = {"estimate": 1e-8, "resample": 1e-5}
"""Relative tolerance of the minimiser; that of a resample leaves an error below a thousandth of the bootstrap's spread."""


def baseline(
    law: Law,
    sweep: xr.Dataset,
    *,
    seed: int,
    method: str = "huber",
    bootstrap: int = 4000,
    by: str | None = None,
) -> xr.DataTree:
    """Fit a law by robust least squares and bootstrap its rows.

    Parameters
    ----------
    law : Law
    sweep : Dataset
        Dims run.
    seed : int
        For starts and resampling.
    method : {"huber", "least_squares"}
        Loss on the residual of the log response.
    bootstrap : int
        Resamples; they take the place of posterior draws.
    by : str, optional
        Grouping: fit each group by itself.

    Returns
    -------
    DataTree
        In the shape of a posterior, with one chain whose draws are the resamples. Group ``estimate`` holds the fit of all
        rows and its ``objective`` (the sum over rows); ``sigma`` is the residual standard deviation.

    Raises
    ------
    ModelError
        If the sweep cannot tell the law's terms apart.
    ValueError
        For an unknown method or grouping, or fewer than two resamples.
    """
    check_sweep(sweep)
    if method not in METHODS:
        raise ValueError(f"method is one of {', '.join(METHODS)}, found {method!r}")
    if bootstrap < 2:
        raise ValueError(f"bootstrap is the number of resamples, at least 2; found {bootstrap}")
    started = time.perf_counter()
    law = law.with_covariates(attr_list(sweep, "covariates"))
    pooling = {p: Separate(by) if by else Shared() for p in law.parameters}
    flags = check_binding(law, pooling, sweep)
    labels = sorted({str(v) for v in sweep[by].values}) if by else [""]
    record = Record(
        law=law,
        references={
            c: float(np.exp(np.log(sweep[c].values).mean())) if c in law.scaled else 1.0 for c in law.covariates
        },
        response=str(sweep.attrs["response"]),
        unit=str(sweep[sweep.attrs["response"]].attrs.get("units", "")),
        noise="normal",
        pooling={p: pooling_to_dict(pool) for p, pool in pooling.items()},
        factors={by: labels} if by else {},
        fitted={c: [float(sweep[c].min()), float(sweep[c].max())] for c in (*law.covariates, "C") if c in sweep.coords},
        flags=flags,
    )
    rng = np.random.default_rng(seed)
    parts = [sweep.isel(run=np.flatnonzero(sweep[by].values.astype(str) == label)) if by else sweep for label in labels]
    with jax.enable_x64(True):
        longest = max(part.sizes["run"] for part in parts)
        fits = [_fit_rows(part, record, method, bootstrap, rng, longest) for part in parts]
    tree = _assemble(fits, record, by, sweep)
    tree.attrs |= provenance(sweep, seed, "cpu", [], time.perf_counter() - started) | {"method": method}
    return tree


def _fit_rows(
    part: xr.Dataset, record: Record, method: str, bootstrap: int, rng: np.random.Generator, longest: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Estimate (values of length 1) and resamples (length `bootstrap`) of one group, padded to `longest` rows."""
    rows = part.sizes["run"]
    present = np.arange(longest) < rows
    at = np.where(present, np.arange(longest), 0)
    log_response = np.log(part[record.response].values)[at]
    covariates = {c: part[c].values[at] / record.references[c] for c in record.law.covariates}
    coordinates = choose_coordinates(record.law, (), {}, record.law.parameters)
    centre, width, _ = coordinates.prior(float(log_response[:rows].mean()))
    minimise, again = (_compile(coordinates, method, tolerance) for tolerance in TOLERANCE.values())
    starts = centre + START_WIDTH * width * rng.standard_normal((STARTS, len(centre)))
    everything = np.broadcast_to(present.astype(float), (STARTS, longest))
    theta, objective = minimise(starts, everything, covariates, log_response)
    winner = int(np.nanargmin(objective))
    best = np.asarray(theta)[winner]
    counts = rng.multinomial(rows, present / rows, size=bootstrap)
    resamples = np.concatenate(
        [
            np.asarray(again(np.broadcast_to(best, (len(c), len(best))), c.astype(float), covariates, log_response)[0])
            for c in np.array_split(counts, max(1, bootstrap // BATCH))
        ]
    )
    estimate = _describe(best[None], coordinates, record, part) | {"objective": np.asarray(objective)[[winner]]}
    return estimate, _describe(resamples, coordinates, record, part)


@lru_cache(maxsize=32)
def _compile(coordinates: Coordinates, method: str, tolerance: float) -> Any:
    """Minimise from many starts with row weights, all in one compiled function."""
    solver = optx.BFGS(rtol=tolerance, atol=tolerance / 100)

    def residuals(theta: jax.Array, covariates: dict[str, jax.Array], log_response: jax.Array) -> jax.Array:
        values = coordinates.parameters(theta, {}, xp=jnp)
        return jnp.log(coordinates.law.jax(**values, **covariates)) - log_response

    def objective(theta: jax.Array, arguments: Any) -> jax.Array:
        weight, covariates, log_response = arguments
        left = jnp.abs(residuals(theta, covariates, log_response))
        if method == "least_squares":
            return jnp.sum(weight * left**2) / 2
        return jnp.sum(weight * jnp.where(left < DELTA, left**2 / 2, DELTA * (left - DELTA / 2)))

    def scaled(theta: jax.Array, arguments: Any) -> jax.Array:
        return objective(theta, arguments) / DELTA

    def one(
        start: jax.Array, weight: jax.Array, covariates: Any, log_response: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        arguments = (weight, covariates, log_response)
        found = optx.minimise(scaled, solver, start, arguments, max_steps=MAX_STEPS, throw=False).value
        return found, objective(found, arguments)

    return jax.jit(jax.vmap(one, (0, 0, None, None)))


def _describe(theta: np.ndarray, coordinates: Coordinates, record: Record, part: xr.Dataset) -> dict[str, np.ndarray]:
    """Law parameters and residual standard deviation for each row of `theta`."""
    values = {p: np.asarray(v) for p, v in coordinates.parameters(theta, {}).items()}
    paper = record.law.rescale(values, record.references)
    columns = {c: part[c].values for c in record.law.covariates}
    fitted = np.log(record.law.evaluate({**columns, **{p: v[:, None] for p, v in paper.items()}}))
    left = np.log(part[record.response].values) - fitted
    at_reference = {f"{p}_ref": values[p] for p in record.law.parameters if record.law.scales[p] != 1}
    freedom = max(left.shape[1] - theta.shape[1], 1)
    return {**paper, **at_reference, "sigma": np.sqrt((left**2).sum(axis=1) / freedom)}


def _assemble(fits: list[Any], record: Record, by: str | None, sweep: xr.Dataset) -> xr.DataTree:
    dims = ("chain", "draw", *([by] if by else []))
    coords = {"chain": [0], **record.factors}

    def group(which: int) -> xr.Dataset:
        columns = {name: np.stack([f[which][name] for f in fits], axis=-1)[None] for name in fits[0][which]}
        return xr.Dataset({n: (dims, v if by else v[..., 0]) for n, v in columns.items()}, coords=coords)

    resamples, estimate = group(1), group(0).isel(chain=0, draw=0, drop=True)
    tree = xr.DataTree.from_dict(
        {
            "posterior": resamples.assign_coords(draw=np.arange(resamples.sizes["draw"])),
            "estimate": estimate,
            "observed_data": sweep[[record.response]].reset_coords(drop=True).assign_coords(run=sweep["run"]),
            "constant_data": sweep.drop_vars(record.response).reset_coords(),
        }
    )
    tree.attrs = {"scaling_bayes": "baseline", "record": record.to_json()}
    return tree
