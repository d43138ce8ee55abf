"""`crossover`: whether two choices change places along a scale, and where."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from scaling_bayes.questions.choices import (
    Choices,
    as_columns,
    measure_draws,
    read_average,
    read_choices,
)
from scaling_bayes.questions.forecast import Forecast, describe
from scaling_bayes.questions.inversion import root_in_cell
from scaling_bayes.questions.mixture import mixed
from scaling_bayes.questions.paths import log_nodes
from scaling_bayes.questions.points import QuestionError, check_size, count_draws, read_range, read_single
from scaling_bayes.questions.spending import trace
from scaling_bayes.questions.summaries import EVENT
from scaling_bayes.symbols import SAMPLE, sense_of

LEAST_NODES = 129
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def crossover(
    posterior: xr.DataTree,
    group: str | Sequence[str],
    *,
    between: Sequence[str | Sequence[str]],
    within: tuple[float, float],
    along: str = "C",
    at: Mapping[str, Any] | None = None,
    average: str | Sequence[str] = (),
    tokens_per_parameter: float | None = None,
    seed: int = 0,
) -> xr.Dataset:
    r"""Say whether, where and how often the curves of two choices cross.

    .. math:: \{s \in [s_0, s_1] : \log y_a(s) = \log y_b(s)\}

    is found draw by draw, by the signs of the difference at 129 nodes or more and the root of a cubic between them;
    two crossings between neighbouring nodes are not seen. A draw may have none, and then there is no place to
    average: quantiles are those of the draws with exactly one.

    Parameters
    ----------
    posterior : DataTree
    group : str or sequence of str
        See `compare`.
    between : two labels
        For crossed groups two sequences of one label of each.
    within : (float, float)
        Range of the scale.
    along : str
        The scale.
    at : mapping, optional
        Covariates that stay along the scale, and labels of other groups, which stay dims otherwise. Along C, a point
        (N, D, C) here leads the path through it at constant tokens per parameter.
    average : str or sequence of str
        See `compare`.
    tokens_per_parameter : number, optional
        See `compare`.
    seed : int

    Returns
    -------
    Dataset
        Along (chain, draw, [other groups]) ``crossings``, their number, and ``crossing``, the scale where there is
        exactly one (else NaN). Probabilities ``p_none``, ``p_one`` and ``p_more``, and, where some draws of the law
        are negative in the range, ``p_undefined`` with ``crossings`` of -1; ``crossing_quantile`` (quantile)
        given one; ``p_beyond`` and ``p_before`` (group), that a choice is the better one at the upper and at the lower
        end of the range, and ``p_better`` (group, point) along it, ties counted half.

    Raises
    ------
    QuestionError
        If the range or the path is not determined, or `between` are not two known choices.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law = sb.Law("A*N**-alpha")
    >>> truth = {"A": {"code": 40.0, "web": 160.0}, "alpha": {"code": 0.2, "web": 0.3}}
    >>> design = {"N": [1e5, 1e6, 1e7, 1e8], "corpus": ["code", "web"]}
    >>> sweep = sb.simulate_sweep(law, design, truth=truth, seed=0)
    >>> posterior = sb.baseline(law, sweep, seed=0, bootstrap=20, by="corpus")
    >>> answer = crossover(posterior, "corpus", between=("code", "web"), along="N", within=(1e4, 1e9))
    >>> answer["p_one"].item(), answer["p_beyond"].sel(corpus="web").item()
    (1.0, 1.0)
    """
    where = {"along": along, "at": at, "average": average, "tokens_per_parameter": tokens_per_parameter}
    return _summarise(_draw_crossings(posterior, group, between, read_range(within), seed=seed, **where))


@mixed
def _draw_crossings(
    posterior: xr.DataTree,
    group: str | Sequence[str],
    between: Sequence[str | Sequence[str]],
    within: tuple[float, float],
    *,
    along: str,
    at: Mapping[str, Any] | None,
    average: str | Sequence[str],
    tokens_per_parameter: float | None,
    seed: int,
) -> xr.Dataset:
    """Number and place of the crossings of every draw, and who leads along the scale."""
    record, fitted = read_single(posterior), posterior["constant_data"].to_dataset()
    choices = _read_pair(record, group, between)
    nodes = log_nodes(*within, LEAST_NODES)
    points = trace(along, np.exp(nodes), dict(at or {}), record, fitted, tokens_per_parameter)
    columns = as_columns(points, choices)
    averaged = read_average(record, choices, average, columns)
    draws = count_draws(posterior, record, (*choices.groups, *averaged, *columns))
    check_size(draws * len(nodes), "fix other groups in at=")
    rng = np.random.default_rng(seed)
    measure = partial(_measure, choices=choices, averaged=averaged, nodes=nodes)
    drawn = measure_draws(posterior, record, choices.name_points(columns), rng, measure)
    unit = str(fitted[along].attrs.get("units", "")) if along in fitted else ""
    drawn["crossing"].attrs = {"units": unit, "long_name": f"{along} of the crossing, given one"}
    told = {"group": choices.dim, "along": along, "within": list(within)}
    labelled = drawn.assign_coords(choices.coords()).assign_coords(points.coords)
    return labelled.assign_attrs(describe(posterior, record, along), **told)


def _read_pair(record: Any, group: str | Sequence[str], between: Sequence[str | Sequence[str]]) -> Choices:
    if isinstance(between, str) or len(between) != 2:
        raise QuestionError(f"between= is two labels of {group}, found {between!r}")
    return read_choices(record, group, between)


def _measure(ahead: Forecast, *, choices: Choices, averaged: Sequence[str], nodes: np.ndarray) -> xr.Dataset:
    """Number of crossings of every draw, their place if there is one, and who is better at every node."""
    level = sense_of(ahead.record.response) * choices.log_mean(ahead, averaged)
    gap = level.isel({choices.dim: 0}) - level.isel({choices.dim: 1})
    count, place = find_crossings(nodes, gap.values.reshape(-1, len(nodes)))
    single = gap.isel(point=0)
    found = {"crossings": count, "crossing": place}
    drawn = xr.Dataset({name: single.copy(data=column.reshape(single.shape)) for name, column in found.items()})
    return drawn.assign(lead=((gap < 0) + 0.5 * (gap == 0)).where(gap.notnull()))


def find_crossings(nodes: np.ndarray, gap: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of zeros of each curve, and the scale of the only one.

    Parameters
    ----------
    nodes : array, shape (node,)
        Evenly spaced logarithms of the scale.
    gap : array, shape (curve, node)

    Returns
    -------
    count, place : array, shape (curve,)
        The place is NaN where there is no crossing, or more than one; the count is -1 where part of the curve is NaN.

    Examples
    --------
    >>> nodes = np.linspace(0.0, np.log(100.0), 9)
    >>> count, place = find_crossings(nodes, np.stack([nodes - np.log(10.0), nodes + 1.0]))
    >>> count.tolist(), place.round(6).tolist()
    ([1, 0], [10.0, nan])
    """
    above = gap > 0
    turns = above[:, 1:] != above[:, :-1]
    count = np.where(np.isnan(gap).any(axis=1), -1, turns.sum(axis=1))
    one = np.flatnonzero(count == 1)
    place = np.full(len(gap), np.nan)
    place[one] = np.exp(root_in_cell(nodes, gap[one], turns[one].argmax(axis=1)))
    return count, place


def _summarise(drawn: xr.Dataset) -> xr.Dataset:
    """Probabilities and quantiles of what was found draw by draw."""
    dim = str(drawn.attrs["group"])
    count, first = drawn["crossings"], drawn["lead"].mean(SAMPLE)
    better = xr.concat([first, 1 - first], drawn[dim]).transpose(..., dim, "point")
    better.attrs["long_name"] = "P(better)"
    events = {"p_none": count == 0, "p_one": count == 1, "p_more": count > 1}
    events |= {"p_undefined": count < 0} if (count < 0).any() else {}
    shares = {name: event.mean(SAMPLE) for name, event in events.items()}
    shares |= {"p_before": better.isel(point=0, drop=True), "p_beyond": better.isel(point=-1, drop=True)}
    levels = np.array(QUANTILES)
    one = drawn["crossing"].stack(sample=SAMPLE).transpose("sample", ...)
    quantile = np.full((len(levels), *one.shape[1:]), np.nan)
    for where in np.ndindex(one.shape[1:]):
        known = one.values[(slice(None), *where)]
        known = known[np.isfinite(known)]
        quantile[(slice(None), *where)] = np.quantile(known, levels) if known.size else np.nan
    found: dict[str, Any] = {name: share.assign_attrs(EVENT) for name, share in shares.items()}
    found |= {"crossing_quantile": (("quantile", *one.dims[1:]), quantile, one.attrs), "p_better": better}
    return drawn.drop_vars("lead").assign(found).assign_coords(quantile=levels)
