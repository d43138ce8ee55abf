"""Every figure that a posterior supports."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

import scaling_bayes as sb
from scaling_bayes.laws.record import Record
from scaling_bayes.questions.points import read_record

BEYOND = 10.0
"""Multiple of the largest fitted scale to which figures reach."""

MARGIN = 1.5
"""And multiple of the largest held-out one."""

PLACES = 13
"""Scales of a figure along the scale."""

MOST_PANELS = 12
"""Groups of which a page shows the prediction of each."""

JOINED = "group"
"""Dim of all combinations of several groups."""

Maker = Callable[[xr.DataTree, xr.Dataset, xr.Dataset | None], Any]


class Unsupported(Exception):
    """A figure that this posterior cannot have, and why."""


def draw_figures(posterior: xr.DataTree, held_out: xr.Dataset | None = None) -> tuple[dict[str, Any], dict[str, str]]:
    """Draw every figure that a posterior supports.

    Parameters
    ----------
    posterior : DataTree
        From `fit` or `baseline`.
    held_out : Dataset, optional
        Runs that it did not see.

    Returns
    -------
    figures : dict of str to Figure
        By name, closed.
    absent : dict of str to str
        The others, and why.

    Examples
    --------
    >>> law, truth = sb.Law("A*N**-alpha"), {"A": 40.0, "alpha": 0.25}
    >>> sweep = sb.simulate_sweep(law, {"N": [1e6, 1e7, 1e8]}, truth=truth, seed=0)
    >>> figures, absent = draw_figures(sb.baseline(law, sweep, seed=0, bootstrap=20))
    >>> list(figures), absent["extrapolation"]
    (['sweep', 'prediction', 'check', 'parameters'], 'no held-out runs were given')
    """
    from scaling_bayes.inference.posterior import recover_sweep  # here, because it loads JAX, which no help needs

    figures: dict[str, Any] = {}
    absent: dict[str, str] = {}
    sweep = recover_sweep(posterior)
    for name, make in _makers(read_record(posterior)).items():
        try:
            figures[name] = make(posterior, sweep, held_out)
        except (Unsupported, sb.QuestionError, sb.figures.FigureError) as reason:
            absent[name] = str(reason)
    return figures, absent


def caption(name: str) -> str:
    """What a figure shows, in a sentence.

    Examples
    --------
    >>> caption("sweep")
    'The fitted runs; those held out are open.'
    """
    return CAPTIONS[name.partition("-")[0]]


def _makers(record: Record) -> dict[str, Maker]:
    """Figures by name; a comparison for each group."""
    return MAKERS | {f"comparison-{group}": _compare(group) for group in record.factors}


def _plot_sweep(posterior: xr.DataTree, sweep: xr.Dataset, held_out: xr.Dataset | None) -> Any:
    if held_out is None:
        return sb.figures.plot_sweep(sweep)
    whole = xr.concat([sweep, held_out], "run", data_vars="minimal", coords="minimal", compat="override", join="outer")
    return sb.figures.plot_sweep(whole.assign_attrs(sweep.attrs), held_out=held_out)


def _plot_check(posterior: xr.DataTree, sweep: xr.Dataset, held_out: xr.Dataset | None) -> Any:
    return sb.figures.plot_check(sb.check(posterior))


def _plot_extrapolation(posterior: xr.DataTree, sweep: xr.Dataset, held_out: xr.Dataset | None) -> Any:
    if held_out is None:
        raise Unsupported("no held-out runs were given")
    return sb.figures.plot_extrapolation(sb.score(posterior, held_out), sweep)


def _plot_prediction(posterior: xr.DataTree, sweep: xr.Dataset, held_out: xr.Dataset | None) -> Any:
    record = read_record(posterior)
    factors = list(record.factors)
    curve = _join(sb.predict(posterior, _path(record, sweep, held_out)), factors)
    scored = None if held_out is None else _join(sb.score(posterior, held_out), factors)
    if (panels := curve.sizes.get(JOINED, 1)) > MOST_PANELS:
        raise Unsupported(f"{panels} groups would need a panel each, and a page holds {MOST_PANELS}")
    return sb.figures.plot_prediction(curve, fit_part=_join(sweep, factors), scored=scored)


def _join(data: xr.Dataset, factors: Sequence[str]) -> xr.Dataset:
    """Every combination of the labels of several groups as the labels of one, on curves and on runs alike."""
    if len(factors) < 2:
        return data
    if "run" not in data.dims:
        data = data.stack({JOINED: factors}, create_index=False)
    labels = [", ".join(each) for each in zip(*(data[factor].values.astype(str) for factor in factors), strict=True)]
    return data.assign_coords({JOINED: (data[factors[0]].dims, labels)})


def _plot_ranks(posterior: xr.DataTree, sweep: xr.Dataset, held_out: xr.Dataset | None) -> Any:
    return sb.figures.plot_ranks(sb.parameters(posterior))


def _plot_parameters(posterior: xr.DataTree, sweep: xr.Dataset, held_out: xr.Dataset | None) -> Any:
    return sb.figures.plot_parameters(sb.parameters(posterior))


def _plot_allocation(posterior: xr.DataTree, sweep: xr.Dataset, held_out: xr.Dataset | None) -> Any:
    return sb.figures.plot_allocation(sb.allocate(posterior, _budgets(sweep)))


def _plot_isoflops(posterior: xr.DataTree, sweep: xr.Dataset, held_out: xr.Dataset | None) -> Any:
    budgets = _budgets(sweep)[:: PLACES // 3]
    answer = sb.allocate(posterior, budgets)
    return sb.figures.plot_isoflops(sb.trace_isoflops(posterior, budgets), answer, sweep=sweep)


def _compare(group: str) -> Maker:
    def plot(posterior: xr.DataTree, sweep: xr.Dataset, held_out: xr.Dataset | None) -> Any:
        at = _path(read_record(posterior), sweep)
        return sb.figures.plot_comparison(sb.compare(posterior, group, at=at))

    return plot


def _budgets(sweep: xr.Dataset) -> np.ndarray:
    if not {"N", "D"} <= {str(name) for name in sweep.coords}:
        raise Unsupported("it needs runs with N and D")
    spent = sb.costs.six_nd.spend(sweep["N"].values, sweep["D"].values)
    return np.geomspace(spent.min(), BEYOND * spent.max(), PLACES)


def _path(record: Record, sweep: xr.Dataset, held_out: xr.Dataset | None = None) -> Mapping[str, np.ndarray]:
    """Points along the scale from the smallest to beyond the largest run, at the runs' typical tokens per parameter."""
    strangers = set(record.law.covariates) - {"N", "D", "C"}
    if strangers or record.counted:
        raise Unsupported(f"no path along the scale is known for {', '.join(sorted(strangers)) or 'counted responses'}")
    names = [name for name in ("N", "D", "C") if name in sweep.coords]
    logs = {name: np.log(sweep[name].values) for name in names}
    power = {"N": 0.5, "D": 0.5, "C": 1.0} if {"N", "D"} <= set(names) else dict.fromkeys(names, 1.0)
    along = "C" if "C" in names else record.scale_axis()
    end = logs[along].max() + np.log(BEYOND)
    if held_out is not None:
        end = max(end, np.log(MARGIN * held_out[along].values.max()))
    steps = np.linspace(logs[along].min(), end, PLACES) - logs[along].mean()
    return {name: np.exp(logs[name].mean() + power[name] * steps) for name in names}


MAKERS: dict[str, Maker] = {
    "sweep": _plot_sweep,
    "prediction": _plot_prediction,
    "extrapolation": _plot_extrapolation,
    "check": _plot_check,
    "parameters": _plot_parameters,
    "allocation": _plot_allocation,
    "isoflops": _plot_isoflops,
    "ranks": _plot_ranks,
}
CAPTIONS = {
    "sweep": "The fitted runs; those held out are open.",
    "prediction": "The response beyond the runs with its 50, 80 and 90% bands, drift included, for each group.",
    "extrapolation": "Runs that the fit did not see, against their predictions with 90% intervals.",
    "check": "Residuals, predictive checks, contraction and gates of the fit.",
    "parameters": "Parameters by group with 50% and 90% intervals, and the pairs of which the data know a combination.",
    "allocation": "The best split of a budget between network size and data.",
    "isoflops": "The response along every split of a budget, and the region in which little is lost.",
    "ranks": "Ranks of each chain's draws among those of all: inside the band where the chains found one distribution.",
    "comparison": "The labels of a group along the scale, and the probability that each is the best.",
}
