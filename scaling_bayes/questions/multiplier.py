"""`multiplier`: how much more compute, data or size a baseline needs to do as well as another choice."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.questions.choices import (
    Choices,
    as_columns,
    measure_draws,
    read_average,
    read_choices,
)
from scaling_bayes.questions.forecast import Forecast, describe
from scaling_bayes.questions.mixture import mixed
from scaling_bayes.questions.paths import REACH, Paths, lay_paths
from scaling_bayes.questions.points import check_size, count_draws, read_single
from scaling_bayes.questions.spending import place_points
from scaling_bayes.questions.summaries import EVENT
from scaling_bayes.symbols import SAMPLE, sense_of


@mixed
def multiplier(
    posterior: xr.DataTree,
    group: str | Sequence[str],
    *,
    baseline: str | Sequence[str],
    at: Mapping[str, Any] | pd.DataFrame | xr.Dataset,
    along: str = "C",
    among: Sequence[str | Sequence[str]] | None = None,
    average: str | Sequence[str] = (),
    tokens_per_parameter: Any = None,
    seed: int = 0,
) -> xr.Dataset:
    r"""How many times the scale of a choice the baseline needs to do as well.

    .. math:: m_a(s) = \min \{m : y_0(m s) \le y_a(s)\}

    with :math:`y_0` the baseline, in one draw, and :math:`\ge` for accuracies; above one the choice is worth more
    than its scale. Along C tokens per parameter are kept, along N the data, along D the size.

    Parameters
    ----------
    posterior : DataTree
    group : str or sequence of str
        See `compare`.
    baseline : str or sequence of str
        The choice that the others are measured by.
    at : mapping, DataFrame or Dataset
        See `compare`; several values give a curve.
    along : {"C", "N", "D"}
        The multiplier of compute, size or data.
    among, average, tokens_per_parameter, seed
        See `compare`.

    Returns
    -------
    Dataset
        ``multiplier`` (chain, draw, [other groups], group, point), a ratio: infinite where 10,000 times the largest
        scale of the path is not enough, zero where 1 / 10,000 of the smallest already is. Without draws
        ``p_unattained`` and ``p_below``, the shares of both, and ``p_more``, the share above one, of the draws in
        which the law is positive; ``p_undefined`` is the share of the others, if there are any.

    Raises
    ------
    QuestionError
        See `compare`.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, truth = sb.Law("A*N**-alpha"), {"A": {"code": 40.0, "web": 80.0}, "alpha": 0.25}
    >>> design = {"N": [1e5, 1e6, 1e7, 1e8], "corpus": ["code", "web"]}
    >>> sweep = sb.simulate_sweep(law, design, truth=truth, seed=0, noise=1e-6)
    >>> posterior = sb.baseline(law, sweep, seed=0, bootstrap=20, by="corpus")
    >>> answer = multiplier(posterior, "corpus", baseline="web", at={"N": 1e8}, along="N")
    >>> answer["multiplier"].median().round(2).item()
    16.0
    """
    record, fitted = read_single(posterior), posterior["constant_data"].to_dataset()
    choices = read_choices(record, group, among)
    base = choices.find(baseline)
    points = place_points(at, record, fitted, tokens_per_parameter)
    columns = as_columns(points, choices)
    averaged = read_average(record, choices, average, columns)
    draws = count_draws(posterior, record, (*choices.groups, *averaged, *columns))
    check_size(
        draws * len(points["extrapolation"]) * len(choices.names), "ask at fewer points, or of fewer with among="
    )
    paths = lay_paths(columns, along, below=1 / REACH)
    rng = np.random.default_rng(seed)
    measure = partial(_measure, choices=choices, base=base, paths=paths, averaged=averaged)
    drawn = measure_draws(posterior, record, choices.name_points(paths.columns), rng, measure)
    (place,) = points["extrapolation"].dims
    others = drawn.assign_coords(choices.coords()).drop_isel({choices.dim: base})
    answer = _add_shares(others).rename(point=place).assign_coords(points.coords)
    told = {"group": choices.dim, "along": along, "baseline": choices.names[base]}
    return answer.assign_attrs(describe(posterior, record, along), **told)


def _measure(ahead: Forecast, *, choices: Choices, base: int, paths: Paths, averaged: Sequence[str]) -> xr.Dataset:
    """Multiple of each point's scale at which the baseline does as well as each choice there."""
    level = sense_of(ahead.record.response) * choices.log_mean(ahead, averaged)
    curve = level.isel({choices.dim: [base]}).values
    here = level.isel(point=slice(paths.size))
    return here.copy(data=paths.reach(curve, here.values)).to_dataset(name="multiplier")


def _add_shares(drawn: xr.Dataset) -> xr.Dataset:
    found = drawn["multiplier"]
    shares = {"p_unattained": found == np.inf, "p_below": found == 0, "p_more": found > 1}
    known = found.notnull()
    told = {name: share.where(known).mean(SAMPLE) for name, share in shares.items()}
    told |= {} if known.all() else {"p_undefined": (~known).mean(SAMPLE)}
    return drawn.assign({name: share.assign_attrs(EVENT) for name, share in told.items()})
