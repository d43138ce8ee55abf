r"""`Contrast`: choices against one of them, from prepared curves; what `compare` says of points.

.. math:: \rho_a = y_a / y_b - 1, \qquad P(a \text{ better than } b), \qquad P(a \text{ best}), \qquad
    y_a(s) = y_b(s), \qquad m_a(s) = \min\{m : y_b(m s) \le y_a(s)\}

with b the baseline, in each draw; of accuracies more is better and signs turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scaling_bayes.questions.crossing import find_crossings
from scaling_bayes.questions.curves import Array, Columns, Curves, sort_quantiles
from scaling_bayes.questions.inversion import first_reach
from scaling_bayes.symbols import sense_of


@dataclass(frozen=True)
class Contrast:
    """Curves of choices at the same points, draw by draw.

    Attributes
    ----------
    log_mean, log_run : array, shape (point, choice, draw)
        Log response of the mean curve, and of one new run of each choice.
    baseline : int
        Place of the choice that the others are held against.
    sign : float
        1 where less is better, else -1.
    """

    log_mean: Array
    log_run: Array
    baseline: int
    sign: float

    @property
    def others(self) -> list[int]:
        """Places of all choices but the baseline."""
        return [k for k in range(self.log_mean.shape[1]) if k != self.baseline]

    @cached_property
    def gap(self) -> Array:
        """Log ratio of the mean curve of every other choice to the baseline's, shape (point, other, draw)."""
        return self._apart(self.log_mean)

    def _apart(self, log_response: Array) -> Array:
        return np.asarray(log_response[:, self.others] - log_response[:, self.baseline : self.baseline + 1])

    def quantiles(self, levels: Sequence[float]) -> Array:
        r"""Quantiles of the relative difference :math:`y_a / y_b - 1`, shape (level, point, other)."""
        if np.isnan(self.gap).any():
            return np.asarray(np.expm1(np.nanquantile(self.gap, levels, axis=-1)))
        return np.expm1(sort_quantiles(self.gap.copy(), levels))

    def p_better(self, *, new_run: bool = False) -> Array:
        """Probability that each other choice is better than the baseline, shape (point, other).

        Ties are counted half; of the draws in which the law is positive for both.
        """
        gap = self._apart(self.log_run) if new_run else self.gap
        above, draws = np.count_nonzero(gap > 0, axis=-1), np.count_nonzero(~np.isnan(gap), axis=-1)
        below = np.count_nonzero(gap < 0, axis=-1)
        better, worse = (below, above) if self.sign > 0 else (above, below)
        with np.errstate(invalid="ignore"):
            return np.asarray((draws + better - worse) / (2 * draws))

    def p_best(self, *, new_run: bool = False) -> Array:
        """Probability that each choice is the best one, ties shared, shape (point, choice)."""
        level = self.log_run if new_run else self.log_mean
        if np.isnan(level).any():
            return self._p_best_known(level)
        best = (level.min if self.sign > 0 else level.max)(axis=1, keepdims=True)
        leads = level == best
        share = np.count_nonzero(leads, axis=-1) / leads.shape[-1]
        tied = not np.allclose(share.sum(axis=1), 1.0, rtol=0, atol=1e-9)
        return np.asarray((leads / leads.sum(axis=1, keepdims=True)).mean(axis=-1) if tied else share)

    def _p_best_known(self, level: Array) -> Array:
        """As `p_best`, of the draws in which the law is positive for all choices."""
        known = ~np.isnan(level).any(axis=1, keepdims=True)
        leads = level == (level.min if self.sign > 0 else level.max)(axis=1, keepdims=True)
        share = np.divide(leads, leads.sum(axis=1, keepdims=True), out=np.zeros(level.shape), where=known)
        with np.errstate(invalid="ignore"):
            return np.asarray(share.sum(axis=-1) / known.sum(axis=-1))

    def crossings(self, nodes: Array) -> "Crossings":
        """Crossings of each other choice with the baseline along the first points.

        Parameters
        ----------
        nodes : array, shape (node,)
            Evenly spaced logarithms of the scale.

        Returns
        -------
        Crossings
        """
        _, *shape = self.gap.shape
        curves = self.gap[: len(nodes)].reshape(len(nodes), -1).T
        count, place = find_crossings(nodes, curves)
        return Crossings(count.reshape(shape), place.reshape(shape), (float(nodes[0]), float(nodes[-1])))


@dataclass(frozen=True)
class Crossings:
    """Where choices change places with the baseline along a scale.

    Attributes
    ----------
    count, place : array, shape (other, draw)
        Number of crossings, and the scale of the only one; NaN where there is none, or more.
    ends : (float, float)
        Ends of the log scale.
    """

    count: Array
    place: Array
    ends: tuple[float, float]

    def chances(self) -> dict[str, Array]:
        """Probability of ``none``, ``one`` and ``more``, each of shape (other,)."""
        kinds = {"none": self.count == 0, "one": self.count == 1, "more": self.count > 1}
        return {name: kind.mean(axis=1) for name, kind in kinds.items()}

    def quantiles(self, levels: Sequence[float]) -> Array:
        """Quantiles of the place given one crossing, shape (level, other); NaN where no draw has one."""
        known = [row[np.isfinite(row)] for row in self.place]
        missing = np.full(len(levels), np.nan)
        return np.stack([np.quantile(row, levels) if row.size else missing for row in known], axis=1)

    def density(self, other: int, bins: int) -> tuple[Array, Array]:
        """Share of the draws with their only crossing in each of some bins, smoothed over neighbours.

        Returns
        -------
        centres, share : array, shape (bin,)
        """
        edges = np.linspace(*self.ends, bins + 1)
        row = self.place[other]
        share = np.histogram(np.log(row[np.isfinite(row)]), edges)[0] / len(row)
        padded = np.pad(share, 1, mode="edge")
        return np.exp((edges[1:] + edges[:-1]) / 2), np.convolve(padded, (0.25, 0.5, 0.25), mode="valid")


def contrast(curves: Curves, columns: Columns, baseline: int) -> Contrast:
    """Hold the groups of prepared curves against one of them.

    Parameters
    ----------
    curves : Curves
    columns : mapping
        covariate -> number, or array of shape (point,).
    baseline : int
        Place of a group.

    Returns
    -------
    Contrast

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> from scaling_bayes.questions.curve_draws import prepare_curves
    >>> law, truth = sb.Law("E + A*N**-alpha"), {"E": 1.8, "A": {"code": 300.0, "web": 400.0}, "alpha": 0.35}
    >>> design = {"N": [1e7, 3e7, 1e8, 3e8, 1e9], "corpus": ["code", "web"]}
    >>> sweep = sb.simulate_sweep(law, design, truth=truth, seed=0)
    >>> posterior = sb.baseline(law, sweep, seed=0, bootstrap=20, by="corpus")
    >>> curves = prepare_curves(posterior, [{"N": 1e7}, {"N": 1e9}], cells=[{"corpus": "code"}, {"corpus": "web"}])
    >>> found = contrast(curves, {"N": np.array([1e8])}, baseline=1)
    >>> found.p_better().tolist(), found.p_best().tolist()
    ([[1.0]], [[1.0, 0.0]])
    """
    mean = curves.log_response(columns)
    shaped = {name: np.reshape(column, (-1, 1, 1)) for name, column in columns.items()}
    bent = curves.record.bend(mean, shaped)
    return Contrast(bent, curves.run(columns, mean), baseline, sense_of(curves.record.response))


def multiply(curves: Curves, columns: Columns, nodes: Array, at: float, targets: Array) -> Array:
    """Multiple of a scale at which one group does as well as others do there.

    Parameters
    ----------
    curves : Curves
        Of that group alone.
    columns : mapping
        covariate -> number, or array of shape (node,).
    nodes : array, shape (node,)
        Evenly spaced logarithms of the scale.
    at : float
        Logarithm of the scale.
    targets : array, shape (other, draw)
        Log response of the others there, as in `Contrast.log_mean`.

    Returns
    -------
    array, shape (other, draw)
        Infinite where the last node is not enough, zero where the first is.
    """
    sign, curve = sense_of(curves.record.response), _lay_curve(curves, columns)
    found = first_reach(nodes, curve, sign * np.asarray(targets, dtype=float).T)
    return np.exp(found - at).T


def multiply_along(curves: Curves, columns: Columns, nodes: Array, at: Array, targets: Array) -> Array:
    """`multiply` at many scales, with straight lines between the nodes: for a picture.

    Parameters
    ----------
    curves, columns, nodes
        See `multiply`.
    at : array, shape (point,)
        Logarithms of the scales.
    targets : array, shape (point, other, draw)
        Log response of the others there.

    Returns
    -------
    array, shape (point, other, draw)
    """
    sign = sense_of(curves.record.response)
    rising = -np.minimum.accumulate(_lay_curve(curves, columns), axis=1)
    wanted = -sign * np.asarray(targets, dtype=float)
    found = np.empty(wanted.shape)
    for draw, levels in enumerate(rising):
        found[..., draw] = np.interp(wanted[..., draw], levels, nodes, left=-np.inf, right=np.inf)
    return np.asarray(np.exp(found - at[:, None, None]))


def _lay_curve(curves: Curves, columns: Columns) -> Array:
    """Log response of one group, negative where more is better, shape (draw, node)."""
    shaped = {name: np.reshape(column, (-1, 1, 1)) for name, column in columns.items()}
    level = curves.record.bend(curves.log_response(columns), shaped)
    return np.ascontiguousarray(sense_of(curves.record.response) * level[:, 0].T, dtype=float)
