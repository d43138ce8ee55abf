"""`Prior`: a user's prior, kept as data so that it can be shown, compared and saved."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions.transforms import ExpTransform, SigmoidTransform, Transform

SIMULATED = 4000
"""Draws from which the moments of a prior on a coordinate are taken."""


@dataclass(frozen=True)
class Support:
    """Where a parameter may be, and the coordinate on which it is sampled.

    Attributes
    ----------
    described : str
        For error messages.
    contains : callable
        Values -> whether each is inside.
    to_coordinate : callable
    links : tuple of Transform
        The same map, for densities.
    probes : tuple of float
        Values inside, out to its ends.
    """

    described: str
    contains: Callable[[np.ndarray], np.ndarray]
    to_coordinate: Callable[[np.ndarray], np.ndarray]
    links: tuple[Transform, ...]
    probes: tuple[float, ...]


SUPPORTS: dict[str, Support] = {
    "positive": Support("above 0", lambda v: v > 0, np.log, (ExpTransform().inv,), (1e-6, 1.0, 1e6)),
    "unit": Support(
        "between 0 and 1",
        lambda v: (v > 0) & (v < 1),
        lambda v: np.log(v / (1 - v)),
        (SigmoidTransform().inv,),
        (1e-6, 0.5, 1 - 1e-6),
    ),
    "real": Support("any real number", np.isfinite, lambda v: v, (), (-1e6, 0.0, 1e6)),
}
"""Keys are `Role.support`."""


@dataclass(frozen=True)
class Prior:
    """A one-dimensional NumPyro distribution by name and arguments.

    Attributes
    ----------
    name : str
        Class in `numpyro.distributions`.
    arguments : tuple of (str, float)

    Examples
    --------
    >>> import numpyro.distributions as dist
    >>> Prior.read(dist.LogNormal(0.0, 0.5))
    Prior(name='LogNormal', arguments=(('loc', 0.0), ('scale', 0.5)))
    """

    name: str
    arguments: tuple[tuple[str, float], ...]

    @classmethod
    def read(cls, distribution: Any) -> "Prior":
        """Take name and arguments from a NumPyro distribution.

        Raises
        ------
        TypeError
            If it is no scalar continuous distribution that its arguments say in full (a truncated one is not).
        """
        if isinstance(distribution, Prior):
            return distribution
        name = type(distribution).__name__
        if not isinstance(distribution, dist.Distribution) or getattr(dist, name, None) is not type(distribution):
            raise TypeError(f"a prior is a distribution of numpyro.distributions, found {distribution!r}")
        if distribution.batch_shape or distribution.event_shape or distribution.is_discrete:
            raise TypeError(
                f"a prior is a scalar continuous distribution, found {name} of shape {distribution.shape()}"
            )
        given = {a: getattr(distribution, a) for a in sorted(distribution.arg_constraints)}
        prior = cls(name, tuple((a, float(value)) for a, value in given.items() if value is not None))
        try:
            prior.distribution()
        except TypeError:
            raise TypeError(
                f"a prior is said by numbers, and {name} takes more; use dist.LogNormal, for instance"
            ) from None
        return prior

    def check(self, parameter: str, support: str) -> None:
        """Refuse what no prior of `parameter` can be.

        A prior that reaches beyond the parameter's support is cut off there; one with a wall inside it is refused:
        its density says nothing beyond the wall, and a sampler cannot feel it coming.

        Raises
        ------
        ValueError
            If the prior ends inside the support, or most of it lies outside.

        Examples
        --------
        >>> Prior("Normal", (("loc", 0.35), ("scale", 0.1))).check("alpha", "positive")
        """
        where = SUPPORTS[support]
        if not np.all(self.distribution().support(np.array(where.probes))):
            raise ValueError(
                f"the prior {self} of {parameter!r} has a wall inside the parameter's range ({where.described}); use "
                "one that covers it, for instance dist.LogNormal for what is above 0 or dist.Normal"
            )
        if where.contains(self._simulate()).mean() < 0.5:
            raise ValueError(f"the prior {self} of {parameter!r} is mostly outside its range, {where.described}")

    def distribution(self) -> dist.Distribution:
        """Make the NumPyro distribution."""
        return getattr(dist, self.name)(**dict(self.arguments))

    def on_coordinate(self, support: str) -> dist.Distribution:
        """The distribution that it gives the coordinate of a parameter of this support."""
        links = list(SUPPORTS[support].links)
        return dist.TransformedDistribution(self.distribution(), links) if links else self.distribution()

    def moments(self, support: str) -> tuple[float, float]:
        """Mean and standard deviation on the coordinate of a parameter of this support, by simulation.

        Examples
        --------
        >>> mean, width = Prior("LogNormal", (("loc", 2.0), ("scale", 0.5))).moments("positive")
        >>> round(mean, 1), round(width, 1)
        (2.0, 0.5)
        """
        values = SUPPORTS[support].to_coordinate(self.simulate(support))
        return float(np.mean(values)), float(np.std(values))

    def simulate(self, support: str) -> np.ndarray:
        """Draws that lie inside a support, always the same.

        Examples
        --------
        >>> bool((Prior("Normal", (("loc", 0.1), ("scale", 0.2))).simulate("positive") > 0).all())
        True
        """
        draws = self._simulate()
        return draws[SUPPORTS[support].contains(draws)]

    def _simulate(self) -> np.ndarray:
        return np.asarray(self.distribution().sample(jax.random.key(0), (SIMULATED,)), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """What a saved posterior keeps of it.

        Examples
        --------
        >>> Prior("LogNormal", (("loc", 0.0), ("scale", 0.5))).to_dict()
        {'name': 'LogNormal', 'arguments': {'loc': 0.0, 'scale': 0.5}}
        """
        return {"name": self.name, "arguments": dict(self.arguments)}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "Prior":
        """Read back what `to_dict` wrote.

        Raises
        ------
        TypeError
            If it names no distribution of NumPyro; nothing else can be called.

        Examples
        --------
        >>> Prior.from_dict({"name": "Normal", "arguments": {"loc": 0.0, "scale": 1.0}})
        Prior(name='Normal', arguments=(('loc', 0.0), ('scale', 1.0)))
        """
        kind = getattr(dist, str(saved["name"]), None)
        if not (isinstance(kind, type) and issubclass(kind, dist.Distribution)):
            raise TypeError(f"a prior is a distribution of numpyro.distributions, found {saved['name']!r}")
        return cls(str(saved["name"]), tuple((str(a), float(value)) for a, value in saved["arguments"].items()))

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{a}={v:g}' for a, v in self.arguments)})"
