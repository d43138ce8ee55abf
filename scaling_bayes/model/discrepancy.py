"""`Discrepancy`: the law itself may drift, more so the farther from the data."""

from dataclasses import dataclass

PARTS = ("common", "own")


@dataclass(frozen=True)
class Discrepancy:
    r"""Drift of the log response away from the formula, an integrated Wiener process in log scale.

    .. math::

        \log y = \log f(x; \theta_g) + s_c\, w_c(u) + s_o\, w_g(u) + \epsilon,
        \qquad u = \log(x / x_{ref}), \quad s \sim \text{HalfNormal with median } m

    Zero with zero slope at the reference, two-sided; a part common to all groups, which a comparison between groups
    cancels, and a part of each group's own. A prediction carries the process on, so that intervals widen with distance.
    The prior of a spread ends steeply, or a drift could do all the work of the law: with a log-normal one, chains were
    caught where the floor is nearly all of the loss and a drift ten times the median draws the curve.

    Parameters
    ----------
    along : tuple of str, optional
        Axes, each a covariate or a formula in covariates (``"D/N"``). By default ``C`` where the sweep has it,
        otherwise the law's first covariate; and for laws in N and D also ``D/N``. One of these along which the sweep
        has fewer than three distinct values is left out.
    parts : tuple of {"common", "own"}
        With a single group the two are one, and only its own part is kept.
    spread : float, optional
        Prior median ``m`` of the spread, in log response per e-fold to the power 1.5. By default .01 for laws in one
        covariate and .005 for others.

    Raises
    ------
    ValueError
        For a part that does not exist, none, an axis named twice, or a spread that is not above 0.

    Examples
    --------
    >>> Discrepancy(along="C").along
    ('C',)
    """

    along: tuple[str, ...] = ()
    parts: tuple[str, ...] = PARTS
    spread: float | None = None

    def __post_init__(self) -> None:
        along = (self.along,) if isinstance(self.along, str) else tuple(self.along)
        object.__setattr__(self, "along", along)
        if len(set(along)) < len(along):
            raise ValueError(f"along names distinct axes, found {along}")
        if not self.parts or set(self.parts) - set(PARTS):
            raise ValueError(f"parts are some of {PARTS}, found {self.parts!r}")
        if self.spread is not None and not self.spread > 0:
            raise ValueError(f"spread is the prior median of a standard deviation, above 0; found {self.spread!r}")
        object.__setattr__(self, "parts", tuple(self.parts))
        object.__setattr__(self, "spread", None if self.spread is None else float(self.spread))
