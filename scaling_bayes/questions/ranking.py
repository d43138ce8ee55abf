"""`rank`: a comparison as a table, the choice whose expected regret is least first."""

import pandas as pd
import xarray as xr

from scaling_bayes.questions.points import QuestionError
from scaling_bayes.questions.summaries import summarise
from scaling_bayes.symbols import SAMPLE

NEEDED = ("p_best", "p_best_new_run", "regret")


def rank(answer: xr.Dataset, *, level: float = 0.9) -> pd.DataFrame:
    r"""Rank the choices of a comparison by what taking each would cost on average.

    .. math:: E[r_a] = E\Bigl[y_a - \min_b y_b\Bigr]

    Parameters
    ----------
    answer : Dataset
        From `compare`.
    level : float
        Of the interval of the response.

    Returns
    -------
    DataFrame
        One row a choice (and point, and other group), best first. Columns: the response's ``median``, ``lower`` and
        ``upper``, ``p_best``, ``p_best_new_run``, ``regret`` (expected, in the response's unit), ``regret_factor``
        (median; infinite where more than half of the draws never get there), ``p_unattained``, and ``extrapolation``,
        the ratio of the point's scale to the largest fitted one.

    Raises
    ------
    QuestionError
        If `answer` is no comparison.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, truth = sb.Law("E + A*N**-alpha"), {"E": 1.8, "A": {"code": 300.0, "web": 400.0}, "alpha": 0.35}
    >>> design = {"N": [1e7, 3e7, 1e8, 3e8, 1e9], "corpus": ["code", "web"]}
    >>> sweep = sb.simulate_sweep(law, design, truth=truth, seed=0)
    >>> answer = sb.compare(sb.baseline(law, sweep, seed=0, bootstrap=20, by="corpus"), "corpus", at={"N": 1e8})
    >>> rank(answer)["p_best"].to_dict()
    {'code': 1.0, 'web': 0.0}
    """
    if not is_comparison(answer):
        absent = [name for name in NEEDED if name not in getattr(answer, "data_vars", ())]
        raise QuestionError(f"rank needs the answer of sb.compare(posterior, group, at=...); it lacks {absent}")
    response = str(answer.attrs["response"])
    table = summarise(answer[[response]], level=level).droplevel("quantity")
    columns = {name: answer[name].to_series() for name in ("p_best", "p_best_new_run")}
    columns["regret"] = answer["regret"].mean(SAMPLE).to_series()
    if "regret_factor" in answer:
        median = summarise(answer[["regret_factor"]])["median"]
        columns |= {"regret_factor": median.droplevel("quantity"), "p_unattained": answer["p_unattained"].to_series()}
    table = table.join(pd.DataFrame(columns))
    (place,) = answer["extrapolation"].dims
    ratio = dict(answer["extrapolation"].to_series().items())
    table["extrapolation"] = [ratio[point] for point in table.index.get_level_values(str(place))]
    dim = str(answer.attrs["group"])
    outer = [str(name) for name in table.index.names if name != dim]
    table = table.reorder_levels([*outer, dim]).sort_values("regret").sort_index(level=outer, sort_remaining=False)
    return table.droplevel(place) if answer.sizes[place] == 1 else table


def is_comparison(answer: xr.Dataset) -> bool:
    """Whether an answer is one of `compare`."""
    return all(name in getattr(answer, "data_vars", ()) for name in NEEDED)
