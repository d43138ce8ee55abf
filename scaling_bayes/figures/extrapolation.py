"""`plot_extrapolation`: what was foretold of runs that the fit never saw, and what came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from scaling_bayes.figures.answers import FigureError, check_answer, check_groups, check_level, gate_warning, run_labels
from scaling_bayes.figures.curves import draw_curve
from scaling_bayes.figures.errors import Errors, prediction_errors
from scaling_bayes.figures.style import BAD, GOOD, INK, MUTED, SHADE, axis_label, format_value, log_axis, mark, new_figure
from scaling_bayes.sweeps import attr_list

NEEDED = ("observed", "median", "lower", "upper", "inside", "level", "extrapolation")
MOST_COLUMNS = 6
ROW, HEADER = 1.32, 0.17
"""Heights of a row of panels and of the line above a method's row, in inches."""

FEW_LEVELS = 3
RATIOS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def plot_extrapolation(
    scored: xr.Dataset | Mapping[str, xr.Dataset],
    fit_part: xr.Dataset,
    *,
    curve: xr.Dataset | None = None,
    by: str | Sequence[str] | None = None,
    level: float = 0.9,
) -> Figure:
    r"""Draw each held-out run against its prediction, as a relative error.

    .. math:: 100 \left( \frac{y}{\hat y_{0.5}} - 1 \right) \%

    with the predictive interval of a new run on the same scale. A run inside its interval is a blue dot, one outside a
    vermilion cross; runs of one scale stand side by side by rising N. The grey strip is the fitted range, the upper axis the
    ratio to its end.

    Parameters
    ----------
    scored : Dataset, or mapping of str to Dataset
        From `score`. Several, by name, are compared: a row of panels each, on one scale of errors.
    fit_part : Dataset
        The fitted sweep, from `hold_out`; says the groups, the units and where the fitted range ends.
    curve : Dataset, optional
        From `predict` along the scale: a panel above each shows the response with its 50 % and 90 % bands and all runs. Only
        with one scored answer.
    by : str or sequence of str, optional
        Groups that have a panel each; all groups of `fit_part` by default, ``()`` for a single panel.
    level : float
        Of the intervals, one of the scored ones.

    Returns
    -------
    Figure
        6.8 inches wide, closed. Answers of a posterior that failed its sampler's gates are named in red above it.

    Raises
    ------
    FigureError
        If an answer is none of `score`, the level was not scored, a group is unknown, or `curve` cannot be placed.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law = sb.Law("E + A*N**-alpha")
    >>> design = {"N": [1e7, 3e7, 1e8, 3e8, 1e9, 3e9, 1e10]}
    >>> sweep = sb.simulate_sweep(law, design, truth={"E": 1.8, "A": 400.0, "alpha": 0.35}, seed=0)
    >>> fit_part, held_out = sb.hold_out(sweep, along="N", top=2)
    >>> scored = sb.score(sb.baseline(law, fit_part, seed=0, bootstrap=20), held_out)
    >>> len(plot_extrapolation(scored, fit_part).axes)
    1
    """
    answers = dict(scored) if isinstance(scored, Mapping) and not isinstance(scored, xr.Dataset) else {"": scored}
    if not answers:
        raise FigureError("no answer to draw; give what score(posterior, held_out) returns")
    for answer in answers.values():
        check_answer(answer, NEEDED, "score(posterior, held_out)")
    if curve is not None and len(answers) > 1:
        raise FigureError(f"curve= goes with one scored answer, found {len(answers)}: {', '.join(answers)}")
    groups = attr_list(fit_part, "groups") if by is None else check_groups(by, fit_part)
    panels = _read_panels(answers, fit_part, groups, level)
    if len(answers) > 1 and len(panels) == 1:
        panels = {name: {"": panel} for name, panel in next(iter(panels.values())).items()}
    return _draw(panels, answers, fit_part, curve, level)
