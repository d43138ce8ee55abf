"""From raw draws to a labelled posterior: an `xarray.DataTree` in ArviZ's groups."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from scaling_bayes.inference.sampler import Draws
from scaling_bayes.laws.axes import axis_values
from scaling_bayes.laws.record import Record
from scaling_bayes.laws.residuals import RESIDUALS
from scaling_bayes.model.binding import Binding
from scaling_bayes.model.pooling import pooling_to_dict

SAMPLE = ("chain", "draw")


def make_record(binding: Binding, sweep: xr.Dataset) -> Record:
    """What the posterior remembers of the model."""
    coordinates, response = binding.program.coordinates, str(sweep.attrs["response"])
    axes = {axis.name: axis_values(axis.name, sweep) for axis in binding.axes}
    columns = {c: sweep[c].values for c in (*binding.law.covariates, "C") if c in sweep.coords}
    return Record(
        law=binding.law,
        references=dict(binding.references),
        response=response,
        unit=str(sweep[response].attrs.get("units", "")),
        noise=binding.program.noise.kind,
        pooling={p: pooling_to_dict(pool) for p, pool in binding.pooling.items()},
        factors=dict(binding.factors),
        fitted={name: [float(v.min()), float(v.max())] for name, v in {**columns, **axes}.items()},
        shares=coordinates.shares,
        singles=coordinates.singles,
        axes=binding.axes,
        priors={p: str(prior) for p, prior in binding.program.priors},
        flags=dict(binding.flags),
    )


def label_draws(draws: Mapping[str, np.ndarray], binding: Binding, record: Record) -> xr.Dataset:
    """Group ``posterior`` (or ``prior``) from the program's sites, shape (chain, draw, ...)."""
    theta = _theta_cube(draws, binding)
    variables = {name: (*_dims(*groups), value) for name, (groups, value) in record.parameters(theta).items()}
    population = np.asarray(draws["population_all"]) if record.factors else theta
    variables["population"] = (*_dims("coordinate"), population)
    for factor in record.factors:
        variables[f"spread_{factor}"] = (*_dims("coordinate"), _spreads(draws, binding, factor))
        variables[f"effect_{factor}"] = (*_dims(factor, "coordinate"), _effects(draws, binding, factor))
    for name in RESIDUALS[record.noise].parameters:
        variables[name] = (*_dims(), draws[name])
    if record.axes:
        variables |= _drifts(draws, binding)
    coords = {"coordinate": list(binding.program.coordinates.names), **record.factors, **_knot_coords(record)}
    cells = {}
    if len(record.factors) > 1:
        cells = {f"cell_{g}": ("cell", binding.cells[g].to_numpy()) for g in record.factors}
    dataset = xr.Dataset({k: v for k, v in variables.items()}, coords={**coords, **cells})
    return dataset.assign_coords(chain=np.arange(theta.shape[0]), draw=np.arange(theta.shape[1]))


def label_likelihood(draws: Draws, binding: Binding, record: Record, sweep: xr.Dataset) -> xr.Dataset:
    """Group ``log_likelihood``: log density of each run's log response, dims (chain, draw, run)."""
    mean = runs_of(draws.values["log_mean"], binding)
    residual = np.log(sweep[record.response].values) - mean
    noise = {name: draws.values[name][..., None] for name in RESIDUALS[record.noise].parameters}
    density = RESIDUALS[record.noise].log_density(residual, noise)
    return xr.Dataset({record.response: (("chain", "draw", "run"), density)}, coords={"run": sweep["run"].values})


def runs_of(padded: np.ndarray, binding: Binding) -> np.ndarray:
    """Bring values of shape (..., block, cell, row) into the order of the sweep's runs."""
    flat = binding.runs.ravel()
    out = np.empty((*padded.shape[:-3], int((flat >= 0).sum())))
    out[..., flat[flat >= 0]] = padded.reshape(*padded.shape[:-3], -1)[..., flat >= 0]
    return out


def _dims(*more: str) -> tuple[tuple[str, ...]]:
    return ((*SAMPLE, *more),)


def _effects(draws: Mapping[str, np.ndarray], binding: Binding, factor: str) -> np.ndarray:
    """Deviation of each group of `factor` from the population, shape (chain, draw, group, coordinate)."""
    effects, labels = np.asarray(draws["effects"]), binding.factors[factor]
    out = np.zeros((*effects.shape[:2], len(labels), len(binding.program.coordinates.names)))
    for e, (i, g, label) in enumerate(binding.effect_columns):
        if g == factor and label is None:
            out[..., i] = effects[..., e]
        elif g == factor:
            out[:, :, labels.index(label), i] = effects[:, :, 0, e]
    return out


def _theta_cube(draws: Mapping[str, np.ndarray], binding: Binding) -> np.ndarray:
    """Coordinates for every combination of groups, shape (chain, draw, *groups, coordinate)."""
    theta = np.asarray(draws["population_all"])
    if not binding.factors:
        return theta + np.asarray(draws["effects"])[:, :, 0]
    for factor in binding.factors:
        effects = _effects(draws, binding, factor)
        between = [1] * (theta.ndim - 3)
        theta = theta[..., None, :] + effects.reshape(*effects.shape[:2], *between, *effects.shape[2:])
    return theta


def _spreads(draws: Mapping[str, np.ndarray], binding: Binding, factor: str) -> np.ndarray:
    """Standard deviation of each coordinate between the groups of `factor`; zero where they share it."""
    population = np.asarray(draws["population_all"])
    spreads = np.zeros(population.shape)
    index = np.asarray(binding.design.effect_spread)
    for e, (i, g, _) in enumerate(binding.effect_columns):
        if g == factor:
            spreads[..., i] = draws["spread"][..., index[e]] if index[e] >= 0 else binding.design.effect_scale[e]
    return spreads


def _drifts(draws: Mapping[str, np.ndarray], binding: Binding) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    factors = list(binding.factors)
    where = ("cell",) if len(factors) > 1 else tuple(factors)
    found = {}
    for part in binding.program.drift:
        found[f"drift_spread_{part}"] = (*_dims("axis"), draws[f"drift_spread_{part}"])
    if "common" in binding.program.drift:
        found["drift_common"] = (*_dims("knot"), draws["drift_common"])
    if "own" in binding.program.drift:
        own = np.asarray(draws["drift_own"])
        own = own.reshape(*own.shape[:2], -1, own.shape[-1])
        found["drift_own"] = (*_dims(*where, "knot"), own if where else own[:, :, 0])
    return found


def _knot_coords(record: Record) -> dict[str, object]:
    if not record.axes:
        return {}
    names = [axis.name for axis in record.axes for _ in axis.knots]
    return {
        "axis": [a.name for a in record.axes],
        "knot_axis": ("knot", names),
        "knot_distance": ("knot", [k for axis in record.axes for k in axis.knots]),
    }
