"""`fold_scores`: leave the largest scales out, fit again exactly, and score what was left out."""

import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from scaling_bayes.inference.folds import SAME, Fold, list_folds
from scaling_bayes.inference.gates import GateWarning
from scaling_bayes.inference.posterior import recover_sweep
from scaling_bayes.inference.refits import refit
from scaling_bayes.model import ModelError
from scaling_bayes.questions.clusters import score_clusters
from scaling_bayes.questions.forecast import describe
from scaling_bayes.questions.points import QuestionError, read_record
from scaling_bayes.questions.scoring import LEVELS, average_scores, score
from scaling_bayes.sweeps import SweepWarning, compared_groups
from scaling_bayes.sweeps.labels import label_runs

AVERAGES = ("rmsle", "mae", "coverage", "width")
"""Scores of one fold over all of its runs."""


def fold_scores(
    posterior: xr.DataTree,
    *,
    octaves: Sequence[float] = (1, 2, 3),
    along: str | None = None,
    levels: Sequence[float] = LEVELS,
    seed: int | None = None,
    min_runs: int | None = None,
    draws: int | None = None,
    warmup: int | None = None,
    progress: bool = True,
) -> xr.Dataset:
    r"""Score a posterior by exact leave-largest-scale-out.

    For each k in `octaves` the runs above :math:`x_{max} / 2^k` are held out, the model is fitted again to the others,
    and its predictions are scored.

    Parameters
    ----------
    posterior : DataTree
        From `fit`, `baseline` or `open_posterior`.
    octaves : sequence of float
        Values of k; the folds are nested.
    along : str, optional
        Covariate, or formula in covariates, whose largest values are held out; by default the posterior's scale.
    levels : sequence of float
        Of the central intervals.
    seed, draws, warmup : int, optional
        See `refit_without`; by default those of the posterior.
    min_runs : int, optional
        Fewest runs that are fitted; by default one more than the law has parameters.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Dataset
        For each fold and held-out run, one after the other along run, the columns of `score` with the coordinates
        ``fold`` (its octaves), ``extrapolation`` (from the largest scale that the fold was fitted to) and ``cluster``
        (the run's curve: its combination of groups, without seeds). Over all of them, and by extrapolation ratio, the
        scores of `scaling_bayes.questions.clusters.score_clusters`, with intervals clustered by curve. For each fold
        (octaves) ``fitted_runs``, ``held_out_runs``, ``failed_gates`` and ``note``, which says why it was not fitted.

    Raises
    ------
    TypeError, ValueError
        If `posterior` is none, does not keep what it was fitted with, or `octaves` are not above 0.
    ModelError
        If no fold can be fitted.

    Warns
    -----
    SweepWarning
        If some folds cannot be fitted or scored.
    GateWarning
        If some folds failed a gate.

    Notes
    -----
    A group all of whose runs are held out is foretold from the population of the others, where it is pooled.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, truth = sb.Law("A*N**-alpha"), {"A": 40.0, "alpha": 0.25}
    >>> design = {"N": [1e6, 2e6, 4e6, 8e6, 16e6, 32e6], "corpus": ["code", "web"]}
    >>> sweep = sb.simulate_sweep(law, design, truth=truth, seed=0)
    >>> scores = fold_scores(sb.baseline(law, sweep, seed=0, bootstrap=50, by="corpus"))
    >>> sb.score_table(scores, by="fold")["runs"].to_dict()
    {'1': 2, '2': 4, '3': 6}
    """
    folds = list_folds(posterior, octaves=octaves, along=along, min_runs=min_runs)
    seed = int(posterior.attrs["seed"]) if seed is None else seed
    notes = {fold.octaves: fold.note for fold in folds}
    fitted = [fold for fold in folds if not fold.note]
    refits = _refit_quietly(posterior, fitted, seed=seed, draws=draws, warmup=warmup, progress=progress)
    scored = {}
    for fold, again in zip(fitted, refits, strict=True):
        try:
            scored[fold.octaves] = score(again, fold.held_out, levels=levels, seed=seed)
        except QuestionError as error:
            notes[fold.octaves] = str(error)
    _say_notes(notes, scored.keys())
    failed = {k: str(of_fold.attrs["failed_gates"]) for k, of_fold in scored.items()}
    failures = "; ".join(f"{_octaves(k)}: {gates}" for k, gates in failed.items() if gates)
    if failures:
        warnings.warn(f"some folds failed gates of the sampler: {failures}", GateWarning, stacklevel=2)
    runs = _join(scored, compared_groups(recover_sweep(posterior)))
    clustered = score_clusters(runs, runs["cluster"].values, seed=seed)
    found = xr.merge([clustered, average_scores(runs), _tell(folds, notes, failed)], compat="override", join="exact")
    said = describe(posterior, read_record(posterior)) | {"failed_gates": failures}
    said.pop("fitted", None)  # each fold has its own
    return found.assign_attrs(said | clustered.attrs)


def _refit_quietly(posterior: xr.DataTree, folds: Sequence[Fold], **settings: Any) -> list[xr.DataTree]:
    """Posterior of each fold; failed gates are told once for all of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GateWarning)
        return refit(posterior, [fold.fit_part for fold in folds], **settings)


def _say_notes(notes: Mapping[float, str], scored: Collection[float]) -> None:
    """Tell which folds are absent; one that another stands for is not worth a warning."""
    said = "; ".join(f"{_octaves(k)}: {note}" for k, note in notes.items() if note)
    if not scored:
        raise ModelError(f"no fold can be fitted and scored: {said}. Choose other octaves= or min_runs=.")
    if any(note and not note.startswith(SAME) for note in notes.values()):
        warnings.warn(f"some folds were left out: {said}", SweepWarning, stacklevel=3)


def _join(scored: Mapping[float, xr.Dataset], groups: Sequence[str]) -> xr.Dataset:
    """Held-out runs of all folds, one fold after the other, with their curves."""
    parts = [
        of_fold.drop_vars(AVERAGES).assign_coords(fold=("run", np.full(of_fold.sizes["run"], k)))
        for k, of_fold in scored.items()
    ]
    runs = xr.concat(
        parts, "run", data_vars="minimal", coords="minimal", compat="override", join="exact", combine_attrs="override"
    )
    return runs.assign_coords(cluster=("run", label_runs(runs, groups)))


def _tell(folds: Sequence[Fold], notes: Mapping[float, str], failed: Mapping[float, str]) -> xr.Dataset:
    """What became of each fold."""
    columns = {
        "fitted_runs": [fold.fit_part.sizes["run"] for fold in folds],
        "held_out_runs": [fold.held_out.sizes["run"] for fold in folds],
        "failed_gates": [failed.get(fold.octaves, "") for fold in folds],
        "note": [notes[fold.octaves] for fold in folds],
    }
    told = {name: ("octaves", np.array(values)) for name, values in columns.items()}
    return xr.Dataset(told, coords={"octaves": [fold.octaves for fold in folds]})


def _octaves(k: float) -> str:
    return f"{k:g} octave{'' if k == 1 else 's'}"
