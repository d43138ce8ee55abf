"""`fit`: a model and a sweep in, a checked posterior out."""

import json
import warnings
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import xarray as xr

from scaling_bayes.inference.cache import find_fit, find_or_make, keep_fit
from scaling_bayes.inference.engine import Task, fit_alone, fit_together
from scaling_bayes.inference.gates import Gate, GateError, GateWarning
from scaling_bayes.inference.sampler import Settings
from scaling_bayes.inference.stages import Fits, fit_stages
from scaling_bayes.model import Chain, Model


def fit(
    model: Model | Chain,
    sweep: xr.Dataset,
    *,
    seed: int,
    chains: int = 4,
    draws: int = 1000,
    warmup: int = 500,
    device: str = "auto",
    strict: bool = False,
    progress: bool = True,
    cache: bool = True,
) -> xr.DataTree:
    """Sample the posterior of a model of a sweep with NUTS, in float64.

    Chains whose draws fail the gates of R-hat, effective size or divergences are continued, at most twice, and once
    more where nothing but ten divergences or fewer are left: new draws, one iteration in three, replace the old ones,
    and steps are halved if any diverged. The posterior's attribute ``continued`` says so. Not continued are chains far
    from passing (R-hat above 1.1, effective size below 100), chains on an accelerator, and fits of fewer than 1600
    draws.

    Parameters
    ----------
    model : Model or Chain
        Of a chain the stages are sampled one after the other, the second with ``seed + 1000003``.
    sweep : Dataset
        Dims run; see `as_sweep`.
    seed : int
        The same seed, data, model and versions give the same draws.
    chains, draws, warmup : int
        Chains, kept draws per chain, and iterations of warm-up per chain.
    device : {"auto", "cpu", "gpu"}
        ``"auto"`` is the CPU where there is no GPU, and else the one that is predicted to be done first, from gradients
        timed on both; the posterior's attribute ``device_why`` says the seconds.
    strict : bool
        Raise if a sampler gate fails, instead of warning and marking the posterior.
    progress : bool
        Show a progress bar, on a terminal or in a notebook.
    cache : bool
        Take the same fit (model, sweep, seed, sizes, versions and code) from a file where it was made before, and keep
        it where not. The environment variable ``SCALING_BAYES_CACHE`` names the folder, or is ``off``.

    Returns
    -------
    DataTree
        Groups ``posterior`` (law parameters in the paper's units, ``A_ref`` and the like at the reference, population,
        spreads, noise, drift), ``sample_stats``, ``log_likelihood``, ``prior``, ``observed_data``, ``constant_data``.
        Attributes hold the model, seed, versions, the sweep's hash and the verdicts of the gates; ``cached`` is empty,
        or says when a fit that came from the cache was made. That of a chain is the second stage's, with the whole
        posterior of the first as group ``first``.

    Raises
    ------
    TypeError
        If `model` is no Model.
    ModelError
        If the sweep cannot carry the model.
    GateError
        If a gate fails and `strict` is true.
    ValueError
        For an unknown or absent device, or too few chains, draws or iterations of warm-up.

    Warns
    -----
    GateWarning
        If a gate fails and `strict` is false.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, truth = sb.Law("A*N**-alpha"), {"A": 40.0, "alpha": 0.25}
    >>> sweep = sb.simulate_sweep(law, {"N": [1e6, 3e6, 1e7, 3e7, 1e8]}, truth=truth, seed=0)
    >>> model = sb.Model(law, noise=sb.Normal(), discrepancy=None)
    >>> posterior = fit(model, sweep, seed=0, draws=500, warmup=300, progress=False)
    >>> posterior["posterior"]["alpha"].mean().round(2).item()
    0.25
    """
    settings = Settings(chains, warmup, draws, progress=progress)

    def fit_one(model: Model, sweeps: Sequence[xr.Dataset], seed: int) -> list[xr.DataTree]:
        task = Task(model, sweeps[0], seed)
        key = task.fingerprint(settings, device) if cache else None
        make = partial(fit_alone, task, settings, device)
        return [find_or_make(key, make) if key else make()]

    trees = _fit(model, [sweep], seed, fit_one)
    _judge(trees, strict)
    return trees[0]


def fit_many(
    model: Model | Chain,
    sweeps: Iterable[xr.Dataset],
    *,
    seed: int,
    chains: int = 4,
    draws: int = 1000,
    warmup: int = 500,
    device: str = "auto",
    strict: bool = False,
    progress: bool = True,
    cache: bool = True,
    client: Any = None,
) -> list[xr.DataTree]:
    """Sample the posterior of a model of each of many sweeps: folds, bootstraps, simulated data.

    Sweeps of one shape share one compiled function. On a CPU their chains fill the cores; on an accelerator all chains
    of all sweeps advance together.

    Parameters
    ----------
    model : Model or Chain
    sweeps : iterable of Dataset
        Dims run.
    seed : int
        Sweep ``i`` is fitted as `fit` does with ``seed + i``.
    chains, draws, warmup, device, strict, progress, cache
        See `fit`.
    client : optional
        Anything with the ``submit`` of `concurrent.futures.Executor` (a process pool, Dask's ``Client``), which then
        fits one sweep a task.

    Returns
    -------
    list of DataTree
        In the order of `sweeps`; ``seconds`` is an equal share of what all took.

    Raises
    ------
    TypeError, ModelError, GateError, ValueError
        As `fit`.

    Warns
    -----
    GateWarning
        If a posterior fails a gate and `strict` is false; once, for all of them.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, design = sb.Law("A*N**-alpha"), {"N": [1e6, 3e6, 1e7, 3e7, 1e8]}
    >>> truth = {"A": 40.0, "alpha": 0.25}
    >>> sweeps = [sb.simulate_sweep(law, design, truth=truth, seed=seed) for seed in range(2)]
    >>> model = sb.Model(law, noise=sb.Normal(), discrepancy=None)
    >>> [p.attrs["seed"] for p in fit_many(model, sweeps, seed=5, draws=500, warmup=300, progress=False)]
    [5, 6]
    """
    settings = Settings(chains, warmup, draws, progress=progress and client is None)

    def fit_all(model: Model, sweeps: Sequence[xr.Dataset], seed: int) -> list[xr.DataTree]:
        tasks = [Task(model, sweep, seed + i) for i, sweep in enumerate(sweeps)]
        return _find_or_make_all(tasks, settings, device, cache=cache, client=client)

    trees = _fit(model, list(sweeps), seed, fit_all)
    _judge(trees, strict)
    return trees


def _fit(model: Model | Chain, sweeps: Sequence[xr.Dataset], seed: int, fit: Fits) -> list[xr.DataTree]:
    """Fit a model to sweeps, or one stage of a chain after the other."""
    return fit_stages(model, sweeps, seed, fit) if isinstance(model, Chain) else fit(model, sweeps, seed)


def _find_or_make_all(
    tasks: Sequence[Task], settings: Settings, device: str, *, cache: bool, client: Any
) -> list[xr.DataTree]:
    """Take those fits from the cache that are there, and make the others together."""
    keys = [task.fingerprint(settings, device) if cache else None for task in tasks]
    found = [find_fit(key) if key else None for key in keys]
    missing = [i for i, fit in enumerate(found) if fit is None]
    if client is None:
        made = fit_together([tasks[i] for i in missing], settings, device)
    else:
        futures = [client.submit(fit_alone, tasks[i], settings, device) for i in missing]
        made = [future.result() for future in futures]
    for i, tree in zip(missing, made, strict=True):
        found[i] = tree
        if key := keys[i]:
            keep_fit(key, tree)
    return [tree for tree in found if tree is not None]


def _judge(trees: Sequence[xr.DataTree], strict: bool) -> None:
    """Warn of failed gates, or raise."""
    failed = [[str(Gate(**gate)) for gate in json.loads(t.attrs["gates"]) if not gate["passed"]] for t in trees]
    if not any(failed):
        return
    if len(trees) == 1:
        found = f"the posterior failed {len(failed[0])} sampler gates: {'; '.join(failed[0])}"
    else:
        worst = max(range(len(trees)), key=lambda i: len(failed[i]))
        found = (
            f"{sum(map(bool, failed))} of {len(trees)} posteriors failed sampler gates, the one at {worst} the most: "
            f"{'; '.join(failed[worst])}"
        )
    message = (
        f"{found}. Every answer from it is marked. More warmup= and draws= may mend it; they will not mend a law that "
        "the data cannot tell apart."
    )
    if strict:
        raise GateError(message)
    warnings.warn(message, GateWarning, stacklevel=3)
