"""What is extrapolated: families of curves, each with its split into runs to fit and larger runs to predict."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

import scaling_bayes as sb

CURVE = "curve"
"""Grouping over which every parameter is pooled."""


@dataclass(frozen=True)
class Family:
    """Curves of one sweep.

    Attributes
    ----------
    sweep : str
        Name in the catalogue.
    law : str
        Name in the catalogue; a law in one covariate is one along `along`.
    along : str
        Covariate that is extrapolated along.
    curves : tuple of str
        Groupings whose combinations are the curves; none for a sweep that is one curve.
    above : float, optional
        Runs with more are held out; without it, the sweep's subsets ``fit`` and ``predict`` say which.
    where : mapping
        Coordinate -> values of the runs that belong to the family.
    """

    sweep: str
    law: str
    along: str
    curves: tuple[str, ...] = ()
    above: float | None = None
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def formula(self) -> sb.Law:
        """The law, in the family's covariate."""
        found = sb.law(self.law)
        return sb.law(self.law, along=self.along) if len(found.covariates) == 1 else found

    @property
    def grouping(self) -> tuple[str, ...]:
        """What parameters are pooled over and what the baseline fits apart."""
        return (CURVE,) if self.curves else ()


SHOTS = ("5", "10", "25")

FAMILIES: Mapping[str, Family] = {
    "loss-to-loss": Family("loss-to-loss", "chinchilla", "C", ("corpus",), above=1.01e19),
    "chinchilla": Family("chinchilla", "chinchilla", "C", above=1e20),
    "overtraining": Family("overtraining", "chinchilla", "C", ("corpus",), above=3e19),
    "bytelm": Family(
        "bytelm", "chinchilla", "C", ("corpus", "architecture"), above=1.01e11, where={"stage": ("base", "seed")}
    ),
    "porian": Family("porian", "chinchilla", "C", ("corpus",), above=1.7e18),
    "datadecide": Family("datadecide", "power_offset", "C", ("corpus",), above=2e19),
    **{
        f"rectified-{task}": Family(
            "rectified", "power_offset", "D", ("network",), above=25_600, where={"task": (task,)}
        )
        for task in ("flan", "gigaword", "wmt19")
    },
    **{
        f"rnsl-vision-{name}": Family(
            "rnsl-vision",
            "power_offset",
            "D",
            ("task", "architecture"),
            where={"task": tuple(f"{name}_{shots}" for shots in SHOTS)},
        )
        for name in ("inet", "c")
    },
    **{
        f"rnsl-language-{domain.lower()}": Family(
            "rnsl-language", "power_offset", "D", ("task", "architecture"), where={"domain": (domain,)}
        )
        for domain in ("NMT", "LM", "BB")
    },
}
"""Name -> family. Targets of ``bytelm`` are in none: they are scored once, by ``scaling-bayes demo``."""


def load_parts(family: Family) -> tuple[xr.Dataset, xr.Dataset]:
    """Runs to fit and larger runs to predict, with the coordinate ``curve``.

    Parameters
    ----------
    family : Family

    Returns
    -------
    fit_part, held_out : Dataset
        Dims run. Both have the attribute ``held_out_rule``.

    Raises
    ------
    SweepError
        If the sweep cannot be had, or a part would be empty.

    Examples
    --------
    >>> fit_part, held_out = load_parts(Family("bytelm", "chinchilla", "C", ("corpus",), above=1e12))
    >>> len(set(held_out["curve"].values)), float(fit_part["C"].max()) <= 1e12
    (4, True)
    """
    if family.above is not None:
        sweep = name_curves(pick_runs(sb.load_sweep(family.sweep), family.where), family.curves)
        return sb.hold_out(sweep, along=family.along, above=family.above)
    rule = {"held_out_rule": "the subset 'predict' of the sweep's card"}
    parts = [pick_runs(sb.load_sweep(family.sweep, subset=name), family.where) for name in ("fit", "predict")]
    fit_part, held_out = (name_curves(part, family.curves).assign_attrs(rule) for part in parts)
    return fit_part, held_out


def pick_runs(sweep: xr.Dataset, where: Mapping[str, tuple[str, ...]]) -> xr.Dataset:
    """Runs whose labels are among those wanted.

    Raises
    ------
    SweepError
        If there is none.

    Examples
    --------
    >>> sweep = xr.Dataset(coords={"task": ("run", ["a", "b", "a"])})
    >>> pick_runs(sweep, {"task": ("a",)}).sizes["run"]
    2
    """
    wanted = np.ones(sweep.sizes["run"], dtype=bool)
    for name, labels in where.items():
        wanted &= np.isin(sweep[name].values, labels)
    if not wanted.any():
        raise sb.SweepError(f"no run of {sweep.attrs.get('title', 'the sweep')!r} has {dict(where)}.")
    return sweep.isel(run=np.flatnonzero(wanted))


def name_curves(sweep: xr.Dataset, groupings: tuple[str, ...]) -> xr.Dataset:
    """Add the coordinate ``curve``: the labels of several groupings, joined.

    Examples
    --------
    >>> sweep = xr.Dataset(coords={"task": ("run", ["a", "b"]), "network": ("run", ["x", "y"])})
    >>> name_curves(sweep, ("task", "network"))["curve"].values.tolist()
    ['a, x', 'b, y']
    """
    labels = zip(*(sweep[name].values for name in groupings), strict=True) if groupings else []
    names = [", ".join(map(str, each)) for each in labels] or ["all runs"] * sweep.sizes["run"]
    return sweep.assign_coords({CURVE: ("run", np.array(names, dtype=np.str_))})
