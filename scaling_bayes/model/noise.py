r"""Noise of a run around its law, on the log response: :math:`\log y = \log f(x; \theta) + \delta + \epsilon`."""

from dataclasses import dataclass
from math import log

import jax
import numpyro
import numpyro.distributions as dist
from numpyro.distributions.transforms import AffineTransform

SIGMA_MEDIAN, SIGMA_WIDTH = 0.01, 1.0
SIGMA_FLOOR = 1e-5
"""A loss is written down with some five digits: no law is known better, and data without noise stay samplable."""


@dataclass(frozen=True)
class Normal:
    r"""Every run counts alike, a diverged one too.

    .. math:: \epsilon \sim N(0, \sigma), \qquad \sigma \sim 10^{-5} + \text{LogNormal}(\log .01, 1)

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> sb.Model(sb.law("power"), noise=sb.Normal()).noise.kind
    'normal'
    """

    kind: str = "normal"

    def sample(self) -> dict[str, jax.Array]:
        """Declare the parameters to NumPyro."""
        return {"sigma": _sample_sigma()}

    def distribution(self, mean: jax.Array, parameters: dict[str, jax.Array]) -> dist.Distribution:
        """Distribution of the log response around `mean`."""
        return dist.Normal(mean, parameters["sigma"])

    def weight(self, parameters: dict[str, jax.Array]) -> jax.Array:
        """Expected information that one run carries about its mean."""
        return parameters["sigma"] ** -2


@dataclass(frozen=True)
class StudentT:
    r"""A diverged run does not bend the law.

    .. math:: \epsilon \sim t_\nu(0, \sigma), \qquad \sigma \sim 10^{-5} + \text{LogNormal}(\log .01, 1), \qquad
        \nu \sim 2 + \Gamma(2, 0.1)

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> sb.Model(sb.law("power")).noise == sb.StudentT()
    True
    """

    kind: str = "student_t"

    def sample(self) -> dict[str, jax.Array]:
        """Declare the parameters to NumPyro."""
        excess = numpyro.sample("nu_above_2", dist.Gamma(2.0, 0.1))
        return {"sigma": _sample_sigma(), "nu": numpyro.deterministic("nu", 2.0 + excess)}

    def distribution(self, mean: jax.Array, parameters: dict[str, jax.Array]) -> dist.Distribution:
        """Distribution of the log response around `mean`."""
        return dist.StudentT(parameters["nu"], mean, parameters["sigma"])

    def weight(self, parameters: dict[str, jax.Array]) -> jax.Array:
        """Expected information that one run carries about its mean."""
        nu = parameters["nu"]
        return (nu + 1) / (nu + 3) / parameters["sigma"] ** 2


Noise = Normal | StudentT


def _sample_sigma() -> jax.Array:
    above = dist.LogNormal(log(SIGMA_MEDIAN), SIGMA_WIDTH)
    shift = AffineTransform(SIGMA_FLOOR, 1.0, domain=above.support)
    return numpyro.sample("sigma", dist.TransformedDistribution(above, shift))
