"""`plot_comparison`: choices along a scale, against one of them, and who is best."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from scaling_bayes.figures.answers import FigureError, check_answer
from scaling_bayes.figures.bands import draw_bands
from scaling_bayes.figures.canvas import legend_below, new_figure
from scaling_bayes.figures.ranges import (
    CROWDED,
    choose_colours,
    draw_scale,
    fitted_patch,
    panel_columns,
    probability_axis,
    rows_height,
    scale_of,
    split_panels,
    stack_draws,
    title_size,
    two_rows,
)
from scaling_bayes.figures.style import INK, MUTED
from scaling_bayes.symbols import suggest

MAKER = "compare(posterior, group, at=...)"
NEEDED = ("ratio", "difference", "p_best", "p_best_new_run", "p_better", "regret")


def plot_comparison(
    answer: xr.Dataset, *, baseline: str | None = None, colours: Mapping[str, str] | None = None
) -> Figure:
    r"""Draw choices along a scale: the response relative to one of them, and the probability of being the best.

    .. math:: 100 \left( \frac{y_a}{y_b} - 1 \right) \%

    with 50 % and 90 % bands; solid lines of P(best) are of the mean curve, dotted ones of one new run. Of more than six
    choices those that are best with the highest probabilities have colours and bands, the rest are grey.

    Parameters
    ----------
    answer : Dataset
        From `compare` at two scales or more. Other groups have a panel each.
    baseline : str, optional
        The choice b; by default that of the answer, or the one most often best at the largest scale.
    colours : mapping of str to str, optional
        Label -> colour, where choices have colours in other figures already.

    Returns
    -------
    Figure
        Closed. Grey is the fitted range; failed gates are named in red above.

    Raises
    ------
    FigureError
        If the answer is none of `compare`, or has one scale only, or lacks the choice.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, truth = sb.Law("E + A*N**-alpha"), {"E": 1.8, "A": {"code": 300.0, "web": 400.0}, "alpha": 0.35}
    >>> design = {"N": [1e7, 3e7, 1e8, 3e8, 1e9], "corpus": ["code", "web"]}
    >>> sweep = sb.simulate_sweep(law, design, truth=truth, seed=0)
    >>> posterior = sb.baseline(law, sweep, seed=0, bootstrap=20, by="corpus")
    >>> fig = plot_comparison(sb.compare(posterior, "corpus", at={"N": [1e9, 1e10]}), baseline="web")
    >>> [ax.get_ylabel() for ax in fig.axes]
    ['loss, relative to web (%)', 'P(best)']
    """
    check_answer(answer, NEEDED, MAKER)
    dim = str(answer.attrs["group"])
    scale = scale_of(answer, MAKER)
    order = np.argsort(scale.values)
    answer = answer.isel({scale.dims[0]: order}).rename({scale.dims[0]: "point"} if scale.dims[0] != "point" else {})
    labels = answer[dim].values.astype(str).tolist()
    baseline = _read_baseline(answer, dim, labels, baseline)
    panels = split_panels(answer, (dim, f"{dim}_other"))
    weight = answer["p_best"].max([d for d in answer["p_best"].dims if d != dim]).values
    shown = choose_colours(labels, weight, colours)
    with new_figure(rows_height(len(panels)), shows=answer) as fig:
        pairs = two_rows(fig, len(panels))
        for i, ((upper, lower), (name, part)) in enumerate(zip(pairs, panels.items(), strict=True)):
            _draw_ratio(upper, part, dim, baseline, shown)
            _draw_best(lower, part, dim, shown)
            draw_scale(upper, part[scale.name], answer, label=len(panels) == 1)
            draw_scale(lower, part[scale.name], answer)
            upper.set_title(name, weight="bold", fontsize=title_size(list(panels)))
            if i % panel_columns(len(panels)) == 0:
                apart = "\n" if len(panels) > 1 else " "  # side by side with others a panel is low
                upper.set_ylabel(f"{answer.attrs['response']}, relative{apart}to {baseline} (%)")
            lower.set_ylabel("P(best)" if i % panel_columns(len(panels)) == 0 else "")
        _share_limits([upper for upper, _ in pairs])
        legend_below(fig, _legend(shown, str(answer.attrs["better"])))
        return fig


def _read_baseline(answer: xr.Dataset, dim: str, labels: Sequence[str], wanted: str | None) -> str:
    known = answer.attrs.get("baseline")
    if wanted is not None and (wanted not in labels or known not in (None, wanted)):
        held = suggest(wanted, [known] if known else labels)
        raise FigureError(f"the answer does not hold its choices against {wanted!r}: {held}")
    if known or wanted:
        return str(known or wanted)
    last = answer["p_best"].isel(point=-1)
    return labels[int(last.mean([d for d in last.dims if d != dim]).values.argmax())]


def _draw_ratio(ax: Axes, part: xr.Dataset, dim: str, baseline: str, colours: dict[str, str]) -> None:
    other = f"{dim}_other"
    ratio = part["ratio"].sel({other: baseline}) if other in part["ratio"].dims else part["ratio"]
    x = part[str(part.attrs.get("along") or part.attrs["scale"])].values
    for label, colour in colours.items():
        if label == baseline:
            continue
        draws = 100 * (stack_draws(ratio.sel({dim: label})) - 1)
        if colour == MUTED:
            ax.plot(x, np.median(draws, axis=0), color=MUTED, lw=0.5, label=label, zorder=2)
        else:
            draw_bands(ax, x, draws, colour, label, crowded=len(colours) > CROWDED)
    ax.axhline(0, color=colours[baseline], lw=1.0, label=baseline, zorder=3)
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}".replace("-", "−") if value else "0"))


def _draw_best(ax: Axes, part: xr.Dataset, dim: str, colours: dict[str, str]) -> None:
    x = part[str(part.attrs.get("along") or part.attrs["scale"])].values
    for label, colour in colours.items():
        width = 0.5 if colour == MUTED else 1.0
        for name, style in (("p_best", "-"), ("p_best_new_run", ":")):
            ax.plot(x, part[name].sel({dim: label}).values, style, color=colour, lw=width, label=label, clip_on=False)
    probability_axis(ax, "P(best)")


def _share_limits(axes: Sequence[Axes]) -> None:
    low, high = (f(ax.get_ylim()[k] for ax in axes) for k, f in ((0, min), (1, max)))
    for ax in axes:
        ax.set_ylim(low, high)


def _legend(colours: dict[str, str], better: str) -> list[Artist]:
    handles: list[Artist] = [Line2D([], [], color=c, label=label) for label, c in colours.items() if c != MUTED]
    if rest := sum(c == MUTED for c in colours.values()):
        handles.append(Line2D([], [], color=MUTED, lw=0.5, label=f"{rest} others"))
    words = Line2D([], [], ls="none", label=f"{better} is better")  # in no panel, where a line may cross them
    return [*handles, Line2D([], [], color=INK, ls=":", label="one new run"), fitted_patch(), words]
