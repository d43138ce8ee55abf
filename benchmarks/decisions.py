"""Scoreboard of decisions, ``python -m benchmarks.decisions``: which of 25 corpora is better at a larger size.

Runs of DataDecide up to 150M parameters are fitted, the corpora are compared at 300M, and each of the 300 pairs is
held against the mean of the runs at 300M.
"""

import argparse
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import norm

import scaling_bayes as sb
from benchmarks.extrapolation import HABIT, WITH, WITHOUT, Settings, count_cpu_seconds, fit_method, write_rows
from benchmarks.families import CURVE, FAMILIES, Family, load_parts
from benchmarks.markdown import format_markdown

RESULTS = Path(__file__).parent / "results" / "decisions.csv"
FAMILY = "datadecide"
RANKING = "single scale"
METHODS = (WITH, WITHOUT, HABIT, RANKING)
CONFIDENCE = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Edges of the bins of the probability that a method gives the corpus that it prefers."""


def compare_pairs(family: Family, method: str, settings: Settings) -> pd.DataFrame:
    """P(row better than column) at the held-out scale, by one method; see `rank_largest` for the ranking.

    Parameters
    ----------
    family : Family
    method : str
    settings : Settings

    Returns
    -------
    DataFrame
        Indexed and columned by the curve.

    Raises
    ------
    SweepError, ModelError
        If the sweep cannot be had, or cannot carry the model.
    """
    fit_part, held_out = load_parts(family)
    if method == RANKING:
        return rank_largest(fit_part, family.along)
    posterior = fit_method(family, method, fit_part, settings)
    at = {family.along: float(held_out[family.along].median())}
    answer = sb.compare(posterior, CURVE, at=at, along=None)
    return answer["p_better"].squeeze(drop=True).to_pandas()


def rank_largest(sweep: xr.Dataset, along: str) -> pd.DataFrame:
    r"""P(row better than column) from the largest fitted scale alone.

    .. math:: P(a \text{ better}) = \Phi\left(\frac{\bar y_b - \bar y_a}{s \sqrt{1 / n_a + 1 / n_b}}\right)

    with the spread s of runs of one curve, pooled over curves.

    Examples
    --------
    >>> curve = ("run", ["a", "a", "b", "b"])
    >>> sweep = xr.Dataset({"loss": ("run", [1.0, 1.2, 2.0, 2.2])}, coords={"C": ("run", [1.0] * 4), "curve": curve})
    >>> rank_largest(sweep.assign_attrs(response="loss"), "C").round(3).to_numpy().tolist()
    [[0.5, 1.0], [0.0, 0.5]]
    """
    table = sweep.to_dataframe()
    top = table[table[along] == table.groupby(CURVE)[along].transform("max")].groupby(CURVE)[sweep.attrs["response"]]
    means, counts = top.mean(), top.count()
    spread = np.sqrt((top.var(ddof=1) * (counts - 1)).sum() / (counts - 1).sum())
    error = spread * np.sqrt(1 / counts.to_numpy()[:, None] + 1 / counts.to_numpy()[None, :])
    difference = means.to_numpy()[None, :] - means.to_numpy()[:, None]
    return pd.DataFrame(norm.cdf(difference / error), index=means.index, columns=means.index)


def score_pairs(p_better: pd.DataFrame, truth: pd.Series) -> pd.DataFrame:
    """Score the probabilities of all pairs against what the held-out runs say.

    Parameters
    ----------
    p_better : DataFrame
        P(row better than column).
    truth : Series
        Mean held-out response by label; less is better.

    Returns
    -------
    DataFrame
        One row a bin of the probability that was given to the preferred one (``pairs``, ``claimed``, ``right``), and
        one row ``all`` with ``brier`` and ``regret`` besides: how much worse than the best the label is that was
        preferred most, and ``mean_regret``, that of a label chosen at random.

    Examples
    --------
    >>> p = pd.DataFrame([[0.5, 0.9], [0.1, 0.5]], index=["a", "b"], columns=["a", "b"])
    >>> scored = score_pairs(p, pd.Series({"a": 1.0, "b": 2.0})).set_index("bin")
    >>> scored.loc["all", ["pairs", "claimed", "right", "brier", "regret"]].astype(float).round(2).tolist()
    [1.0, 0.9, 1.0, 0.01, 0.0]
    """
    first, second = np.triu_indices(len(truth), 1)
    labels = p_better.index
    p = p_better.loc[labels, labels].to_numpy()[first, second]
    values = truth.loc[labels].to_numpy()
    won = np.where(values[first] == values[second], 0.5, values[first] < values[second])
    pairs = pd.DataFrame({"claimed": np.maximum(p, 1 - p), "right": np.where(p >= 0.5, won, 1 - won), "pairs": 1})
    names = [f"{low:g}-{high:g}" for low, high in pairwise(CONFIDENCE)]
    bins = pd.cut(pairs["claimed"], list(CONFIDENCE), labels=names, include_lowest=True).astype(str)
    how = {"pairs": "sum", "claimed": "mean", "right": "mean"}
    chosen = labels[int(p_better.to_numpy().mean(axis=1).argmax())]
    whole = pairs.agg(how).to_dict() | {
        "bin": "all",
        "brier": float(np.mean((p - won) ** 2)),
        "chosen": chosen,
        "regret": float(truth[chosen] - truth.min()),
        "mean_regret": float(truth.mean() - truth.min()),
    }
    return pd.concat([pd.DataFrame([whole]), pairs.groupby(bins).agg(how).rename_axis("bin").reset_index()])


def run_one(method: str, settings: Settings) -> pd.DataFrame:
    """Compare and score by one method."""
    family = FAMILIES[FAMILY]
    _, held_out = load_parts(family)
    truth = held_out[held_out.attrs["response"]].groupby(CURVE).mean().to_series()
    started = count_cpu_seconds()
    rows = score_pairs(compare_pairs(family, method, settings), truth)
    return rows.assign(method=method, seed=settings.seed, cpu_seconds=round(count_cpu_seconds() - started, 1))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every method that is asked for, write the rows and print them."""
    says = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decisions", description=says)
    parser.add_argument("--method", action="append", choices=METHODS, help="one or several; all by default")
    parser.add_argument("--draws", type=int, default=Settings.draws, help="kept draws a chain")
    parser.add_argument("--warmup", type=int, default=Settings.warmup, help="iterations of warm-up a chain")
    parser.add_argument("--bootstrap", type=int, default=Settings.bootstrap, help="resamples of the baseline")
    parser.add_argument("--seed", type=int, default=Settings.seed)
    parser.add_argument("--table", action="store_true", help="run nothing, print what is there")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS, help="file for what is written")
    chosen = parser.parse_args(arguments)
    settings = Settings(chosen.draws, chosen.warmup, chosen.bootstrap, chosen.seed)
    if not chosen.table:
        parts = []
        for method in chosen.method or METHODS:
            print(f"{method} ...", file=sys.stderr, flush=True)
            parts.append(run_one(method, settings))
        write_rows(exchange_rows(chosen.output, pd.concat(parts, ignore_index=True)), chosen.output)
    print_scoreboard(pd.read_csv(chosen.output))
    return 0


def exchange_rows(path: Path, rows: pd.DataFrame) -> pd.DataFrame:
    """What a file holds, with new rows in the place of those of the same methods; in the order of `METHODS`.

    Examples
    --------
    >>> rows = pd.DataFrame({"method": ["single scale", "huber"], "right": [0.8, 0.7]})
    >>> exchange_rows(Path("none.csv"), rows)["method"].tolist()
    ['huber', 'single scale']
    """
    kept = pd.read_csv(path) if path.exists() else rows[:0]
    together = pd.concat([part for part in (kept[~kept["method"].isin(rows["method"])], rows) if len(part)])
    return together.sort_values("method", key=lambda names: names.map(METHODS.index), kind="stable", ignore_index=True)


def print_scoreboard(rows: pd.DataFrame) -> None:
    """Print all pairs by method, and the bins of each, in Markdown."""
    whole = rows[rows["bin"] == "all"]
    shown = ["method", "pairs", "right", "brier", "chosen", "regret", "mean_regret", "cpu_seconds"]
    print(format_markdown(whole[shown]), end="\n\n")
    print(format_markdown(rows.loc[rows["bin"] != "all", ["method", "bin", "pairs", "claimed", "right"]]))


if __name__ == "__main__":
    sys.exit(main())
