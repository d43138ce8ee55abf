"""`Prior`: a user's prior, kept as data so that it can be shown, compared and saved."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import numpyro.distributions as dist


@dataclass(frozen=True)
class Prior:
    """A one-dimensional NumPyro distribution by name and arguments.

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
            If it is no scalar continuous NumPyro distribution.
        """
        if isinstance(distribution, Prior):
            return distribution
        name = type(distribution).__name__
        if not isinstance(distribution, dist.Distribution) or getattr(dist, name, None) is not type(distribution):
            raise TypeError(f"a prior is a distribution of numpyro.distributions, found {distribution!r}")
        if distribution.batch_shape or distribution.event_shape or distribution.is_discrete:
            raise TypeError(f"a prior is a scalar continuous distribution, found {name} of shape {distribution.shape()}")
        arguments = {a: getattr(distribution, a) for a in distribution.arg_constraints if getattr(distribution, a) is not None}
        return cls(name, tuple(sorted((a, float(v)) for a, v in arguments.items())))

    def distribution(self) -> dist.Distribution:
        """Make the NumPyro distribution."""
        return getattr(dist, self.name)(**dict(self.arguments))

    def moments(self, to_coordinate: Callable[[np.ndarray], np.ndarray]) -> tuple[float, float]:
        """Mean and standard deviation on a coordinate, by simulation with a fixed seed."""
        values = to_coordinate(np.asarray(self.distribution().sample(jax.random.key(0), (4000,)), dtype=float))
        return float(np.mean(values)), float(np.std(values))

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{a}={v:g}' for a, v in self.arguments)})"
