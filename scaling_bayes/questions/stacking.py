"""`stack`: several laws as one posterior, with weights from scales that were held out."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import minimize

from scaling_bayes.laws.record import Record
from scaling_bayes.questions.mixture import STACK
from scaling_bayes.questions.points import QuestionError, read_record
from scaling_bayes.questions.scoring import score
from scaling_bayes.sweeps import compared_groups
from scaling_bayes.sweeps.labels import label_runs

Array = NDArray[np.float64]

EVIDENCE = "stacking"
"""Group of a stack that keeps the log scores behind the weights."""


def stack(
    posteriors: Mapping[str, xr.DataTree],
    held_out: xr.Dataset | Mapping[str, xr.Dataset],
    *,
    prior: float = 1.0,
    seed: int = 0,
) -> xr.DataTree:
    r"""Stack posteriors of several laws or models, by how well they foretold scales that they never saw.

    .. math:: \hat w = \arg\max_w \sum_c \frac{1}{n_c} \sum_{i \in c} \log \sum_k w_k\, p_k(y_i)
        + \kappa \sum_k \log w_k, \qquad \sum_k w_k = 1

    over curves c of :math:`n_c` held-out runs each, which stand or fall together and so count once. The last term is a
    Dirichlet prior with all parameters :math:`1 + \kappa`: as if each member alone had foretold :math:`\kappa` further
    curves. It draws the weights towards equal ones where few curves were held out.

    Parameters
    ----------
    posteriors : mapping of str to DataTree
        Members by name, of one response in one unit, with groups in common where both have them.
    held_out : Dataset, or mapping of str to Dataset
        Runs that no member was fitted to; or what `fold_scores` says of each member: then all runs may be fitted.
    prior : float
        :math:`\kappa`. Zero is stacking without a prior.
    seed : int
        See `score`.

    Returns
    -------
    DataTree
        A group each member, and ``stacking`` with ``log_score`` (member, run) and the curve of each run;
        ``attrs["weights"]`` says the weights, as JSON. Questions take it for a posterior, all but `check`,
        `tune`, `parameters`, `influence` and `report`: their draws are a mixture. `save_posterior` and `open_posterior`
        keep it.

    Raises
    ------
    QuestionError
        If the members' responses or units differ, a grouping has no label in common, or they were not all scored on
        the same runs.

    References
    ----------
    Yao, Vehtari, Simpson and Gelman (2018), Bayesian Analysis 13:917, arXiv:1704.02030, for stacking; Yao, Pirš,
    Vehtari and Gelman (2022), Bayesian Analysis 17:1043, arXiv:2101.08954, for priors on its weights.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> right, wrong = sb.Law("E + A*N**-alpha"), sb.Law("A*N**-alpha")
    >>> truth, corpora = {"E": 1.8, "A": 400.0, "alpha": 0.35}, list("abcdef")
    >>> sweep = sb.simulate_sweep(right, {"N": [1e7, 3e7, 1e8, 3e8, 1e9], "corpus": corpora}, truth=truth, seed=0)
    >>> fit_part, held_out = sb.hold_out(sweep, along="N", top=1)
    >>> laws = {"with floor": right, "without": wrong}
    >>> both = {name: sb.baseline(law, fit_part, seed=0, bootstrap=100) for name, law in laws.items()}
    >>> {name: round(weight, 3) for name, weight in json.loads(stack(both, held_out).attrs["weights"]).items()}
    {'with floor': 0.864, 'without': 0.136}
    """
    records = _check_members(posteriors)
    log_score, clusters = _score_members(posteriors, held_out, seed)
    weights = stacking_weights(log_score.values, clusters, prior=prior)
    evidence = log_score.to_dataset(name="log_score").assign_coords(cluster=("run", clusters))
    tree = xr.DataTree(children={**{name: p.copy() for name, p in posteriors.items()}, EVIDENCE: xr.DataTree(evidence)})
    rounded = {name: round(float(weight), 6) for name, weight in zip(posteriors, weights, strict=True)}
    first = records[0]
    tree.attrs = {"scaling_bayes": STACK, "weights": json.dumps(rounded), "prior": float(prior)}
    tree.attrs |= {"response": first.response, "units": first.unit}
    return tree


def stacking_weights(log_score: Array, clusters: Any, *, prior: float) -> Array:
    """Weights that maximise the log score of the mixture; see `stack`.

    Parameters
    ----------
    log_score : array, shape (member, run)
    clusters : array, shape (run,)
        Curve of each run.
    prior : float

    Returns
    -------
    array, shape (member,)

    Raises
    ------
    QuestionError
        If `prior` is below zero, or no member thinks a run possible.

    Examples
    --------
    >>> stacking_weights(np.log([[0.9, 0.9], [0.1, 0.1]]), ["web", "code"], prior=1.0).round(3).tolist()
    [0.73, 0.27]
    """
    if not prior >= 0:
        raise QuestionError(f"prior is a number of curves, 0 or more; found {prior!r}")
    best = log_score.max(axis=0)
    if not np.isfinite(best).all():
        raise QuestionError(f"no member thinks the runs at {np.flatnonzero(~np.isfinite(best)).tolist()} possible")
    density = np.exp(log_score - best)
    _, curve, sizes = np.unique(np.asarray(clusters), return_inverse=True, return_counts=True)
    count = 1 / sizes[curve]
    scale = len(sizes) + prior * len(density)

    def loss(w: Array) -> tuple[float, Array]:
        mixture = w @ density
        value = count @ np.log(mixture) + (prior * np.log(w).sum() if prior else 0.0)
        slope = density @ (count / mixture) + (prior / w if prior else 0.0)
        return float(-value / scale), -slope / scale

    size = len(density)
    bounds = [(1e-9 if prior else 0.0, 1.0)] * size
    simplex = {"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like}
    options = {"ftol": 1e-14, "maxiter": 1000}
    start = np.full(size, 1 / size)
    found = minimize(loss, start, jac=True, method="SLSQP", bounds=bounds, constraints=[simplex], options=options)
    return np.asarray(found.x / found.x.sum())


def _check_members(posteriors: Mapping[str, xr.DataTree]) -> list[Record]:
    if not isinstance(posteriors, Mapping) or not posteriors:
        raise QuestionError("posteriors= is a mapping such as {'chinchilla': posterior, 'power': other}, found none")
    if bad := [name for name in posteriors if not isinstance(name, str) or not name or "/" in name or name == EVIDENCE]:
        raise QuestionError(f"{bad[0]!r} cannot name a member; give text without '/', other than {EVIDENCE!r}")
    records = {name: read_record(posterior) for name, posterior in posteriors.items()}
    first_name, first = next(iter(records.items()))
    for name, record in records.items():
        for what in ("response", "unit", "trials", "chance"):
            if (found := getattr(record, what)) != (wanted := getattr(first, what)):
                raise QuestionError(f"{name!r} has the {what} {found!r} and {first_name!r} {wanted!r}; they do not mix")
    for group in {g for record in records.values() for g in record.factors}:
        labels = [set(record.factors[group]) for record in records.values() if group in record.factors]
        if not set.intersection(*labels):
            raise QuestionError(f"the members have no {group} in common, so that no question has an answer of all")
    return list(records.values())


def _score_members(
    posteriors: Mapping[str, xr.DataTree], held_out: xr.Dataset | Mapping[str, xr.Dataset], seed: int
) -> tuple[xr.DataArray, Array]:
    """Log scores, dims (member, run), and the curve of each run."""
    if isinstance(held_out, xr.Dataset):
        scored = {name: score(posterior, held_out, seed=seed) for name, posterior in posteriors.items()}
        clusters = label_runs(held_out, compared_groups(held_out))
    else:
        scored = {name: held_out.get(name, xr.Dataset()) for name in posteriors}
        if absent := [name for name, s in scored.items() if "log_score" not in s or "cluster" not in s.coords]:
            raise QuestionError(f"held_out= is a sweep, or fold_scores of every member; those of {absent[0]!r} lack")
        clusters = next(iter(scored.values()))["cluster"].values
    keys = {name: _name_runs(each) for name, each in scored.items()}
    first_name, first = next(iter(keys.items()))
    for name, runs in keys.items():
        if runs != first:
            raise QuestionError(f"{name!r} was scored on other runs than {first_name!r}; score all on the same folds")
    values = np.stack([each["log_score"].values for each in scored.values()])
    coords = {"member": list(scored), "run": next(iter(scored.values()))["run"].values}
    return xr.DataArray(values, dims=("member", "run"), coords=coords), np.asarray(clusters)


def _name_runs(scored: xr.Dataset) -> list[tuple[str, ...]]:
    columns = [scored[name].values.astype(str).tolist() for name in ("run", "fold") if name in scored.coords]
    return list(zip(*columns, strict=True))
