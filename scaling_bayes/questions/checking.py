r"""`check`: may this posterior be believed?

Sampler gates; posterior predictive statistics that mean something for a scaling law; how much the data taught about each
parameter, :math:`1 - \mathrm{var}(\theta \mid y) / \mathrm{var}(\theta)`.
"""

import json
from collections.abc import Callable

import numpy as np
import xarray as xr
from scipy import stats

from scaling_bayes.laws.record import Record
from scaling_bayes.laws.residuals import RESIDUALS
from scaling_bayes.questions.groups import complete_groups
from scaling_bayes.questions.points import as_points, read_record
from scaling_bayes.questions.prediction import describe, drift, log_law, noise, select

EXTREME = 0.025
"""A predictive p-value below this, or above one minus it, is a finding."""

IDENTIFIED = 0.5
"""Contraction below which the data do not identify a parameter."""

OUTLIER = 8.0
OCTAVE = np.log(2.0)

Columns = dict[str, np.ndarray]


def _sign_runs(z: np.ndarray, columns: Columns) -> np.ndarray:
    """Times that residuals change sign along the scale, within groups; few where the law bends away."""
    order = np.lexsort((columns["scale"], columns["group"]))
    signs, group = z[:, order] > 0, columns["group"][order]
    return ((signs[:, 1:] != signs[:, :-1]) & (group[1:] == group[:-1])).sum(axis=1).astype(float)


def _top_slope(z: np.ndarray, columns: Columns) -> np.ndarray:
    """Slope of residuals along the scale, per e-fold, over the top octave of it (at least the two largest levels)."""
    u = np.log(columns["scale"])
    top = u >= min(u.max() - OCTAVE, np.unique(u.round(2))[-2:].min() - 0.01)
    centred = u[top] - u[top].mean()
    return z[:, top] @ centred / max((centred**2).sum(), 1e-12)


def _ratio_correlation(z: np.ndarray, columns: Columns) -> np.ndarray:
    """Correlation of residuals with log tokens per parameter; far from zero where the law is wrong off the optimum."""
    ratio = columns["ratio"] - columns["ratio"].mean()
    centred = z - z.mean(axis=1, keepdims=True)
    return centred @ ratio / np.sqrt((centred**2).sum(axis=1) * (ratio**2).sum())


def _largest(z: np.ndarray, columns: Columns) -> np.ndarray:
    """Largest residual."""
    return np.abs(z).max(axis=1)


STATISTICS: dict[str, tuple[Callable[[np.ndarray, Columns], np.ndarray], str]] = {
    "number of sign changes along the scale": (_sign_runs, "scale"),
    "slope in the top octave": (_top_slope, "scale"),
    "correlation with log D/N": (_ratio_correlation, "ratio"),
    "largest residual": (_largest, "scale"),
}
"""Name -> (function of standardised residuals (draw, run) and columns, the column that it needs)."""


def check(posterior: xr.DataTree, *, seed: int = 0) -> xr.Dataset:
    """Check a posterior against its gates, its data and its prior.

    Parameters
    ----------
    posterior : DataTree
        From `fit`, `baseline` or `open_posterior`.
    seed : int
        For the replicated data.

    Returns
    -------
    Dataset
        ``gate_value``, ``gate_limit``, ``gate_passed`` (gate); ``statistic_observed`` and ``statistic_replicated`` (chain,
        draw, statistic) with ``p_value`` (statistic), the probability that data from the posterior have a larger one;
        ``residual`` (run), standardised, and ``pit`` (run); ``contraction`` (quantity) of every law parameter and group;
        ``verdict`` (finding), sentences. ``attrs["passed"]`` is 1 if a sampler made the
        draws and passed every gate.

    Raises
    ------
    QuestionError
        If `posterior` is none.
    """
    record = read_record(posterior)
    sweep = posterior["constant_data"].to_dataset()
    sweep = sweep.set_coords(list(sweep.data_vars))
    points = as_points(sweep, record, str(sweep.attrs.get("flop_rule", "")))
    rng = np.random.default_rng(seed)
    draws = complete_groups(posterior["posterior"].to_dataset(), record, points, rng)
    mean = (log_law(draws, record, points) + drift(draws, record, points, rng)).transpose("chain", "draw", "run")
    observed = np.log(posterior["observed_data"][record.response].values)
    replicated = noise(draws, record, points, mean, rng).values
    sigma = xr.broadcast(select(draws["sigma"], points), mean)[0].transpose(*mean.dims).values
    found = xr.merge([_gates(posterior), _contraction(posterior, record), _residuals(observed - mean.values, replicated, sigma)])
    found = xr.merge([found, _statistics((observed - mean.values) / sigma, replicated / sigma, _columns(sweep, record))])
    found = found.assign_coords({n: c for n, c in sweep.coords.items() if c.dims == ("run",)})
    found["verdict"] = ("finding", np.array(_verdicts(found, record), dtype=str))
    passed = int(found.sizes["gate"] > 0 and bool(found["gate_passed"].all()))
    return found.assign_attrs(describe(posterior, record) | {"passed": passed})


def _gates(posterior: xr.DataTree) -> xr.Dataset:
    gates = json.loads(posterior.attrs.get("gates", "[]"))
    columns = {f"gate_{key}": ("gate", np.array([gate[key] for gate in gates])) for key in ("value", "limit", "passed")}
    return xr.Dataset(columns, coords={"gate": np.array([gate["name"] for gate in gates], dtype=str)})


def _contraction(posterior: xr.DataTree, record: Record) -> xr.Dataset:
    if "prior" not in posterior.children:
        return xr.Dataset({"contraction": ("quantity", np.zeros(0))}, coords={"quantity": np.zeros(0, dtype=str)})
    names, values = [], []
    for p in record.law.parameters:
        name = p if record.law.scales[p] == 1 else f"{p}_ref"
        before, after = (posterior[group][name].var(("chain", "draw")) for group in ("prior", "posterior"))
        ratio = (1 - after / before.where(before > 0)).stack(quantity=after.dims) if after.ndim else (1 - after / before)
        values += np.atleast_1d(ratio.values).tolist()
        labels = [", ".join(map(str, label)) for label in ratio["quantity"].values] if after.ndim else []
        names += [f"{name}[{label}]" for label in labels] or [name]
    return xr.Dataset({"contraction": ("quantity", np.array(values))}, coords={"quantity": names})


def _residuals(left: np.ndarray, replicated: np.ndarray, sigma: np.ndarray) -> xr.Dataset:
    return xr.Dataset({
        "residual": ("run", np.median(left / sigma, axis=(0, 1))),
        "pit": ("run", (replicated < left).mean(axis=(0, 1))),
    })


def _columns(sweep: xr.Dataset, record: Record) -> Columns:
    labels = [sweep[g].values.astype(str) for g in record.factors]
    columns = {
        "scale": sweep[record.scale_axis()].values,
        "group": np.array([" ".join(parts) for parts in zip(*labels, strict=True)] if labels else [""] * sweep.sizes["run"]),
    }
    if {"N", "D"} <= set(record.law.covariates):
        columns["ratio"] = np.log(sweep["D"].values / sweep["N"].values)
    return columns


def _statistics(z: np.ndarray, z_replicated: np.ndarray, columns: Columns) -> xr.Dataset:
    shape, names = z.shape[:2], [n for n, (_, needed) in STATISTICS.items() if needed in columns]
    pair = [
        np.stack([STATISTICS[n][0](values.reshape(-1, values.shape[-1]), columns).reshape(shape) for n in names], axis=-1)
        for values in (z, z_replicated)
    ]
    above = (pair[1] > pair[0]).mean(axis=(0, 1)) + (pair[1] == pair[0]).mean(axis=(0, 1)) / 2
    dims = ("chain", "draw", "statistic")
    return xr.Dataset(
        {"statistic_observed": (dims, pair[0]), "statistic_replicated": (dims, pair[1]), "p_value": ("statistic", above)},
        coords={"statistic": names},
    )


def _verdicts(found: xr.Dataset, record: Record) -> list[str]:
    """What a reader should know, in sentences."""
    failed = found["gate"].values[~found["gate_passed"].values.astype(bool)].tolist()
    says = [f"The sampler failed its gates: {', '.join(failed)}."] if failed else []
    for name, p in zip(found["statistic"].values, found["p_value"].values, strict=True):
        if min(p, 1 - p) < EXTREME:
            says.append(f"Data from this model rarely have so extreme a value of the {name} as was observed (p = {p:.3f}).")
    floors = {p for p, role in record.law.roles.items() if role == "floor"}
    for name, value in zip(found["quantity"].values, found["contraction"].values, strict=True):
        if name.split("[")[0] in floors and value < IDENTIFIED:
            says.append(f"{name} is not identified by these data (contraction {value:.2f}); predictions stay allowed.")
    outliers = found["run"].values[np.abs(found["residual"].values) > OUTLIER].tolist() if "run" in found.coords else []
    if outliers:
        says.append(f"Runs more than {OUTLIER:g} scales from the law, kept: {', '.join(map(str, outliers[:8]))}.")
    if record.flags.get("prior_dominated"):
        says.append("There are fewer runs than parameters: the prior dominates.")
    for lone in record.flags.get("lone_groups", []):
        says.append(f"{lone} has a single run: prior and pool only.")
    bins = stats.kstest(found["pit"].values, "uniform").pvalue
    if bins < EXTREME:
        says.append(f"The fitted runs are not spread evenly over their predictive distribution (PIT, p = {bins:.3f}).")
    return says or ["No finding."]
