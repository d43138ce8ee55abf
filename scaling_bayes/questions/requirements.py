"""`require`: how much compute, data or size a target takes."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from xarray import ufuncs

from scaling_bayes.laws.costs import Cost, six_nd
from scaling_bayes.laws.costs.cost import as_cost
from scaling_bayes.laws.optima import search_range
from scaling_bayes.questions.drift_paths import Drift
from scaling_bayes.questions.forecast import describe
from scaling_bayes.questions.interpolation import interpolate, interpolate_linearly, look_up
from scaling_bayes.questions.inversion import first_reach
from scaling_bayes.questions.mixture import mixed
from scaling_bayes.questions.points import QuestionError, QuestionWarning, check_size, read_range, read_single
from scaling_bayes.questions.splits import QUANTITIES, Search, can_choose, lay_range
from scaling_bayes.questions.summaries import EVENT
from scaling_bayes.questions.surface import SPLIT, Surface, read_surface, total_drift
from scaling_bayes.symbols import suggest

BELOW, ABOVE = 1e-3, 1e6
"""Multiples of the smallest and of the largest fitted scale between which a target is looked for by default."""

PLACES, BUDGETS = 33, 9
"""Scales at which a response is looked at, and among them those at which the best split is found."""

EARLY = 0.05
"""Share of answers at the lower end of the range from which it is warned of."""

EDGE = 1e-9
"""Relative distance from the lower end of the range within which a target counts as reached there."""

ZOOMS, FINER = 2, 9
"""How often the step that reaches a target is refined, and into how many places; between these runs a cubic."""

Line = Callable[[xr.DataArray], dict[str, Any]]
"""Logarithms of the scale -> every covariate there."""


@mixed
def require(
    posterior: xr.DataTree,
    *,
    loss: Any,
    along: str = "C",
    cost: Cost = six_nd,
    tokens_per_parameter: float | None = None,
    at: Mapping[str, Any] | None = None,
    within: tuple[float, float] | None = None,
    seed: int = 0,
) -> xr.Dataset:
    r"""Scale at which the mean response first reaches a target, draw by draw.

    .. math:: x^* = \min \{ x : f(x; \theta_g)\, e^{\delta_g(x)} \le \text{target} \}

    Along C, each budget is split at its optimum (see `allocate`), or at fixed tokens per parameter. Two power terms
    without drift give :math:`C^* = (K / (\text{target} - E))^{1 / \gamma}`, and :math:`\infty` at or below E.

    Parameters
    ----------
    posterior : DataTree
    loss : number or array
        Targets, in the unit of the response.
    along : str
        ``C`` for the budget, in the unit of `cost`; or a covariate of the law, the others held by `at`.
    cost : Cost
        See `scaling_bayes.costs`; along C of a law in size and data. It counts 6ND by default, whatever the sweep's own
        C counts: see `allocate`, and ``costs.measured``.
    tokens_per_parameter : float, optional
        Keep this ratio instead of the best one; along N or D too, in place of a value of the other.
    at : mapping, optional
        One value of each further covariate, and one label of each grouping that is not to be a dim.
    within : tuple of float, optional
        Scales between which is looked; from a thousandth of the smallest fitted one to a million times the largest.
    seed : int
        For drift beyond the data and groups never seen.

    Returns
    -------
    Dataset
        Dims (chain, draw, [groups], target): ``required``, infinite where no scale `within` reaches the target and
        their lower end where every one does; ``never``, 1 where it is infinite, and ``at_edge``, 1 where it is the
        lower end, so that their means are probabilities; ``N`` and ``D`` there, where the answer chooses them;
        ``extrapolation``, the ratio of the scale to the largest fitted one.

    Raises
    ------
    QuestionError
        If a target is not positive, `along` is no covariate, or `at` is incomplete.

    Warns
    -----
    QuestionWarning
        If more than a twentieth of the answers are the lower end of the range.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, truth = sb.Law("E + A*N**-alpha"), {"E": 1.8, "A": 400.0, "alpha": 0.35}
    >>> sweep = sb.simulate_sweep(law, {"N": [1e7, 3e7, 1e8, 3e8, 1e9, 3e9]}, truth=truth, seed=0, noise=0)
    >>> needed = require(sb.baseline(law, sweep, seed=0, bootstrap=20), loss=[2.0, 1.7], along="N")
    >>> needed["required"].median(("chain", "draw")).values.round(-7).tolist(), needed["never"].mean().item()
    ([2700000000.0, inf], 0.5)
    """
    target = _read_targets(loss)
    rng = np.random.default_rng(seed)
    free = _free(along, at or {}, tokens_per_parameter, posterior)
    surface = read_surface(posterior, at, rng, cost=as_cost(cost), chosen=free)
    check_size(surface.elements * max(QUANTITIES * len(target), PLACES), "ask for fewer targets at once")
    low, high = read_range(within or _default_range(surface, along, cost))
    ends = float(np.log(low)), float(np.log(high))
    grid = xr.DataArray(np.linspace(ends[0], ends[1], PLACES), dims="place")
    line, drifts = _lay_line(surface, along, cost, tokens_per_parameter, ends, rng)
    covariates = line(grid)
    drift = total_drift(drifts or surface.draw_drifts(covariates, rng), covariates)
    seen = surface.sign * surface.log_mean(covariates, drift)
    found = [_first_reached(surface, line, drift, seen, grid, surface.sign * np.log(each)) for each in target]
    required = xr.concat(found, "target").assign_coords(target=("target", target, {"units": surface.record.unit}))
    answer = _assemble(surface, line, required.transpose(..., "target"), low, chosen=set(free) & {"N", "D"} - {along})
    units = cost.unit if along == "C" else surface.units.get(along, "")
    if (share := float(answer["at_edge"].mean())) > EARLY:
        warnings.warn(
            f"at {low:.3g}, the lower end of what is searched, the target is reached already in {share:.0%} of the "
            "draws and targets: what is required there may be less; give within= a lower end, or a lower target",
            QuestionWarning,
            stacklevel=3,
        )
    answer["required"].attrs |= {"units": units, "long_name": f"required {along}"}
    ratio = {} if tokens_per_parameter is None else {"tokens_per_parameter": tokens_per_parameter}
    told = {"along": along, "within": np.exp(ends).tolist(), "cost": cost.name}
    return answer.assign_attrs(describe(posterior, surface.record, along), **told, **ratio)


def _free(along: str, at: Mapping[str, Any], ratio: float | None, posterior: xr.DataTree) -> tuple[str, ...]:
    """Covariates that the answer chooses, or that follow from its choice."""
    law = read_single(posterior).law
    if ratio is not None or (along == "C" and len({*law.covariates} & {*SPLIT}) > 1):
        if along not in ("C", "N", "D") or (ratio is not None and not ratio > 0):
            raise QuestionError(f"tokens_per_parameter={ratio!r} along {along!r}: give a positive one, along C, N or D")
        return SPLIT
    if along not in law.covariates:
        raise QuestionError(f"along={along!r}: {suggest(along, law.covariates)}")
    both = {"N", "D"} <= {along, *at}
    return (along, *(c for c in SPLIT if both and c not in ("N", "D") and c not in at))


def _default_range(surface: Surface, along: str, cost: Cost) -> tuple[float, float]:
    fitted = surface.record.fitted
    known = {"N", "D"} <= fitted.keys() and along == "C"
    if not known and (along not in fitted or (along == "C" and cost.unit != "FLOP")):
        raise QuestionError(f"the fitted range of {along} is not known in {cost.unit}: give within=(lowest, highest)")
    low, high = [cost.spend(fitted["N"][i], fitted["D"][i]) if known else fitted[along][i] for i in (0, 1)]
    return BELOW * low, ABOVE * high


def _lay_line(
    surface: Surface, along: str, cost: Cost, ratio: float | None, ends: tuple[float, float], rng: np.random.Generator
) -> tuple[Line, tuple[Drift, ...]]:
    """Covariates as a function of the log scale, and the drifts that had a say in them."""
    if along == "C" and can_choose(surface):
        levels = np.linspace(ends[0], ends[1], BUDGETS)
        return (
            _lay_best(surface, cost, levels, rng) if ratio is None else (_lay_ratio(surface, cost, levels, ratio), ())
        )

    def line(log_scale: xr.DataArray) -> dict[str, Any]:
        here = ufuncs.exp(log_scale)
        known = {**surface.held, along: here}
        if ratio is not None:
            known |= {"D": ratio * here} if along == "N" else {"N": here / ratio}
        return {**surface.split(known["N"], known["D"]), along: here} if {"N", "D"} <= known.keys() else known

    return line, ()


def _lay_best(
    surface: Surface, cost: Cost, levels: np.ndarray, rng: np.random.Generator
) -> tuple[Line, tuple[Drift, ...]]:
    """Best splits; between the budgets tried, log N is a cubic in log C, or a line where a drift makes it jump."""
    where = lay_range(surface, np.exp(levels), cost, rng, ratios=None, between=True)
    search = Search(surface, np.exp(levels), cost, where.ratios, where.moving)
    log_N = search.label(search.best(roughly=bool(where.moving))[0].x).rename(budget="level")
    return _line_of_budgets(surface, cost, log_N, levels, smooth=not where.moving), where.drifts


def _lay_ratio(surface: Surface, cost: Cost, levels: np.ndarray, ratio: float) -> Line:
    """Splits at fixed tokens per parameter."""
    log_N = xr.DataArray(search_range(cost, np.exp(levels), (ratio, ratio))[0], dims="level")
    return _line_of_budgets(surface, cost, log_N, levels, smooth=True)


def _line_of_budgets(surface: Surface, cost: Cost, log_N: xr.DataArray, levels: np.ndarray, *, smooth: bool) -> Line:
    def line(log_scale: xr.DataArray) -> dict[str, Any]:
        position = (log_scale - levels[0]) / (levels[1] - levels[0])
        N = ufuncs.exp(look_up(log_N, position, interpolate if smooth else interpolate_linearly))
        return surface.split(N, cost.afford(N, ufuncs.exp(log_scale)))

    return line


def _first_reached(
    surface: Surface, line: Line, drift: xr.DataArray, seen: xr.DataArray, grid: xr.DataArray, target: float
) -> xr.DataArray:
    """Scale at which the log response first is at the target or below; infinite where none is.

    The law is evaluated in ever finer steps, its drift interpolated between the places of `grid`.
    """
    reached, paths = seen <= target, drift.rename({d: "level" for d in drift.dims if d == "place"})
    low, high = _step_to(reached, grid)
    for _ in range(ZOOMS):
        finer = low + (high - low) * xr.DataArray(np.linspace(0, 1, FINER), dims="place")
        nearby = look_up(paths, (finer - grid[0]) / (grid[1] - grid[0])) if "level" in paths.dims else paths
        above = surface.sign * surface.log_mean(line(finer), nearby) - target
        low, high = _step_to(above <= 0, finer)
    share = xr.apply_ufunc(_cross, above, input_core_dims=[["place"]])
    found = ufuncs.exp(finer.isel(place=0) + share * (finer.isel(place=-1) - finer.isel(place=0)))
    return found.where(reached.any("place"), np.inf)


def _cross(above: np.ndarray) -> np.ndarray:
    """Share of the way along the last axis at which curves first fall to zero; none where they begin below it."""
    return first_reach(np.linspace(0, 1, above.shape[-1]), above, np.zeros((*above.shape[:-1], 1)))[..., 0].clip(0, 1)


def _first(reached: xr.DataArray) -> xr.DataArray:
    """The first place that reaches the target; the last one where none does."""
    return reached.argmax("place").where(reached.any("place"), reached.sizes["place"] - 1)


def _step_to(reached: xr.DataArray, of: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """`of` at the place before the first that reaches the target, and there."""
    first = _first(reached)
    return of.isel(place=(first - 1).clip(0)), of.isel(place=first)


def _assemble(surface: Surface, line: Line, required: xr.DataArray, low: float, chosen: set[str]) -> xr.Dataset:
    reached = required < np.inf
    there = line(ufuncs.log(required.where(reached, 1.0)))
    found = {
        "required": required,
        "never": xr.where(reached, 0.0, 1.0).assign_attrs(EVENT, long_name="target never reached"),
        "at_edge": xr.where(required > low * (1 + EDGE), 0.0, 1.0).assign_attrs(EVENT, long_name="reached at once"),
    }
    for c in sorted(chosen, reverse=True):
        found[c] = there[c].where(reached, np.inf).assign_attrs(units=surface.units[c])
    found["extrapolation"] = surface.extrapolation(there).where(reached, np.inf)
    return xr.Dataset(found)


def _read_targets(loss: Any) -> np.ndarray:
    target = np.atleast_1d(np.asarray(loss, dtype=np.float64))
    if target.ndim != 1 or not target.size or not (np.isfinite(target) & (target > 0)).all():
        raise QuestionError(f"loss is one or more targets above 0, in the unit of the response; found {loss!r}")
    return target
