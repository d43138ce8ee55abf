"""`allocate`: how large a network, on how many tokens, for a budget."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from xarray import ufuncs

from scaling_bayes.laws.costs import Cost, six_nd
from scaling_bayes.laws.costs.cost import as_cost
from scaling_bayes.questions.forecast import describe
from scaling_bayes.questions.mixture import lead, mixed
from scaling_bayes.questions.points import QuestionError
from scaling_bayes.questions.splits import RATIOS, Search, Split, best_split, check_choice, lay_range, read_budgets
from scaling_bayes.questions.summaries import EVENT
from scaling_bayes.questions.surface import Surface, read_surface, total_drift

R_STAR = 15.387756
"""Repetitions after which another one is worth 1/e of a fresh pass (Muennighoff et al. 2023)."""

EPS = 0.0025
"""Excess over the lowest loss, as a share of it, that a region holds by default."""


@mixed
def allocate(
    posterior: xr.DataTree,
    C: Any,
    *,
    cost: Cost = six_nd,
    at: Mapping[str, Any] | None = None,
    eps: float = EPS,
    data_limit: float | None = None,
    R_star: float = R_STAR,
    ratios: tuple[float, float] | None = None,
    drift: bool = True,
    seed: int = 0,
) -> xr.Dataset:
    r"""Split a budget between network size and data, draw by draw.

    .. math:: N_{opt}(C) = \arg\min_N f(N, D; \theta), \qquad c(N, D) = C

    Two power terms at a cost k N D have a closed form, with :math:`G = (\alpha A / \beta B)^{1 / (\alpha + \beta)}`:

    .. math:: N_{opt} = G\, (C / k)^{\beta / (\alpha + \beta)}, \qquad D_{opt} = C / (k N_{opt})

    Every other law, cost or limit is searched over the logarithm of N.

    The optimum is that of law and drift together, as the two are known only together: a posterior may hold a law far
    from the runs and a drift that brings it back. Drift along C moves every split of a budget alike, and leaves the
    closed form; drift along D/N moves the optimum, and beyond the fitted ratios as its prior allows, so no split far
    from them is looked at by default. ``drift=False`` gives the optimum of the law alone, and the loss there with the
    drift in it.

    Parameters
    ----------
    posterior : DataTree
        Of a law in size and data.
    C : number or array
        Budgets, in the unit of `cost`: training FLOP by default.
    cost : Cost
        See `scaling_bayes.costs`. It counts 6ND by default, whatever the sweep's own C counts (``flop_rule``): where
        that was measured, groups whose C is more than 6ND seem cheaper here than they were. ``costs.measured`` of the
        runs of one group is what these cost; ask for that group in `at`.
    at : mapping, optional
        One value of each further covariate, and one label of each grouping that is not to be a dim.
    eps : float
        The region holds sizes whose loss is at most 1 + eps times the lowest one.
    data_limit : float, optional
        Unique tokens there are. More passes over them count as `effective_data` says, unless the law itself has a
        covariate ``U`` or ``epochs``.
    R_star : float
        Repetitions after which another one is worth 1/e of a fresh pass; with `data_limit` alone.
    ratios : tuple of float, optional
        Tokens per parameter between which is searched: 1e-3 to 1e6 by default, and where a drift moves the optimum
        from a third of the lowest fitted ratio to three times the highest.
    drift : bool
        Whether the drift has a say in the optimum.
    seed : int
        For drift beyond the data and groups never seen.

    Returns
    -------
    Dataset
        Dims (chain, draw, [groups], budget): ``N_opt``, ``D_opt`` (tokens seen), ``tokens_per_parameter``; the
        response there; ``N_low`` and ``N_high``, between which the response stays within `eps` of its
        lowest value; ``at_edge``, 1 where the optimum lies at an end of the searched range or beyond it,
        so that its mean is a probability; ``extrapolation``, the ratio of the scale to the largest fitted one.

    Raises
    ------
    QuestionError
        If the law does not hold size and data, a budget or a limit is not positive, or `at` is incomplete.

    References
    ----------
    Hoffmann et al. (2022), arXiv:2203.15556; Sardana et al. (2023), arXiv:2401.00448; Muennighoff et al. (2023),
    arXiv:2305.16264.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> truth = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}
    >>> design = {"N": [1e8, 3e8, 1e9], "D": [2e9, 2e10, 2e11]}
    >>> sweep = sb.simulate_sweep(sb.law("chinchilla"), design, truth=truth, seed=0, noise=0)
    >>> best = allocate(sb.baseline(sb.law("chinchilla"), sweep, seed=0, bootstrap=20), [1e21, 5.76e23])
    >>> best["N_opt"].dims, best["tokens_per_parameter"].median(("chain", "draw")).values.round(1).tolist()
    (('chain', 'draw', 'budget'), [21.6, 18.4])
    """
    budget = read_budgets(C, as_cost(cost).unit)
    _check_numbers(eps=eps, R_star=R_star, **({} if data_limit is None else {"data_limit": data_limit}))
    rng = np.random.default_rng(seed)
    surface = read_surface(posterior, at, rng, cost=cost, unique=data_limit, R_star=R_star)
    check_choice(surface, len(budget))
    if drift:
        where = lay_range(surface, budget, cost, rng, ratios=ratios)
        split = best_split(surface, budget, cost, ratios=where.ratios, eps=eps, drifts=where.moving)
        covariates, drifts = surface.split(split.N, split.D), where.drifts
    else:
        split = best_split(surface, budget, cost, ratios=ratios or RATIOS, eps=eps)
        covariates = surface.split(split.N, split.D)
        drifts = surface.draw_drifts(covariates, rng)
    loss = ufuncs.exp(surface.log_mean(covariates, total_drift(drifts, covariates)))
    answer = _assemble(surface, split, loss).assign_coords(budget=("budget", budget, {"units": cost.unit}))
    told = {"cost": cost.name, "eps": eps, "closed_form": int(split.closed), "optimum_with_drift": int(drift)}
    limit = {} if data_limit is None else {"data_limit": data_limit, "R_star": R_star}
    return answer.assign_attrs(describe(posterior, surface.record), **told, **limit)


def trace_isoflops(
    posterior: xr.DataTree,
    C: Any,
    *,
    cost: Cost = six_nd,
    at: Mapping[str, Any] | None = None,
    around: float = 30.0,
    sizes: int = 61,
    seed: int = 0,
) -> xr.Dataset:
    """The response along every split of a budget: what `allocate` finds the lowest point of.

    Parameters
    ----------
    posterior : DataTree
        Of a law in size and data.
    C : number or array
        Budgets, in the unit of `cost`.
    cost : Cost
        See `scaling_bayes.costs`.
    at : mapping, optional
        One value of each further covariate, and one label of each grouping that is not to be a dim.
    around : float
        Sizes reach from the median optimum over this to the median optimum times this.
    sizes : int
        How many.
    seed : int
        For drift beyond the data and groups never seen.

    Returns
    -------
    Dataset
        The response, dims (chain, draw, [groups], budget, size), with its drift; coordinates ``N``, ``D`` and
        ``extrapolation`` (budget, size).

    Raises
    ------
    QuestionError
        See `allocate`.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> truth = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}
    >>> design = {"N": [1e8, 3e8, 1e9], "D": [2e9, 2e10, 2e11]}
    >>> sweep = sb.simulate_sweep(sb.law("chinchilla"), design, truth=truth, seed=0, noise=0)
    >>> curves = trace_isoflops(sb.baseline(sb.law("chinchilla"), sweep, seed=0, bootstrap=20), [1e20, 1e21])
    >>> dict(curves["loss"].sizes)
    {'chain': 1, 'draw': 20, 'budget': 2, 'size': 61}
    """
    budget = read_budgets(C, as_cost(cost).unit)
    surface = read_surface(lead(posterior), at, np.random.default_rng(seed), cost=cost)
    check_choice(surface, len(budget) * sizes)
    where = lay_range(surface, budget, cost, np.random.default_rng(seed), ratios=None)
    search = Search(surface, budget, cost, where.ratios, where.moving)
    optimum = search.label(search.best()[0].x)
    middle = optimum.median([d for d in optimum.dims if d != "budget"])
    N = ufuncs.exp(middle + np.log(around) * xr.DataArray(np.linspace(-1, 1, sizes), dims="size"))
    return _trace(posterior, budget, N, cost=cost, at=at, seed=seed)


@mixed
def _trace(
    posterior: xr.DataTree, budget: np.ndarray, N: xr.DataArray, *, cost: Cost, at: Mapping[str, Any] | None, seed: int
) -> xr.Dataset:
    """The response at sizes of every budget."""
    rng = np.random.default_rng(seed)
    surface = read_surface(posterior, at, rng, cost=cost)
    D = cost.afford(N, xr.DataArray(budget, dims="budget"))
    covariates = surface.split(N, D.clip(D.where(D > 0).min().item()))
    loss = ufuncs.exp(surface.log_mean(covariates, total_drift(surface.draw_drifts(covariates, rng), covariates)))
    named = loss.where(D > 0).assign_attrs(units=surface.record.unit)
    coords = {"budget": ("budget", budget, {"units": cost.unit}), "N": N.assign_attrs(units=surface.units["N"])}
    coords["extrapolation"] = surface.extrapolation(covariates)
    answer = named.to_dataset(name=surface.record.response).assign_coords(
        {**coords, "D": D.assign_attrs(units=surface.units["D"])}
    )
    return answer.assign_attrs(describe(posterior, surface.record), cost=cost.name)


def _assemble(surface: Surface, split: Split, loss: xr.DataArray) -> xr.Dataset:
    record = surface.record
    size, data = ({"units": surface.units[name]} for name in ("N", "D"))
    return xr.Dataset(
        {
            "N_opt": split.N.assign_attrs(size, long_name="best network parameters"),
            "D_opt": split.D.assign_attrs(data, long_name=f"best training {surface.units['D']}"),
            "tokens_per_parameter": (split.D / split.N).assign_attrs(units="1", long_name="best tokens per parameter"),
            record.response: loss.assign_attrs(units=record.unit),
            "N_low": split.low.assign_attrs(size, long_name="lowest network parameters within eps"),
            "N_high": split.high.assign_attrs(size, long_name="highest network parameters within eps"),
            "at_edge": split.at_edge.astype(np.float64).assign_attrs(EVENT, long_name="optimum at the edge"),
            "extrapolation": surface.extrapolation(surface.split(split.N, split.D)),
        }
    )


def _check_numbers(**numbers: float) -> None:
    for name, number in numbers.items():
        if not number > 0:
            raise QuestionError(f"{name} is above 0, found {number!r}")
