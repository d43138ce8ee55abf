"""Groups and combinations of groups that were never fitted, drawn from the population."""

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.laws.record import Record
from scaling_bayes.questions.points import QuestionError


def complete_groups(draws: xr.Dataset, record: Record, points: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """Draws for every combination of the fitted groups and of the new labels that `points` name.

    Parameters
    ----------
    draws : Dataset
        Group ``posterior``.
    record : Record
    points : Dataset
        From `as_points`.
    rng : numpy Generator
        For effects of groups never seen, and drifts of combinations never seen.

    Returns
    -------
    Dataset
        Law parameters, own drift, noise and whatever else `draws` has, with each grouping's dim extended.

    Raises
    ------
    QuestionError
        If a label was never fitted and the law has no population over its grouping.
    """
    draws = _cube_of_drifts(draws, record, rng)
    for factor in record.factors:
        new = sorted(set(points[factor].values.tolist()) - set(record.factors[factor])) if factor in points.coords else []
        if new:
            draws = _extend(draws, record, factor, new, rng)
    return draws


def _cube_of_drifts(draws: xr.Dataset, record: Record, rng: np.random.Generator) -> xr.Dataset:
    """Own drift by groupings instead of by cell; cells that did not occur have the prior's."""
    if "drift_own" not in draws or "cell" not in draws["drift_own"].dims:
        return draws
    names = [f"cell_{g}" for g in record.factors]
    index = pd.MultiIndex.from_arrays([draws[n].values for n in names], names=list(record.factors))
    cells = xr.Coordinates.from_pandas_multiindex(index, "cell")
    own = draws["drift_own"].drop_vars(names).assign_coords(cells).unstack("cell")
    own = own.reindex({g: labels for g, labels in record.factors.items()})
    fresh = _fresh_drift(draws, {str(d): n for d, n in own.sizes.items()}, rng)
    return draws.drop_vars(["drift_own", *names]).assign(drift_own=own.fillna(fresh))


def _fresh_drift(draws: xr.Dataset, shape: dict[str, int], rng: np.random.Generator) -> xr.DataArray:
    """Weights of the drift's knots from their prior, given its spread."""
    spread = draws["drift_spread_own"].sel(axis=draws["knot_axis"]).drop_vars("axis")
    return spread * xr.DataArray(rng.standard_normal(tuple(shape.values())), dims=tuple(shape))


def _extend(draws: xr.Dataset, record: Record, factor: str, new: list[str], rng: np.random.Generator) -> xr.Dataset:
    """Append the labels `new` to `factor`, with effects drawn from their population."""
    apart = [p for p, pool in record.pooling.items() if pool["kind"] == "Separate" and factor in pool["groups"]]
    if apart or f"spread_{factor}" not in draws:
        raise QuestionError(
            f"{factor} {new} was not fitted, and {', '.join(apart) or 'the law'} is not pooled over {factor}, so there is no "
            f"population to draw it from; the fitted labels are {', '.join(record.factors[factor])}"
        )
    spread = draws[f"spread_{factor}"]
    shape = {"chain": spread.sizes["chain"], "draw": spread.sizes["draw"], factor: len(new)}
    names = {**shape, "coordinate": spread.sizes["coordinate"]}
    fresh = xr.DataArray(rng.standard_normal(tuple(names.values())), dims=tuple(names), coords={factor: new})
    effects = xr.concat([draws[f"effect_{factor}"], spread * fresh], dim=factor, join="outer")
    theta = draws["population"] + effects
    for other in record.factors:
        theta = theta + draws[f"effect_{other}"] if other != factor else theta
    parameters = record.parameters(theta.transpose("chain", "draw", *record.factors, "coordinate").values)
    replaced = {name: (("chain", "draw", *groups), value) for name, (groups, value) in parameters.items()}
    if "drift_own" in draws:
        own = draws["drift_own"]
        more = _fresh_drift(draws, {str(d): len(new) if d == factor else n for d, n in own.sizes.items()}, rng)
        replaced["drift_own"] = xr.concat([own, more.assign_coords({factor: new})], dim=factor, join="outer")
    rest = draws.drop_vars([*replaced, f"effect_{factor}", factor])
    return rest.assign_coords({factor: effects[factor]}).assign(replaced | {f"effect_{factor}": effects})
