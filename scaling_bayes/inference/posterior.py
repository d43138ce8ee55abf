"""From raw draws to a labelled posterior: an `xarray.DataTree` in ArviZ's groups."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from scaling_bayes.inference.sampler import Draws
from scaling_bayes.laws.axes import axis_values
from scaling_bayes.laws.record import Record
from scaling_bayes.laws.residuals import RESIDUALS
from scaling_bayes.model.binding import Binding
from scaling_bayes.model.pooling import pooling_to_dict
from scaling_bayes.symbols import SAMPLE

Variables = dict[str, tuple[tuple[str, ...], Any]]


def assemble_posterior(
    binding: Binding, sweep: xr.Dataset, drawn: Draws, prior: Mapping[str, np.ndarray]
) -> xr.DataTree:
    """Label what a sampler left.

    Parameters
    ----------
    binding : Binding
    sweep : Dataset
        Dims run.
    drawn : Draws
    prior : mapping
        Sites of the program drawn from the prior, shape (draw, ...).

    Returns
    -------
    DataTree
        Groups ``posterior``, ``sample_stats``, ``log_likelihood``, ``prior``, ``observed_data``, ``constant_data``.
    """
    record = make_record(binding, sweep)
    stats = {name: (SAMPLE, value) for name, value in drawn.stats.items()}
    groups = {
        "posterior": label_draws(drawn.values, binding, record),
        "sample_stats": xr.Dataset(stats),
        "log_likelihood": label_likelihood(drawn.values, binding, record, sweep),
        "prior": label_draws({name: site[None] for name, site in prior.items()}, binding, record),
        **data_groups(sweep),
    }
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = {"scaling_bayes": "posterior", "method": "NUTS", "record": record.to_json()}
    return tree


def data_groups(sweep: xr.Dataset) -> dict[str, xr.Dataset]:
    """Groups ``observed_data`` (the response) and ``constant_data`` (everything else of the sweep)."""
    response = sweep.attrs["response"]
    return {
        "observed_data": sweep[[response]].reset_coords(drop=True).assign_coords(run=sweep["run"]),
        "constant_data": sweep.drop_vars(response).reset_coords(),
    }


def recover_sweep(posterior: xr.DataTree) -> xr.Dataset:
    """The sweep that a posterior was fitted to, as it was: the inverse of `data_groups`.

    Parameters
    ----------
    posterior : DataTree
        From `fit`, `baseline` or `open_posterior`.

    Returns
    -------
    Dataset
        Dims run.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, truth = sb.Law("A*N**-alpha"), {"A": 40.0, "alpha": 0.25}
    >>> sweep = sb.simulate_sweep(law, {"N": [1e6, 1e7, 1e8]}, truth=truth, seed=0)
    >>> recover_sweep(sb.baseline(law, sweep, seed=0, bootstrap=20)).identical(sweep)
    True
    """
    if "sweep" in posterior.children:
        return posterior["sweep"].to_dataset()
    measured, constant = (posterior[group].to_dataset() for group in ("observed_data", "constant_data"))
    sweep = constant.assign({name: measured[name].variable for name in measured.data_vars})
    kept = json.loads(posterior.attrs["measured"])
    return sweep.set_coords([name for name in sweep.data_vars if name not in kept])


def make_record(binding: Binding, sweep: xr.Dataset) -> Record:
    """What the posterior remembers of the model."""
    coordinates, response = binding.program.coordinates, str(sweep.attrs["response"])
    columns = {str(c): sweep[c].values for c in sweep.coords}
    scale = str(sweep.attrs.get("scale", ""))
    fitted = {c: columns[c] for c in (*binding.law.covariates, "C", scale) if c in columns}
    axes = (*binding.axes, *((binding.noise_axis,) if binding.noise_axis else ()))
    fitted |= {axis.name: axis_values(axis.name, columns) for axis in axes}
    return Record(
        law=binding.law,
        references=dict(binding.references),
        response=response,
        unit=str(sweep[response].attrs.get("units", "")),
        noise=binding.program.noise.kind,
        pooling={p: pooling_to_dict(pool) for p, pool in binding.pooling.items()},
        factors=dict(binding.cells.factors),
        fitted={name: [float(v.min()), float(v.max())] for name, v in fitted.items()},
        shares=coordinates.shares,
        singles=coordinates.singles,
        axes=binding.axes,
        noise_axis=binding.noise_axis,
        measured=binding.program.noise.measured is True,
        within=binding.program.noise.within or "",
        trials=getattr(binding.program.noise, "trials", None),
        chance=getattr(binding.program.noise, "chance", None),
        scale=scale,
        priors={p: str(prior) for p, prior in binding.program.priors},
        flags=dict(binding.flags),
    )


def label_draws(draws: Mapping[str, np.ndarray], binding: Binding, record: Record) -> xr.Dataset:
    """Group ``posterior`` (or ``prior``) from the program's sites, shape (chain, draw, ...)."""
    theta = _theta_cube(draws, binding)
    variables: Variables = {
        name: ((*SAMPLE, *groups), value) for name, (groups, value) in record.parameters(theta).items()
    }
    population = np.asarray(draws["population_all"]) if record.factors else theta
    variables["population"] = ((*SAMPLE, "coordinate"), population)
    for factor in record.factors:
        variables[f"spread_{factor}"] = ((*SAMPLE, "coordinate"), _spreads(draws, binding, factor))
        variables[f"effect_{factor}"] = ((*SAMPLE, factor, "coordinate"), _effects(draws, binding, factor))
    for factor, members in binding.program.correlated:
        moved = [binding.effects[e].coordinate for e in members[0]]
        matrix = _correlations(draws[f"correlation_{factor}"], moved, len(binding.program.coordinates.names))
        variables[f"correlation_{factor}"] = ((*SAMPLE, "coordinate", "coordinate_other"), matrix)
    variables |= {name: (SAMPLE, draws[name]) for name in record.noise_parameters}
    if record.within:
        variables |= {
            "within_spread": (SAMPLE, draws["within_spread"]),
            "within_effect": ((*SAMPLE, record.within), draws["within_effect"]),
        }
    variables |= _drifts(draws, binding) if record.axes else {}
    return xr.Dataset(variables, coords=_coords(binding, record, theta.shape[:2]))


def label_likelihood(
    draws: Mapping[str, np.ndarray], binding: Binding, record: Record, sweep: xr.Dataset
) -> xr.Dataset:
    """Group ``log_likelihood``: log density of each run's log response, dims (chain, draw, run)."""
    mean = _in_order_of_runs(draws["log_mean"], binding)
    response, columns = sweep[record.response].values, {str(c): sweep[c].values for c in sweep.variables}
    if record.within:
        numbers = _in_order_of_runs(np.asarray(binding.design.run_label), binding).astype(int)
        mean = mean + draws["within_effect"][..., numbers]
    mean = record.bend(mean, columns)
    residual = record.log_response(response, columns) - mean
    values = {name: draws[name][..., None] for name in record.noise_parameters}
    noise = record.noise_at(values, columns, record.relative_error(response, columns))
    density = RESIDUALS[record.noise].log_density(residual, noise, mean)
    return xr.Dataset({record.response: ((*SAMPLE, "run"), density)}, coords={"run": sweep["run"].values})


def _in_order_of_runs(padded: np.ndarray, binding: Binding) -> np.ndarray:
    """Bring values of shape (..., block, cell, row) into the order of the sweep's runs."""
    runs = binding.cells.runs.ravel()
    present = runs >= 0
    out = np.empty((*padded.shape[:-3], int(present.sum())))
    out[..., runs[present]] = padded.reshape(*padded.shape[:-3], -1)[..., present]
    return out


def _theta_cube(draws: Mapping[str, np.ndarray], binding: Binding) -> np.ndarray:
    """Coordinates for every combination of groups, shape (chain, draw, *groups, coordinate)."""
    theta = np.asarray(draws["population_all"])
    if not binding.cells.factors:
        return theta + np.asarray(draws["effects"])[:, :, 0]
    for factor in binding.cells.factors:
        effects = _effects(draws, binding, factor)
        between = [1] * (theta.ndim - 3)
        theta = theta[..., None, :] + effects.reshape(*effects.shape[:2], *between, *effects.shape[2:])
    return theta


def _effects(draws: Mapping[str, np.ndarray], binding: Binding, factor: str) -> np.ndarray:
    """Deviation of each group of `factor` from the population, shape (chain, draw, group, coordinate)."""
    effects, labels = np.asarray(draws["effects"]), binding.cells.factors[factor]
    out = np.zeros((*effects.shape[:2], len(labels), len(binding.program.coordinates.names)))
    for e, effect in enumerate(binding.effects):
        if effect.grouping == factor and effect.label is None:
            out[..., effect.coordinate] = effects[..., e]
        elif effect.grouping == factor:
            out[:, :, labels.index(str(effect.label)), effect.coordinate] = effects[:, :, 0, e]
    return out


def _spreads(draws: Mapping[str, np.ndarray], binding: Binding, factor: str) -> np.ndarray:
    """Standard deviation of each coordinate between the groups of `factor`; zero where they share it."""
    spreads = np.zeros(np.shape(draws["population_all"]))
    sampled, known = np.asarray(binding.design.effect_spread), np.asarray(binding.design.effect_scale)
    for e, effect in enumerate(binding.effects):
        if effect.grouping == factor:
            spreads[..., effect.coordinate] = draws["spread"][..., sampled[e]] if sampled[e] >= 0 else known[e]
    return spreads


def _correlations(factors: np.ndarray, moved: Sequence[int], size: int) -> np.ndarray:
    """Correlation between the effects on every two coordinates; zero where one of them has none."""
    matrix = np.zeros((*factors.shape[:2], size, size))
    at = np.ix_(range(len(factors)), range(factors.shape[1]), moved, moved)
    matrix[at] = factors @ np.swapaxes(factors, -1, -2)
    matrix[..., range(size), range(size)] = 1.0
    return matrix


def _drifts(draws: Mapping[str, np.ndarray], binding: Binding) -> Variables:
    parts = binding.program.drift
    found: Variables = {f"drift_spread_{part}": ((*SAMPLE, "axis"), draws[f"drift_spread_{part}"]) for part in parts}
    if "common" in parts:
        found["drift_common"] = ((*SAMPLE, "knot"), draws["drift_common"])
    if "own" in parts:
        where = ("cell",) if binding.cells.crossed else tuple(binding.cells.factors)
        own = np.asarray(draws["drift_own"])
        own = own.reshape(*own.shape[:2], -1, own.shape[-1])
        found["drift_own"] = ((*SAMPLE, *where, "knot"), own if where else own[:, :, 0])
    return found


def _coords(binding: Binding, record: Record, sampled: tuple[int, ...]) -> dict[str, Any]:
    coords: dict[str, Any] = {name: np.arange(size) for name, size in zip(SAMPLE, sampled, strict=True)}
    coords |= {"coordinate": list(binding.program.coordinates.names), **record.factors}
    if binding.program.correlated:
        coords |= {"coordinate_other": list(binding.program.coordinates.names)}
    coords |= {record.within: binding.labels} if record.within else {}
    if binding.cells.crossed:
        coords |= {f"cell_{g}": ("cell", binding.cells.table[g].to_numpy()) for g in record.factors}
    if record.axes:
        knots = [(axis.name, knot) for axis in record.axes for knot in axis.knots]
        names, distances = ([knot[k] for knot in knots] for k in (0, 1))
        coords |= {"axis": [axis.name for axis in record.axes]}
        coords |= {"knot_axis": ("knot", names), "knot_distance": ("knot", distances)}
    return coords
