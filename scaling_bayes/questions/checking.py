r"""`check`: may this posterior be believed.

Sampler gates; posterior predictive statistics that mean something for a scaling law; how much the data taught about
each parameter, :math:`1 - \mathrm{var}(\theta \mid y) / \mathrm{var}(\theta)`.
"""

import json

import numpy as np
import xarray as xr

from scaling_bayes.laws.record import Record
from scaling_bayes.questions.forecast import describe, forecast
from scaling_bayes.questions.misfit import compare_statistics
from scaling_bayes.questions.points import read_record
from scaling_bayes.questions.summaries import name_values
from scaling_bayes.questions.verdicts import LIMITS, find_chance, judge
from scaling_bayes.symbols import SAMPLE


def check(posterior: xr.DataTree, *, seed: int = 0) -> xr.Dataset:
    """Check a posterior against its gates, its data and its prior.

    Parameters
    ----------
    posterior : DataTree
        From `fit`, `baseline` or `open_posterior`. Of a chain the second stage is checked, given the measured losses;
        the first is checked by ``check(posterior["first"])``.
    seed : int
        For the replicated data.

    Returns
    -------
    Dataset
        ``gate_value``, ``gate_limit``, ``gate_passed`` (gate); ``statistic_observed`` and ``statistic_replicated``
        (chain, draw, statistic) with ``p_value`` (statistic), the probability that data from the posterior have a
        larger one; ``residual`` (run), standardised, and ``pit`` (run); ``at_chance`` (run) where the sweep knows the
        level of guessing; ``contraction`` (quantity) of every law parameter and group; ``verdict`` (finding),
        sentences. ``attrs["passed"]`` is 1 if a sampler made the draws and passed every gate; ``extreme`` is the
        predictive p-value, and ``identified`` the contraction, below which there is a finding.

    Raises
    ------
    QuestionError
        If `posterior` is none.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law = sb.Law("E + A*N**-alpha")
    >>> design = {"N": [1e7, 3e7, 1e8, 3e8, 1e9, 3e9]}
    >>> sweep = sb.simulate_sweep(law, design, truth={"E": 1.8, "A": 400.0, "alpha": 0.35}, seed=0)
    >>> found = check(sb.baseline(law, sweep, seed=0, bootstrap=20))
    >>> found.attrs["passed"], found["residual"].sizes["run"], found["p_value"].dims
    (0, 6, ('statistic',))
    """
    record = read_record(posterior)
    runs = posterior["constant_data"].to_dataset()
    rng = np.random.default_rng(seed)
    response = posterior["observed_data"].to_dataset()[record.response].values
    ahead = forecast(_keep_to_knots(posterior), runs, rng, response=response, fresh_runs=True)
    table = {str(name): column.values for name, column in runs.variables.items()}
    observed = ahead.standardise(record.log_response(response, table) - ahead.log_mean.values)
    replicated = ahead.standardise(ahead.draw_noise(rng).values)
    found = xr.merge(
        [_gates(posterior), _contraction(posterior, record), compare_statistics(observed, replicated, runs, record)]
    )
    found["residual"] = ("run", np.median(observed, axis=(0, 1)))
    found["pit"] = ("run", (replicated < observed).mean(axis=(0, 1)))
    if "chance" in runs:
        sigma = ahead.noise_values()["sigma"]
        noise = np.median(np.broadcast_to(sigma, observed.shape), axis=(0, 1))
        found["at_chance"] = ("run", find_chance(response, runs, noise, record.response))
    columns = {n: column for n, column in runs.variables.items() if column.dims == ("run",) and n not in found}
    found = found.assign_coords(columns)
    found["verdict"] = ("finding", np.array(judge(found, record), dtype=str))
    passed = found.sizes["gate"] > 0 and bool(found["gate_passed"].all())
    return found.assign_attrs(describe(posterior, record), passed=int(passed), **LIMITS)


def _keep_to_knots(posterior: xr.DataTree) -> xr.DataTree:
    """The last stage with the drift as it was fitted: between its knots it has no freedom of its own."""
    draws = posterior["posterior"].to_dataset()
    spreads = {str(name): xr.zeros_like(draws[name]) for name in draws if str(name).startswith("drift_spread_")}
    kept = posterior.drop_nodes("first", errors="ignore").copy()
    kept["posterior"] = xr.DataTree(draws.assign(spreads))
    return kept


def _gates(posterior: xr.DataTree) -> xr.Dataset:
    gates = json.loads(posterior.attrs.get("gates", "[]"))
    columns = {f"gate_{key}": ("gate", np.array([gate[key] for gate in gates])) for key in ("value", "limit", "passed")}
    return xr.Dataset(columns, coords={"gate": np.array([gate["name"] for gate in gates], dtype=str)})


def _contraction(posterior: xr.DataTree, record: Record) -> xr.Dataset:
    """Contraction of each parameter (at the reference, where it has one) and group; none for a fit without a prior."""
    found: dict[str, float] = {}
    if "prior" in posterior.children:
        prior, after = (posterior[group].to_dataset() for group in ("prior", "posterior"))
        for p in record.law.parameters:
            name = p if record.law.scales[p] == 1 else f"{p}_ref"
            found |= name_values(_contract(prior[name], after[name]), name)
    coords = {"quantity": np.array(list(found), dtype=str)}
    return xr.Dataset({"contraction": ("quantity", np.array(list(found.values()), dtype=np.float64))}, coords=coords)


def _contract(prior: xr.DataArray, after: xr.DataArray) -> xr.DataArray:
    """Share of the prior's variance that the data took away; NaN for what was known."""
    unknown = prior.max(SAMPLE) > prior.min(SAMPLE)
    return 1 - after.var(SAMPLE) / prior.var(SAMPLE).where(unknown)
