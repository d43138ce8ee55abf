"""`fit_isoflops`, `fit_envelope`: the best size for a budget read off a sweep without a law, to check one against."""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from scaling_bayes.laws.costs import six_nd
from scaling_bayes.questions.points import QuestionError
from scaling_bayes.questions.splits import read_budgets
from scaling_bayes.sweeps import attr_list, check_sweep
from scaling_bayes.symbols import REPLICATE, SAMPLE, sense_of

LEAST = 3
"""Sizes that a parabola needs."""

Array = NDArray[np.float64]


def fit_isoflops(
    sweep: xr.Dataset, C: Any, *, seed: int, bootstrap: int = 1000, apart: float = 0.25, levels: Any = None
) -> xr.Dataset:
    r"""The optimum by parabolas through runs of equal compute (approach 2 of Hoffmann et al.).

    .. math:: L \approx m_k + c_k (\ln N - \ln N^*_k)^2, \qquad \ln N^*_k = q + a \ln C_k

    A parabola in each level of compute, then a line through their vertices; runs of a level are drawn with replacement.
    Its known bias: a law with unequal exponents is no parabola, so with sizes far from the optimum or on one side of it
    the vertex is displaced, at every budget alike. The exponent a survives, the intercept does not: with 15 sizes
    that reach a factor of 2 to either side :math:`D^*` is 0.3 to 1.7 % too low, at a factor of 16 5 to 23 %, for the
    exponents (.34, .28) and (.465, .155) of Czech et al. (2026).

    Parameters
    ----------
    sweep : Dataset
        With N, C and a response along ``run``.
    C : number or array
        Budgets in FLOP at which the line is read.
    seed : int
        For the bootstrap.
    bootstrap : int
        Resamples.
    apart : float
        Levels of compute differ by more than this in log C, runs of one level by less.
    levels : array, optional
        Budgets of the levels; a run belongs to the nearest if within `apart` of it. Found from gaps by default.

    Returns
    -------
    Dataset
        Dims (chain, draw, budget), draws being resamples: ``N_opt``, ``D_opt`` (tokens, C / 6N) and
        ``tokens_per_parameter``; ``exponent`` a (chain, draw); ``vertex`` and ``lowest`` (chain, draw, level), the
        parabola's best size and response, NaN where it opens downwards. Without draws, from all runs: ``N_estimate``
        (budget) and ``exponent_estimate``.

    Raises
    ------
    QuestionError
        If fewer than two levels have three sizes, or the runs are of several labels of a group.

    References
    ----------
    Hoffmann et al. (2022), arXiv:2203.15556; Czech et al. (2026), arXiv:2603.22339.

    Examples
    --------
    >>> import pandas as pd
    >>> import scaling_bayes as sb
    >>> truth = {"E": 1.7, "A": 400.0, "alpha": 0.34, "B": 410.0, "beta": 0.34}
    >>> C, N = (a.ravel() for a in np.meshgrid([1e19, 1e20, 1e21], np.geomspace(0.5, 2, 5), indexing="ij"))
    >>> design = pd.DataFrame({"N": N * (C / 120) ** 0.5, "D": C / 6 / N / (C / 120) ** 0.5})
    >>> sweep = sb.simulate_sweep(sb.law("chinchilla"), design, truth=truth, seed=0, noise=0)
    >>> found = fit_isoflops(sweep, 1e22, seed=0, bootstrap=10)
    >>> round(float(found["exponent_estimate"]), 3)
    0.5
    """
    log_N, log_C, loss, response = _read_runs(sweep)
    budget = read_budgets(C, "FLOP")
    of_level = _assign_levels(log_C, apart, levels)
    rows = [np.flatnonzero(of_level == k) for k in range(of_level.max() + 1)]
    rows = [each for each in rows if len(np.unique(log_N[each].round(2))) >= LEAST]
    if len(rows) < 2:
        raise QuestionError(
            f"{len(rows)} levels of compute have {LEAST} sizes or more, and a line through vertices needs two; give "
            f"levels=, or another apart= (now {apart:g} in log C)"
        )
    rng = np.random.default_rng(seed)
    vertex, lowest = np.empty((2, bootstrap + 1, len(rows)))
    for k, own in enumerate(rows):
        weights = _resample(len(own), bootstrap, rng)
        vertex[:, k], lowest[:, k] = _fit_parabola(log_N[own], loss[own], weights)
    centres, sense = np.array([log_C[own].mean() for own in rows]), sense_of(str(response.name))
    found = _read_line(centres, vertex, budget)
    more = {
        "vertex": (("chain", "draw", "level"), np.exp(vertex)[None, 1:], {"units": "parameters"}),
        "lowest": (("chain", "draw", "level"), sense * lowest[None, 1:], {"units": response.attrs.get("units", "")}),
    }
    return found.assign(more).assign_coords(level=np.exp(centres)).assign_attrs(method="isoFLOP parabolas")


def fit_envelope(
    sweep: xr.Dataset, C: Any, *, seed: int, bootstrap: int = 1000, curve: str | None = None, bins: int = 12
) -> xr.Dataset:
    r"""The optimum by the lowest response in each bin of compute (approach 1 of Hoffmann et al.).

    .. math:: \hat N_k = N\Bigl[\arg\min_{r \in \text{bin } k} L_r\Bigr], \qquad \ln \hat N_k = q + a \ln C_k

    Runs, or whole training curves, are drawn with replacement. Its known biases: the lowest of noisy values is too low,
    the more so the more runs a bin holds; the sizes found are only those that were trained, and the smallest and the
    largest of these win beyond their true range, which bends the line's ends; and along a curve, responses in the
    middle of a learning-rate schedule are higher than those of a run that ends there, so that too small networks on
    too many tokens win.

    Parameters
    ----------
    sweep : Dataset
        With N, C and a response along ``run``.
    C : number or array
        Budgets in FLOP at which the line is read.
    seed : int
        For the bootstrap.
    bootstrap : int
        Resamples.
    curve : str, optional
        Coordinate whose labels mark the checkpoints of one run: the log response is then interpolated in log C. Every
        row is a run of its own by default.
    bins : int
        Of log C, equally wide; Hoffmann et al. had 1,500 along their curves.

    Returns
    -------
    Dataset
        As from `fit_isoflops`, without its levels.

    Raises
    ------
    QuestionError
        If there is no such coordinate, fewer than two bins hold runs, or these are of several labels of a group.

    References
    ----------
    Hoffmann et al. (2022), arXiv:2203.15556.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> truth = {"E": 1.7, "A": 400.0, "alpha": 0.34, "B": 410.0, "beta": 0.34}
    >>> design = {"N": np.geomspace(1e7, 1e10, 25), "D": np.geomspace(1e8, 1e12, 60)}
    >>> sweep = sb.simulate_sweep(sb.law("chinchilla"), design, truth=truth, seed=0, noise=0)
    >>> round(float(fit_envelope(sweep, 1e22, seed=0, bootstrap=10)["exponent_estimate"]), 1)
    0.5
    """
    log_N, log_C, loss, _ = _read_runs(sweep, curve)
    budget = read_budgets(C, "FLOP")
    if curve is not None and curve not in sweep.coords:
        raise QuestionError(f"the sweep has no coordinate {curve!r} that marks the checkpoints of one run")
    labels = (
        np.arange(len(loss)) if curve is None else np.unique(sweep[curve].values.astype(str), return_inverse=True)[1]
    )
    edges = np.linspace(log_C.min(), log_C.max(), bins + 1)
    middle = (edges[1:] + edges[:-1]) / 2
    size, table = _tabulate(labels, log_N, log_C, loss, edges, whole=curve is not None)
    weights = _resample(len(size), bootstrap, np.random.default_rng(seed))
    best = np.stack([_envelope(size, np.where(row[:, None] > 0, table, np.inf)) for row in weights])
    if np.isfinite(best[0]).sum() < 2:
        raise QuestionError(f"fewer than two of {bins} bins of compute hold runs; the sweep spans no compute")
    return _read_line(middle, best, budget).assign_attrs(method="envelope")


def _read_runs(sweep: xr.Dataset, apart: str | None = None) -> tuple[Array, Array, Array, xr.DataArray]:
    """Log N, log C, response of the runs, and the response with its unit."""
    check_sweep(sweep)
    if absent := [name for name in ("N", "C") if name not in sweep.coords]:
        raise QuestionError(f"the sweep lacks {', '.join(absent)}, along which sizes and budgets are compared")
    for group in attr_list(sweep, "groups"):
        if group not in (REPLICATE, apart) and len(labels := np.unique(sweep[group].values)) > 1:
            raise QuestionError(
                f"the sweep has {len(labels)} labels of {group}, whose runs have optima of their own; pick one, for "
                f"instance sweep.isel(run=np.flatnonzero(sweep[{group!r}] == {labels.tolist()[0]!r}))"
            )
    response = sweep[str(sweep.attrs["response"])]
    sign = sense_of(str(response.name))
    return np.log(sweep["N"].values), np.log(sweep["C"].values), sign * response.values.astype(np.float64), response


def _assign_levels(log_C: Array, apart: float, levels: Any) -> NDArray[np.intp]:
    """Number of the level of compute of each run; -1 for a run of none."""
    if levels is not None:
        distance = abs(log_C[:, None] - np.log(np.atleast_1d(np.asarray(levels, dtype=np.float64))))
        return np.where(distance.min(axis=1) < apart, distance.argmin(axis=1), -1)
    order = np.argsort(log_C)
    number = np.concatenate([[0], np.cumsum(np.diff(log_C[order]) > apart)])
    return number[np.argsort(order)]


def _resample(size: int, bootstrap: int, rng: np.random.Generator) -> Array:
    """How often each row is drawn, shape (1 + bootstrap, row); once each in the first."""
    return np.concatenate([np.ones((1, size)), rng.multinomial(size, np.full(size, 1 / size), bootstrap)])


def _fit_parabola(x: Array, y: Array, weights: Array) -> tuple[Array, Array]:
    """Vertex of the weighted parabola, and the value there; NaN where it has no minimum."""
    centre = x.mean()
    basis = np.stack([np.ones_like(x), x - centre, (x - centre) ** 2])
    normal = np.einsum("br,ir,jr->bij", weights, basis, basis)
    right = np.einsum("br,ir,r->bi", weights, basis, y)
    spread = np.linalg.cond(normal)
    solved = np.linalg.solve(np.where(spread[:, None, None] < 1e12, normal, np.eye(3)), right[..., None])[..., 0]
    level, slope, curvature = np.where((spread < 1e12)[:, None], solved, np.nan).T
    curvature = np.where(curvature > 0, curvature, np.nan)
    return centre - slope / (2 * curvature), level - slope**2 / (4 * curvature)


def _tabulate(
    labels: NDArray[np.intp], log_N: Array, log_C: Array, loss: Array, edges: Array, *, whole: bool
) -> tuple[Array, Array]:
    """Log size of each run, and its response in each bin of compute; infinite where it has none."""
    middle = (edges[1:] + edges[:-1]) / 2
    if not whole:
        of_bin = np.clip(np.searchsorted(edges, log_C, side="right") - 1, 0, len(middle) - 1)
        return log_N, np.where(of_bin[:, None] == np.arange(len(middle)), loss[:, None], np.inf)
    rows = [np.flatnonzero(labels == k) for k in range(labels.max() + 1)]
    rows = [own[np.argsort(log_C[own])] for own in rows]
    log = np.log(np.abs(loss))  # of an accuracy, whose sign is turned, as of a loss
    found = np.stack([np.interp(middle, log_C[own], log[own], left=np.nan, right=np.nan) for own in rows])
    table = np.where(np.isnan(found), np.inf, np.sign(loss[0]) * np.exp(found))
    return np.array([log_N[own].mean() for own in rows]), table


def _envelope(size: Array, table: Array) -> Array:
    """Log size of the lowest response in each bin; NaN where there is none."""
    return np.where(np.isfinite(table).any(axis=0), size[table.argmin(axis=0)], np.nan)


def _read_line(log_C: Array, log_N: Array, budget: Array) -> xr.Dataset:
    """The line through the best sizes (1 + bootstrap, level) by least squares, read at budgets."""
    known = np.isfinite(log_N)
    weight = known / known.sum(axis=1, keepdims=True)
    filled = np.where(known, log_N, 0.0)
    mean_C, mean_N = weight @ log_C, (weight * filled).sum(axis=1)
    centred = np.where(known, log_C - mean_C[:, None], 0.0)
    with np.errstate(invalid="ignore"):
        slope = (centred * filled).sum(axis=1) / (centred**2).sum(axis=1)
    N = np.exp(mean_N[:, None] + slope[:, None] * (np.log(budget) - mean_C[:, None]))
    drawn = xr.DataArray(N[None, 1:], dims=("chain", "draw", "budget"))
    coords = {"chain": [0], "draw": np.arange(len(N) - 1), "budget": ("budget", budget, {"units": "FLOP"})}
    D = six_nd.afford(drawn, xr.DataArray(budget, dims="budget"))
    found = {
        "N_opt": drawn.assign_attrs(units="parameters", long_name="best network parameters"),
        "D_opt": D.assign_attrs(units="tokens", long_name="best training tokens"),
        "tokens_per_parameter": (D / drawn).assign_attrs(units="1", long_name="best tokens per parameter"),
        "exponent": (SAMPLE, slope[None, 1:]),
        "N_estimate": ("budget", N[0], {"units": "parameters"}),
        "exponent_estimate": slope[0],
    }
    return xr.Dataset(found, coords=coords)
