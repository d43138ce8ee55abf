"""`plot_ranks`: whether the chains drew from one distribution, parameter by parameter."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scaling_bayes.figures.answers import FigureError
from scaling_bayes.figures.canvas import legend_below, new_figure
from scaling_bayes.figures.parameters import label_groups, list_parameters
from scaling_bayes.figures.style import MUTED, group_colours
from scaling_bayes.figures.venues import points
from scaling_bayes.symbols import SAMPLE, latex

ROW, COLUMNS, MOST = 1.05, 4, 24
"""Height of a row in inches, panels side by side, and most panels."""

PROBABILITY = 0.94
"""Of the band that holds a whole line at once, for chains that agree."""

MOST_DRAWS = 500
"""Draws of a chain that are ranked, evenly spaced."""


def plot_ranks(answer: xr.Dataset, *, names: list[str] | None = None) -> Figure:
    r"""Draw the ranks of each chain's draws among those of all chains, as the distance of their ECDF from uniform.

    .. math:: \hat F_c(r) - r, \qquad r = \mathrm{rank} / n

    Chains that agree stay in the band, which holds a whole line with probability 94 %; a chain that is shifted makes a
    hill, one that is wider or narrower an S. Worked out by arviz-plots.

    Parameters
    ----------
    answer : Dataset
        From `parameters`, of a posterior with several chains.
    names : list of str, optional
        Parameters that are drawn; all by default. More than twenty-four panels are not drawn: name fewer.

    Returns
    -------
    Figure
        Closed. Failed gates are named in red above it.

    Raises
    ------
    FigureError
        If the answer is none of `parameters`, has one chain only, or the panels are too many.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> answer = xr.Dataset({"alpha": (("chain", "draw"), rng.normal(size=(4, 100)))}, coords={"parameter": ["alpha"]})
    >>> answer = answer.assign(correlation=1.0).assign_coords(role=("parameter", ["exponent"]))
    >>> plot_ranks(answer).axes[0].get_title()
    '$\\alpha$'
    """
    known = list_parameters(answer)
    if answer.sizes["chain"] < 2:
        raise FigureError("ranks compare chains, and this answer has one; a bootstrap has none to compare")
    panels = {(name, label): array for name in names or known for label, array in label_groups(answer[name]).items()}
    if len(panels) > MOST:
        raise FigureError(f"{len(panels)} panels are more than {MOST}; name fewer parameters, or select groups")
    rows = -(-len(panels) // COLUMNS)
    chains = group_colours([f"chain {k}" for k in answer["chain"].values])
    every = xr.Dataset({name: (SAMPLE, values) for name, values in _number(panels).items()})
    with new_figure(ROW * rows + 0.5, shows=answer, make=lambda size: _draw_ranks(every, size, chains)) as fig:
        for empty in fig.axes[len(panels) :]:
            empty.remove()
        for k, (ax, (name, label)) in enumerate(zip(fig.axes, panels, strict=True)):
            ax.set_title(f"${latex(name)}$" + (f" ({label})" if label else ""), fontsize=points(7))
            ax.set_xlabel("fractional rank" if k >= len(panels) - COLUMNS else "")
            for line, says in zip(ax.lines, chains, strict=False):
                line.set(label=says)
            for band in ax.collections:
                band.set(label=f"{100 * PROBABILITY:g} %")
        handles = [Line2D([], [], color=colour, label=says) for says, colour in chains.items()]
        legend_below(fig, [*handles, Line2D([], [], color=MUTED, lw=4, alpha=0.3, label=f"{100 * PROBABILITY:g} %")])
    return fig


def _number(panels: Mapping[tuple[str, str], xr.DataArray]) -> dict[str, np.ndarray]:
    """Thinned draws of each panel by a name of its own."""
    thin = [array.isel(draw=slice(None, None, -(-array.sizes["draw"] // MOST_DRAWS))) for array in panels.values()]
    return {f"panel {k}": array.transpose("chain", "draw").values for k, array in enumerate(thin)}


def _draw_ranks(every: xr.Dataset, size: tuple[float, float], chains: Mapping[str, str]) -> Figure:
    """What arviz-plots draws of every variable, with a colour for each chain."""
    import arviz_plots  # loads JAX, which no other figure needs

    drawn = arviz_plots.plot_rank(
        xr.DataTree.from_dict({"posterior": every}),
        backend="matplotlib",
        method="envelope",
        envelope_prob=PROBABILITY,
        col_wrap=COLUMNS,
        figure_kwargs={"figsize": size},
        aes={"color": ["chain"]},
        color=list(chains.values()),
        visuals={"title": False, "xlabel": False, "credible_interval": {"color": MUTED, "alpha": 0.3}},
    )
    return drawn.viz["figure"].item()
