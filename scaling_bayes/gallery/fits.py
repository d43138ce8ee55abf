"""What the gallery shows: public tables and fits of them, each made once."""

from collections.abc import Collection
from functools import cache

import numpy as np
import xarray as xr

from scaling_bayes.inference.baseline import baseline
from scaling_bayes.inference.fit import fit
from scaling_bayes.laws import law
from scaling_bayes.model import Model
from scaling_bayes.questions.parameters import parameters
from scaling_bayes.sweeps import hold_out, load_sweep
from scaling_bayes.validation.folds import fold_scores

SEED, RESAMPLES = 0, 200
GROUPS = ("corpus", "architecture")


@cache
def split_bytelm() -> tuple[xr.Dataset, xr.Dataset]:
    """The fitted runs and the targets of the sweep that ships with the project."""
    return hold_out(load_sweep("bytelm"), along="C", top=1, within=GROUPS)


@cache
def fit_bytelm() -> xr.DataTree:
    """Each corpus and architecture alone, by Huber + bootstrap."""
    return baseline(law("chinchilla"), split_bytelm()[0], seed=SEED, bootstrap=RESAMPLES, by=GROUPS)


@cache
def fit_chinchilla() -> xr.DataTree:
    """Chinchilla's digitised runs, by Huber + bootstrap."""
    return baseline(law("chinchilla"), load_sweep("chinchilla"), seed=SEED, bootstrap=RESAMPLES)


@cache
def fit_corpora() -> tuple[xr.Dataset, xr.Dataset]:
    """Parameters of six corpora: each alone by Huber + bootstrap, and pooled by NUTS with few draws."""
    sweep = load_sweep("loss-to-loss")
    alone = baseline(law("chinchilla"), sweep, seed=SEED, bootstrap=RESAMPLES, by="corpus")
    pool = dict.fromkeys(law("chinchilla").parameters, "corpus")
    model = Model(law("chinchilla"), pool=pool, discrepancy=None)
    pooled = fit(model, sweep, seed=SEED, draws=600, warmup=500, progress=False)
    return parameters(alone), parameters(pooled)


def path(*budgets: float) -> dict[str, list[float]]:
    """Points along which compute is split evenly: twenty bytes a parameter."""
    N = np.sqrt(np.array(budgets) / 120)
    return {"N": N.tolist(), "D": (20 * N).tolist(), "C": list(budgets)}


@cache
def score_folds() -> xr.Dataset:
    """Scores of the transformers' largest runs, each corpus alone by Huber + bootstrap."""
    transformers = pick_labels(split_bytelm()[0], "architecture", ["transformer"])
    return fold_scores(baseline(law("chinchilla"), transformers, seed=SEED, bootstrap=RESAMPLES, by="corpus"))


def pick_labels(runs: xr.Dataset, group: str, labels: Collection[str]) -> xr.Dataset:
    """Runs whose label of a group is one of these."""
    return runs.isel(run=np.flatnonzero(np.isin(runs[group], list(labels))))
