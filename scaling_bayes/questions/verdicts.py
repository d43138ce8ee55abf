"""What a reader of a check should know, in sentences."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import xarray as xr
from scipy import stats

from scaling_bayes.laws.record import Record
from scaling_bayes.symbols import sense_of

EXTREME = 0.025
"""A predictive p-value below this, or above one minus it, is a finding."""

IDENTIFIED = 0.5
"""Contraction below which the data do not identify a parameter."""

LIMITS = {"extreme": EXTREME, "identified": IDENTIFIED}
"""What a check says of its limits, for who draws it."""

OUTLIER = 8.0
"""Standardised residual above which a run is named."""

CHANCE_ERRORS = 2.0
"""Standard errors within which an accuracy cannot be told from guessing."""

SHOWN = 8
FLAGS = {
    "diverged": "look diverged and are kept: {bearing}",
    "non_monotone": "get worse with scale and are kept: a broken law may describe them, or they diverged",
}
"""Flag of a sweep -> what it says of its runs."""

BEARING = {"student_t": "Student-t noise bears them", "laplace": "Laplace noise bears them"}
"""Noise -> what it does with a run far from the law; others let it pull."""


def _judge_gates(found: xr.Dataset, record: Record) -> Iterator[str]:
    failed = found["gate"].values[~found["gate_passed"].values.astype(bool)]
    if failed.size:
        yield f"The sampler failed its gates: {_list(failed)}."


def _judge_statistics(found: xr.Dataset, record: Record) -> Iterator[str]:
    for name, p in zip(found["statistic"].values, found["p_value"].values, strict=True):
        if min(p, 1 - p) < EXTREME:
            yield f"Data from this model rarely have so extreme a {name} as was observed (p = {p:.3f})."


def _judge_spread(found: xr.Dataset, record: Record) -> Iterator[str]:
    p = stats.kstest(found["pit"].values, "uniform").pvalue
    if p < EXTREME:
        yield f"The fitted runs are not spread evenly over their predictive distribution (PIT, p = {p:.3f})."


def _judge_floors(found: xr.Dataset, record: Record) -> Iterator[str]:
    names, values = found["quantity"].values, found["contraction"].values
    parameters = np.array([name.partition("[")[0] for name in names], dtype=str)
    for floor in (p for p, role in record.law.roles.items() if role == "floor"):
        weak = (parameters == floor) & (values < IDENTIFIED)
        if weak.any():
            yield (
                f"{_list(names[weak])} is not identified by these data (contraction at most {values[weak].max():.2f}); "
                "predictions stay allowed."
            )


def _judge_outliers(found: xr.Dataset, record: Record) -> Iterator[str]:
    far = np.abs(found["residual"].values) > OUTLIER
    if far.any():
        yield f"Runs more than {OUTLIER:g} scales from the law, kept: {_list(found['run'].values[far])}."


def _judge_flags(found: xr.Dataset, record: Record) -> Iterator[str]:
    for flag, what in FLAGS.items() if "flag" in found.coords else ():
        flagged = found["flag"].values == flag
        if flagged.any():
            bearing = BEARING.get(record.noise, "they may bend the law; leave them out only with a reason")
            yield f"Runs that {what.format(bearing=bearing)}: {_list(found['run'].values[flagged])}."


def _judge_chance(found: xr.Dataset, record: Record) -> Iterator[str]:
    if "at_chance" in found and found["at_chance"].any():
        guessed = found["at_chance"].values
        yield (
            f"{guessed.sum()} of {guessed.size} runs are within noise of chance, where no power law can be judged: "
            f"{_list(found['run'].values[guessed])}."
        )


def _judge_size(found: xr.Dataset, record: Record) -> Iterator[str]:
    if record.flags.get("prior_dominated"):
        yield "There are fewer runs than parameters: the prior dominates."
    for lone in record.flags.get("lone_groups", []):
        yield f"{lone} has a single run: prior and pool only."


VERDICTS: tuple[Callable[[xr.Dataset, Record], Iterator[str]], ...] = (
    _judge_gates,
    _judge_statistics,
    _judge_spread,
    _judge_floors,
    _judge_outliers,
    _judge_flags,
    _judge_chance,
    _judge_size,
)


def judge(found: xr.Dataset, record: Record) -> list[str]:
    """Every finding of a check as a sentence.

    Parameters
    ----------
    found : Dataset
        What `check` measured.
    record : Record

    Returns
    -------
    list of str
        ``["No finding."]`` if there is none.
    """
    return [sentence for verdict in VERDICTS for sentence in verdict(found, record)] or ["No finding."]


def find_chance(response: np.ndarray, runs: xr.Dataset, noise: np.ndarray, name: str) -> np.ndarray:
    r"""Runs that cannot be told from guessing.

    .. math:: |y - c| \le 2 s, \qquad \text{or } y \text{ on the wrong side of } c

    with chance level :math:`c` and :math:`s` the measured standard error, or that of the noise where none is known.

    Parameters
    ----------
    response : array, shape (run,)
    runs : Dataset
        Has ``chance``, and ``<name>_se`` where known.
    noise : array, shape (run,)
        Scale of the noise of the log response.
    name : str
        Of the response; a larger accuracy is better, and a smaller anything else.

    Returns
    -------
    array of bool, shape (run,)

    Examples
    --------
    >>> runs = xr.Dataset({"chance": ("run", [0.25, 0.25]), "accuracy_se": ("run", [0.01, 0.01])})
    >>> find_chance(np.array([0.26, 0.40]), runs, np.zeros(2), "accuracy").tolist()
    [True, False]
    """
    error = runs[f"{name}_se"].values if f"{name}_se" in runs else response * noise
    better = sense_of(name) * (runs["chance"].values - response)
    return better <= CHANCE_ERRORS * error


def _list(names: Iterable[object]) -> str:
    """Names in a row, the rest of many as a count."""
    every = list(map(str, names))
    return ", ".join(every[:SHOWN]) + (f" and {len(every) - SHOWN} more" if len(every) > SHOWN else "")
