r"""`Isoflops`: every split of some budgets from prepared curves, and the best one of each draw; `allocate`, fast.

.. math:: N_{opt}(c) = \arg\min_N y(N, D), \qquad c(N, D) = c

is the lowest of evenly spaced log sizes, moved to the lowest point of the parabola through it and its neighbours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from scaling_bayes.laws.costs import Cost
from scaling_bayes.laws.optima import search_range
from scaling_bayes.questions.curves import Array, Columns, Curves
from scaling_bayes.questions.inversion import root_in_cell
from scaling_bayes.questions.summaries import EVENT
from scaling_bayes.questions.surface import Surface
from scaling_bayes.symbols import sense_of

SIZES = 65
MARGIN = 1e-3
"""Share by which curves are prepared beyond the splits that are looked at."""


@dataclass(frozen=True)
class Isoflops:
    """Splits of budgets.

    Attributes
    ----------
    N, D : array, shape (budget, size)
        Evenly spaced log sizes, and the data that a budget leaves for each.
    columns : mapping
        covariate -> number, or array of shape (budget * size,).
    log_mean : array, shape (budget * size, group, draw)
        Before a counted response bends to that of guessing.
    N_opt, D_opt, N_low, N_high : array, shape (budget, group, draw)
        The best split, and the sizes between which the response is within eps of the lowest.
    response : array, shape (budget, group, draw)
        Of the best split, in the units of the sweep.
    at_edge : array of bool, shape (budget, group, draw)
        Whether the best lies at an end of the sizes.
    """

    N: Array
    D: Array
    columns: Columns
    log_mean: Array
    N_opt: Array
    D_opt: Array
    N_low: Array
    N_high: Array
    response: Array
    at_edge: Array

    @property
    def tokens_per_parameter(self) -> Array:
        """Of the best split, shape (budget, group, draw)."""
        return np.asarray(self.D_opt / self.N_opt)


def split_budgets(
    curves: Curves,
    surface: Surface,
    budget: Array,
    cost: Cost,
    ratios: tuple[float, float],
    *,
    eps: float,
    sizes: int = SIZES,
) -> Isoflops:
    """Trace the splits of budgets, and find the best.

    Parameters
    ----------
    curves : Curves
        Prepared for all of these splits.
    surface : Surface
        Of the same posterior: says which covariates follow from a split.
    budget : array, shape (budget,)
    cost : Cost
    ratios : (float, float)
        Lowest and highest tokens per parameter.
    eps : float
        Of the region, as a share of the lowest response.
    sizes : int
        How many are looked at.

    Returns
    -------
    Isoflops
    """
    low, high = search_range(cost, budget, ratios)
    x = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, sizes)
    N = np.exp(x)
    D = cost.afford(N, budget[:, None])
    columns = {name: np.broadcast_to(c, N.shape).ravel() for name, c in surface.split(N, D).items()}
    log_mean = curves.log_response(columns)
    shaped = {name: np.reshape(column, (-1, 1, 1)) for name, column in columns.items()}
    level = sense_of(curves.record.response) * curves.record.bend(log_mean, shaped)
    each = [find_lowest(part.reshape(sizes, -1), np.log1p(eps)) for part in level.reshape(len(budget), sizes, -1)]
    places = [np.stack([one[k] for one in each]).reshape(len(budget), *level.shape[1:]) for k in range(5)]
    start, step = low[:, None, None], ((high - low) / (sizes - 1))[:, None, None]
    best, left, right = (np.exp(start + step * place) for place in places[:3])
    data = cost.afford(best, budget[:, None, None])
    lowest = np.exp(sense_of(curves.record.response) * places[3])
    return Isoflops(N, D, columns, log_mean, best, data, left, right, lowest, places[4].astype(bool))


def to_answers(
    found: Isoflops, curves: Curves, surface: Surface, budget: Array, groups: Sequence[str], attrs: Mapping[str, Any]
) -> tuple[xr.Dataset, xr.Dataset]:
    """Splits as the answers of `trace_isoflops` and `allocate`, all draws in one chain.

    Parameters
    ----------
    found : Isoflops
    curves : Curves
        That it was found with.
    surface : Surface
    budget : array, shape (budget,)
    groups : sequence of str
        Name of each cell.
    attrs : mapping
        Of the answers: ``cost``, ``eps`` and what describes the posterior.

    Returns
    -------
    curves, best : Dataset
        Dims (chain, draw, group, budget, size) and (chain, draw, group, budget).
    """
    shape, name, units = found.N.shape, curves.record.response, surface.units
    response = curves.respond(np.moveaxis(found.log_mean, -1, 0), found.columns)
    response = response.reshape(len(response), *shape, -1).transpose(0, 3, 1, 2)[None]
    told = {"units": curves.record.unit, "long_name": name}
    coords = {"group": list(groups), "budget": ("budget", budget, {"units": "FLOP"})}
    own = {n: (("budget", "size"), getattr(found, n), {"units": units[n]}) for n in ("N", "D")}
    traced = xr.Dataset({name: (("chain", "draw", "group", "budget", "size"), response, told)}, {**coords, **own})
    words = {"N_opt": "best network parameters", "D_opt": f"best training {units['D']}"}
    words |= {"tokens_per_parameter": "best tokens per parameter", "N_low": "lowest size", "N_high": "highest size"}
    kinds = {"N_opt": units["N"], "D_opt": units["D"], "N_low": units["N"], "N_high": units["N"]}
    drawn = {n: (getattr(found, n), {"units": kinds.get(n, "1"), "long_name": text}) for n, text in words.items()}
    drawn |= {name: (found.response, told), "at_edge": (1.0 * found.at_edge, EVENT)}
    drawn["extrapolation"] = (surface.extrapolation(surface.split(found.N_opt, found.D_opt)), {})
    dims = ("chain", "draw", "group", "budget")
    best = xr.Dataset({n: (dims, values.transpose(2, 1, 0)[None], each) for n, (values, each) in drawn.items()}, coords)
    return traced.assign_attrs(attrs), best.assign_attrs(attrs)


def lay_corners(surface: Surface, cost: Cost, budget: float, ratios: tuple[float, float]) -> list[dict[str, float]]:
    """The splits with the fewest and the most tokens per parameter that a budget buys, for `prepare_curves`."""
    wider = (ratios[0] * (1 - MARGIN), ratios[1] * (1 + MARGIN))
    N = np.exp(search_range(cost, np.array([budget]), wider)).ravel()
    return [
        {name: float(value) for name, value in surface.split(n, cost.afford(n, budget)).items()} for n in N.tolist()
    ]


def find_lowest(curve: Array, excess: float) -> tuple[Array, Array, Array, Array, Array]:
    """Where curves are lowest, and between which places they stay within an excess of it, in nodes.

    Parameters
    ----------
    curve : array, shape (node, curve)
    excess : float

    Returns
    -------
    best, left, right, value, at_edge : array, shape (curve,)

    Examples
    --------
    >>> x = np.arange(9.0)[:, None]
    >>> [(1.0 * found).round(3).tolist() for found in find_lowest((x - np.array([3.3, -1.0])) ** 2, 4.0)]
    [[3.3, 0.0], [1.3, 0.0], [5.3, 1.236], [0.0, 1.0], [0.0, 1.0]]
    """
    last, rows = len(curve) - 1, np.arange(curve.shape[1])
    k = curve.argmin(axis=0)
    at_edge = (k == 0) | (k == last)
    inner = np.clip(k, 1, last - 1)
    before, here, after = (curve[inner + step, rows].astype(float) for step in (-1, 0, 1))
    bend = before - 2 * here + after
    shift = np.divide(before - after, 2 * bend, out=np.zeros_like(bend), where=~at_edge & (bend > 0))
    best = np.where(at_edge, k, inner + shift)
    value = np.where(at_edge, curve[k, rows], here - (before - after) * shift / 4)
    above = curve - (value + excess)
    ends = (_reach(above, best), last - _reach(above[::-1], last - best))
    return best, *ends, value, at_edge


def _reach(above: Array, best: Array) -> Array:
    """First place at which curves are below zero, between their nodes; the best one where no node is."""
    first = (above <= 0).argmax(axis=0)
    some = above[first, np.arange(len(first))] <= 0
    place = np.where(some, first.astype(float), best)
    inside = np.flatnonzero(some & (first > 0))
    nodes = np.arange(len(above), dtype=float)
    place[inside] = root_in_cell(nodes, above.T[inside].astype(float), first[inside] - 1)
    return np.asarray(place)
