r"""Things that look wrong in a table but may be true: said and flagged, never dropped.

A flagged run carries ``"diverged"`` or ``"non_monotone"`` in the sweep's coordinate ``flag``; what is said about it is
kept in ``attrs["notes"]``.
"""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
import pandas as pd

from scaling_bayes.sweeps.checks import say_rows
from scaling_bayes.sweeps.labels import bare_label

DIVERGED_Z = 8.0
"""Robust standardised residual above which a loss counts as diverged."""

LEAST_SPREAD = 2e-3
"""Relative spread of residuals that is assumed at least, so that noise-free tables flag nothing."""

EXPONENTS = (0.15, 0.3, 0.5, 0.75, 1.1)
MOST_SCALES = 2
"""Covariates the robust fit looks at: 5 exponents each, so 25 fits a group."""

RISE = 0.03
"""Rise of the loss along a curve (log scale) above which it counts as non-monotone."""

CURVE_POINTS = 4
BITS_PER_NAT = 1 / np.log(2)

PLAUSIBLE_MEDIAN = {"N": (1e5, 1e13, "parameters"), "D": (1e6, 1e15, "tokens")}
PLAUSIBLE_FLOPS = (0.3, 3.0)
OTHER_RATE = 30.0
"""Ratio of C / (6 N D) to that of the middle run beyond which a unit is doubted."""

GAP = 10**3.5
"""Ratio of neighbouring sizes beyond which some look as if they were in another unit."""


def note_units(frame: pd.DataFrame, units: dict[str, str]) -> list[str]:
    r"""Say where sizes look as if they were given in another unit.

    Median N outside [1e5, 1e13], median D outside [1e6, 1e15], neighbouring sizes more than 3,000 times apart, or, with
    D in tokens, :math:`C / (6 N D)` outside [0.3, 3] or of some rows 30 times that of the middle one.

    Examples
    --------
    >>> note_units(pd.DataFrame({"N": [70.0, 400.0]}), {"N": "parameters"})[0][:32]
    'median N is 235 parameters, belo'
    """
    notes = []
    for name, (least, most, unit) in PLAUSIBLE_MEDIAN.items():
        median = float(frame[name].median()) if units.get(name) == unit else least
        if median < least:
            asked = f"below {least:g}: was the column in millions or billions? Declare units={{{name!r}: 'million'}}"
            notes.append(f"median {name} is {median:g} {unit}, {asked} or the like.")
        elif median > most:
            asked = f"above {most:g}: was the column in single {unit} already? Declare units={{{name!r}: {unit!r}}}"
            notes.append(f"median {name} is {median:g} {unit}, {asked} or the like.")
        notes += _note_gap(frame, name) if name in units else []
    if {"N", "D", "C"} <= set(units) and units["D"] == "tokens":
        ratio = float((frame["C"] / (6 * frame["N"] * frame["D"])).median())
        if not PLAUSIBLE_FLOPS[0] <= ratio <= PLAUSIBLE_FLOPS[1]:
            notes.append(
                f"median C / (6 N D) is {ratio:.3g}, outside [{PLAUSIBLE_FLOPS[0]:g}, {PLAUSIBLE_FLOPS[1]:g}]: check "
                "the units of C, N and D (FLOP per token or per step is not training compute)."
            )
        notes += _note_other_rate(frame)
    return notes


def _note_other_rate(frame: pd.DataFrame) -> list[str]:
    """Say which rows have another C / (6 N D) than the rest, by more than architectures differ."""
    rate = (frame["C"] / (6 * frame["N"] * frame["D"])).to_numpy()
    apart = np.abs(np.log(rate / np.median(rate))) > np.log(OTHER_RATE)
    if not apart.any():
        return []
    return [
        f"C / (6 N D) is {rate[apart][0]:.3g} in {_say_where(frame, apart)} and {np.median(rate):.3g} in the middle: "
        "were C, N or D in another unit there?"
    ]


def _say_where(frame: pd.DataFrame, which: np.ndarray) -> str:
    """Rows of the table that a frame was read from."""
    return say_rows(frame["row"][which] if "row" in frame else np.flatnonzero(which))


def _note_gap(frame: pd.DataFrame, name: str) -> list[str]:
    """Say where sizes fall into two ranges far apart."""
    sizes = np.sort(frame[name].to_numpy())
    ratio = sizes[1:] / sizes[:-1]
    if not (ratio > GAP).any():
        return []
    below, above = sizes[(at := int(ratio.argmax())) : at + 2]
    column = frame[name].to_numpy()
    few = column <= below if 2 * at < len(sizes) - 2 else column >= above
    return [
        f"no {name} lies between {below:g} and {above:g}: were some ({_say_where(frame, few)}) given in another unit?"
    ]


def note_labels(frame: pd.DataFrame, groups: Sequence[str]) -> list[str]:
    """Say which labels of a grouping differ by their spelling alone.

    Examples
    --------
    >>> note_labels(pd.DataFrame({"corpus": ["Web", "web ", "code"]}), ["corpus"])
    ["labels 'Web', 'web ' of corpus differ by their spelling alone: if they mean one, make them one."]
    """
    notes = []
    for group in groups:
        alike: dict[str, list[str]] = {}
        for label in frame[group].astype(str).unique():
            alike.setdefault(bare_label(label), []).append(label)
        notes += [
            f"labels {', '.join(map(repr, labels))} of {group} differ by their spelling alone: if they mean one, make "
            "them one."
            for labels in alike.values()
            if len(labels) > 1
        ]
    return notes


def note_bits(frame: pd.DataFrame, response: str, covariates: Sequence[str], groups: Sequence[str]) -> list[str]:
    r"""Say where two groups differ by a constant factor of about :math:`1/\ln 2 \approx 1.443` at equal covariates.

    Examples
    --------
    >>> frame = pd.DataFrame({"N": [1e6, 1e7, 1e8] * 2, "loss": [4, 3.5, 3, 5.771, 5.049, 4.328],
    ...                       "corpus": ["a"] * 3 + ["b"] * 3})
    >>> note_bits(frame, "loss", ["N"], ["corpus"])[0][:53]
    "loss of 'b' is 1.443 times that of 'a' (corpus) at 3 "
    """
    level = frame[list(covariates)].map(lambda value: f"{value:.3g}").agg("|".join, axis=1)
    notes = []
    for group in groups:
        wide = np.log(frame[response]).groupby([level, frame[group].astype(str)]).median().unstack()
        for low, high in _pairs(wide.median().sort_values().index):
            gap = (wide[high] - wide[low]).dropna()
            if len(gap) >= 3 and (abs(gap - np.log(BITS_PER_NAT)) < 0.03).all():
                notes.append(
                    f"{response} of {high!r} is {np.exp(gap.median()):.3f} times that of {low!r} ({group}) at "
                    f"{len(gap)} equal covariates, about 1/ln 2: is {high!r} in bits and {low!r} in nats?"
                )
    return notes


def _pairs(labels: Sequence[str]) -> Iterator[tuple[str, str]]:
    return ((low, high) for i, low in enumerate(labels) for high in labels[i + 1 :])


def flag_diverged(frame: pd.DataFrame, response: str, covariates: Sequence[str], groups: Sequence[str]) -> np.ndarray:
    r"""Rows whose loss is above the start of training, or far above a robust fit of its group.

    The fit is :math:`L = E + \sum_k A_k x_k^{-a_k}` by least absolute relative deviations, each exponent the best of a
    coarse grid; a row is flagged if its residual exceeds 8 robust standard deviations. Groups with fewer than two rows
    a coefficient are not judged.

    Examples
    --------
    >>> N = np.geomspace(1e6, 1e9, 12)
    >>> loss = 1.7 + 400 * N**-0.34
    >>> loss[5] = 9.0
    >>> flag_diverged(pd.DataFrame({"N": N, "loss": loss}), "loss", ["N"], []).nonzero()[0].tolist()
    [5]
    """
    flagged = np.zeros(len(frame), dtype=bool)
    if "start_loss" in frame:
        flagged |= (frame[response] > frame["start_loss"]).to_numpy()
    for rows in _group_rows(frame, groups):
        part = frame.iloc[rows]
        scales = part[list(covariates)].to_numpy()
        scales = scales[:, np.ptp(scales, axis=0) > 0][:, :MOST_SCALES]
        if len(rows) >= 2 * (1 + 2 * scales.shape[1]):
            flagged[rows] |= _standard_residuals(scales, part[response].to_numpy()) > DIVERGED_Z
    return flagged


def _group_rows(frame: pd.DataFrame, groups: Sequence[str]) -> list[np.ndarray]:
    if not groups:
        return [np.arange(len(frame))]
    return [np.asarray(rows) for rows in frame.groupby(list(groups), sort=False).indices.values()]


def _standard_residuals(scales: np.ndarray, loss: np.ndarray) -> np.ndarray:
    """Relative residuals of the best sum of powers, in units of their robust spread."""
    ratio = scales / np.exp(np.log(scales).mean(axis=0))
    powers = (ratio ** -np.array(exponents) for exponents in product(EXPONENTS, repeat=scales.shape[1]))
    residuals = [_relative_residuals(np.column_stack([np.ones_like(loss), power]), loss) for power in powers]
    best = min(residuals, key=lambda residual: float(np.abs(residual).sum()))
    return best / max(1.4826 * float(np.median(np.abs(best))), LEAST_SPREAD)


def _relative_residuals(terms: np.ndarray, loss: np.ndarray, rounds: int = 8) -> np.ndarray:
    """Least absolute deviations of `loss` / fit from 1, by reweighted least squares."""
    design, weight = terms / loss[:, None], np.ones_like(loss)
    residual = weight
    for _ in range(rounds):
        root = np.sqrt(weight)
        residual = 1 - design @ np.linalg.lstsq(design * root[:, None], root, rcond=None)[0]
        weight = 1 / np.maximum(np.abs(residual), 1e-5)
    return residual


def flag_non_monotone(
    frame: pd.DataFrame, response: str, covariates: Sequence[str], groups: Sequence[str], *, rising: bool = False
) -> np.ndarray:
    """Rows where a curve gets worse by more than 3 % over its best value at a smaller scale.

    A curve is at least four values of one covariate with group labels and the other covariates equal; repeats (seeds)
    count by their median. `rising` says that larger is better (accuracy).

    Examples
    --------
    >>> frame = pd.DataFrame({"D": [1e6, 2e6, 4e6, 8e6], "loss": [4.0, 3.5, 3.9, 3.2]})
    >>> flag_non_monotone(frame, "loss", ["D"], []).tolist()
    [False, False, True, False]
    """
    worse = np.zeros(len(frame), dtype=bool)
    score = -frame[response] if rising else np.log(frame[response])
    for along in covariates:
        fixed = [frame[name].map(lambda value: f"{value:.3g}") for name in covariates if name != along]
        keys = [*(frame[name] for name in groups), *fixed]
        curves = score.groupby(keys, sort=False).indices.values() if keys else [np.arange(len(frame))]
        for rows in curves:
            worse[rows] |= _rises(frame[along].to_numpy()[rows], score.to_numpy()[rows])
    return worse


def _rises(x: np.ndarray, score: np.ndarray) -> np.ndarray:
    if len(np.unique(x)) < CURVE_POINTS:
        return np.zeros(len(x), dtype=bool)
    curve = pd.Series(score).groupby(x).median()
    return pd.Series(x).map(curve > curve.cummin() + RISE).to_numpy(dtype=bool)


def note_flags(frame: pd.DataFrame) -> list[str]:
    """Say which rows are flagged and what a flag asks for.

    Examples
    --------
    >>> note_flags(pd.DataFrame({"row": [0, 1], "flag": ["", "diverged"]}))[0][:39]
    '1 run looks diverged and is kept, flagg'
    """
    says = {
        "diverged": ("looks", "look", "diverged",
                     "Student-t noise, the default, bears it; leave it out only with a reason."),
        "non_monotone": ("gets", "get", "worse with scale",
                         "A broken law may describe it, or the run diverged."),
    }  # fmt: skip
    notes = []
    for flag, (one, many, what, advice) in says.items():
        rows = frame["row"][frame["flag"] == flag]
        if len(rows):
            verb = f"1 run {one}" if len(rows) == 1 else f"{len(rows)} runs {many}"
            kept = "is kept" if len(rows) == 1 else "are kept"
            notes.append(f"{verb} {what} and {kept}, flagged {flag!r} ({say_rows(rows)}). {advice}")
    return notes
