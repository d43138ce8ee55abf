r"""`compare`: which choice is better at a scale, how surely, and what a wrong one costs.

All is computed draw by draw, from one draw of the parameters and of the drift for all choices.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from xarray import ufuncs

from scaling_bayes.laws.record import Record
from scaling_bayes.questions.choices import (
    Choices,
    as_columns,
    measure_draws,
    read_average,
    read_choices,
)
from scaling_bayes.questions.doubts import doubted
from scaling_bayes.questions.forecast import Forecast, describe
from scaling_bayes.questions.mixture import mixed
from scaling_bayes.questions.paths import Columns, Paths, choose_scale, lay_paths
from scaling_bayes.questions.points import check_size, count_draws, read_single
from scaling_bayes.questions.spending import place_points
from scaling_bayes.symbols import SAMPLE, sense_of


@doubted
@mixed
def compare(
    posterior: xr.DataTree,
    group: str | Sequence[str],
    *,
    at: Mapping[str, Any] | pd.DataFrame | xr.Dataset,
    among: Sequence[str | Sequence[str]] | None = None,
    baseline: str | Sequence[str] | None = None,
    average: str | Sequence[str] = (),
    tokens_per_parameter: Any = None,
    along: str | None = "auto",
    seed: int = 0,
) -> xr.Dataset:
    r"""Compare the labels of a group at a scale or along a range.

    With :math:`y_a(x)` the response of choice a in one draw, and where less is better,

    .. math::
        d_{ab} = y_a - y_b, \qquad P(a \text{ better than } b) = P(y_a < y_b) + \tfrac12 P(y_a = y_b), \qquad
        r_a = y_a - \min_b y_b, \qquad k_a = \min\{k \ge 1 : y_a(k x) \le \min_b y_b(x)\}

    with k along C (tokens per parameter kept), N or D. Of accuracies more is better and the signs turn.

    Parameters
    ----------
    posterior : DataTree
        From `fit`, `baseline`, `stack` or `open_posterior`.
    group : str or sequence of str
        What is compared: corpus, architecture, task ...; several are crossed, and their combinations compared.
    at : mapping, DataFrame or Dataset
        Where, as in `predict`, without the compared groups. Other groups are fixed by a label here, or stay dims.
    among : sequence, optional
        Labels to compare (for crossed groups one of each), which need not have been fitted; all by default.
    baseline : str or sequence of str, optional
        Choice that the others are held against in ``difference`` and ``ratio``; by default every other one.
    average : str or sequence of str
        Groups over which the response is averaged, label by label alike.
    tokens_per_parameter : number or array, optional
        For a law in N and D where `at` gives one of C, N and D: how compute is spent, with C = 6 N D.
    along : str or None
        What k multiplies; ``auto`` is C where its path is known, else N or D. Points that lie on many different paths
        take time; None leaves k out.
    seed : int
        For drift beyond the data, groups never seen, and the noise of new runs.

    Returns
    -------
    Dataset
        Along (chain, draw, [other groups], group, point) the response, ``regret`` r in its unit, and ``regret_factor``
        k, infinite where more than 10,000 is needed. Along the group and ``<group>_other`` too ``difference`` and
        ``ratio``. Without chain and draw the probabilities ``p_better`` (pairs), ``p_best``, both with
        ``_new_run`` for one new run of each, ``p_unattained``; where the law is negative in some draws, which then say
        nothing and are left out, also their share ``p_undefined``. Crossed groups have the dim ``choice``.
        Coordinate ``extrapolation`` is the ratio to the largest fitted scale.

    Raises
    ------
    QuestionError
        If the law does not vary over the group, `at` is incomplete, or the answer would exceed 1 GB.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, truth = sb.Law("E + A*N**-alpha"), {"E": 1.8, "A": {"code": 300.0, "web": 400.0}, "alpha": 0.35}
    >>> design = {"N": [1e7, 3e7, 1e8, 3e8, 1e9], "corpus": ["code", "web"]}
    >>> sweep = sb.simulate_sweep(law, design, truth=truth, seed=0)
    >>> answer = compare(sb.baseline(law, sweep, seed=0, bootstrap=20, by="corpus"), "corpus", at={"N": 1e8})
    >>> answer["p_better"].sel(corpus="code", corpus_other="web").values.tolist()
    [1.0]
    """
    record, fitted = read_single(posterior), posterior["constant_data"].to_dataset()
    choices = read_choices(record, group, among)
    points = place_points(at, record, fitted, tokens_per_parameter)
    columns = as_columns(points, choices)
    versus = list(range(len(choices.names))) if baseline is None else [choices.find(baseline)]
    averaged = read_average(record, choices, average, columns)
    _check_pairs(posterior, record, choices, columns, averaged, len(versus))
    scale = choose_scale(columns) if along == "auto" else along
    paths = lay_paths(columns, scale)
    rng = np.random.default_rng(seed)
    measure = partial(_measure, choices=choices, paths=paths, averaged=averaged, rng=rng)
    drawn = measure_draws(posterior, record, choices.name_points(paths.columns), rng, measure)
    answer = _contrast(drawn, choices, versus, record)
    answer = _label(answer, points, choices, versus, record, scale)
    return answer.assign_attrs(describe(posterior, record, scale or ""))


def _measure(
    ahead: Forecast, *, choices: Choices, paths: Paths, averaged: Sequence[str], rng: np.random.Generator
) -> xr.Dataset:
    """Response of every choice at every point, of a new run too, and the factor to the best one."""
    every = choices.log_mean(ahead, averaged)
    rows = choices.first_rows(ahead.log_mean.sizes["point"], paths.size)
    own = ahead.take(rows)
    run = ufuncs.exp(choices.split(own.log_mean + own.draw_noise(rng))).mean(averaged, skipna=False)
    found = xr.Dataset({"response": ufuncs.exp(every.isel(point=slice(paths.size))), "new_run": run})
    if paths.along is None:
        return found
    sign = sense_of(ahead.record.response)
    axis = every.dims.index(choices.dim)
    level = sign * every.values
    best = level[..., : paths.size].min(axis=axis, keepdims=True)
    factor = paths.reach(level, np.broadcast_to(best, (*level.shape[:-1], paths.size)), onwards=True)
    leads = level[..., : paths.size] == best
    return found.assign(regret_factor=found["response"].copy(data=np.where(leads, 1.0, np.maximum(factor, 1.0))))


def _contrast(drawn: xr.Dataset, choices: Choices, versus: list[int], record: Record) -> xr.Dataset:
    """Differences, probabilities and regrets from draws of the response."""
    dim, other, sign = choices.dim, f"{choices.dim}_other", sense_of(record.response)
    response = drawn["response"]
    baselines = response.isel({dim: versus}).rename({dim: other})
    if len(versus) == 1:
        baselines = baselines.isel({other: 0})
    found = {record.response: response, "difference": response - baselines, "ratio": response / baselines}
    if (undefined := response.isnull()).any():
        found["p_undefined"] = undefined.mean(SAMPLE)
    found["regret"] = sign * response - (sign * response).min(dim)
    for kind, values in (("", response), ("_new_run", drawn["new_run"])):
        found[f"p_better{kind}"] = _share_better(sign * values, dim, other)
        found[f"p_best{kind}"] = _share_best(sign * values, dim)
    if "regret_factor" in drawn:
        factor = drawn["regret_factor"]
        never = xr.apply_ufunc(np.isinf, factor).where(factor.notnull())
        found |= {"regret_factor": factor, "p_unattained": never.mean(SAMPLE)}
    order = ("chain", "draw", *(g for g in record.factors if g != dim), choices.dim, other, "point")
    return xr.Dataset(found).transpose(*dict.fromkeys(order), missing_dims="ignore")


def _share_better(level: xr.DataArray, dim: str, other: str) -> xr.DataArray:
    """Share of draws in which a choice is lower than another one, ties counted half, of those that know both."""
    own = level.transpose("chain", "draw", dim, ...)
    rest = own.dims[3:]
    values = own.values.reshape(-1, *own.shape[2:])
    share = [_share_lower(values, baseline) for baseline in _each(values)]
    coords = {d: level[d] for d in rest if d in level.coords}
    return xr.DataArray(np.stack(share, axis=1), dims=(dim, other, *rest), coords=coords)


def _share_lower(values: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Share of draws, axis 0, below those of a baseline; NaN where no draw knows both."""
    known = (~np.isnan(values) & ~np.isnan(baseline)).sum(axis=0)
    lower = ((values < baseline).sum(axis=0) + (values <= baseline).sum(axis=0)) / 2
    return np.divide(lower, known, out=np.full(lower.shape, np.nan), where=known > 0)


def _each(values: np.ndarray) -> Iterator[np.ndarray]:
    """The values of each choice, axis 1, kept as an axis."""
    return (values[:, k : k + 1] for k in range(values.shape[1]))


def _share_best(level: xr.DataArray, dim: str) -> xr.DataArray:
    """Share of draws in which a choice is the lowest, ties shared, of those that know all."""
    leads = level == level.min(dim)
    return (leads / leads.sum(dim)).where(level.notnull().all(dim)).mean(SAMPLE)


def _label(
    answer: xr.Dataset, points: xr.Dataset, choices: Choices, versus: list[int], record: Record, along: str | None
) -> xr.Dataset:
    """Coordinates, names and units of an answer."""
    dim, (place,) = choices.dim, points["extrapolation"].dims
    answer = answer.assign_coords({**choices.coords(), f"{dim}_other": choices.names})
    answer = answer.rename({"point": place}).assign_coords(points.coords)
    for name in (record.response, "difference", "regret"):
        answer[name].attrs["units"] = record.unit
    for name, words in _WORDS.items():
        if name in answer:
            answer[name].attrs["long_name"] = words.format(response=record.response, along=along)
    told = {"baseline": choices.names[versus[0]]} if len(versus) == 1 else {}
    return answer.assign_attrs(group=dim, along=along or "", better=_BETTER[sense_of(record.response)], **told)


_BETTER = {1.0: "lower", -1.0: "higher"}

_WORDS = {
    "difference": "difference in {response}",
    "ratio": "ratio of {response}",
    "regret": "regret in {response}",
    "regret_factor": "{along} needed to reach the best, relative",
    "p_better": "P(better)",
    "p_better_new_run": "P(better), one new run of each",
    "p_best": "P(best)",
    "p_best_new_run": "P(best), one new run of each",
    "p_unattained": "P(best not reached)",
}


def _check_pairs(
    posterior: xr.DataTree, record: Record, choices: Choices, columns: Columns, averaged: Sequence[str], pairs: int
) -> None:
    """Refuse an answer that would be too large, before it is computed."""
    draws = count_draws(posterior, record, (*choices.groups, *averaged, *columns))
    points = len(next(iter(columns.values())))
    advice = "compare with one of them, baseline=..., ask at fewer points, or fix other groups in at="
    check_size(draws * points * len(choices.names) * (2 * pairs + 3), advice)
