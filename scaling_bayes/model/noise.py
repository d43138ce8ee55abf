r"""Noise of a run around its law, on the log response: :math:`\log y = \log f(x; \theta) + \delta + \epsilon`.

Its spread may change with scale, since large runs are often better known than tiny ones:

.. math:: \sigma_i = \sigma \, e^{\rho u_i}, \qquad u_i = \log(C_i / C_\mathrm{ref}), \qquad
    \sigma \sim 10^{-5} + \text{LogNormal}(\log .01, 1), \quad \rho \sim N(0, 1/4)
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import log
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from numpyro.distributions.transforms import AffineTransform

from scaling_bayes.model.design import Array

SIGMA_MEDIAN, SIGMA_WIDTH = 0.01, 1.0
SIGMA_FLOOR = 1e-5
"""A loss is written down with some five digits: no law is known better, and data without noise stay samplable."""

SLOPE_WIDTH = 0.25
"""Standard deviation of the slope's prior, per e-fold of scale: a factor of ten over four decades."""

SCALE = "scale"
"""The axis that a discrepancy has by default: C where the sweep has it, else the law's first covariate."""

Parameters = dict[str, jax.Array]


@dataclass(frozen=True)
class Normal:
    r"""Every run counts alike, a diverged one too.

    .. math:: \epsilon_i \sim N(0, \sigma_i)

    Parameters
    ----------
    along : str or None
        Axis along which the spread changes, a covariate or ``"scale"``; None for one spread.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> sb.Model(sb.law("power"), noise=sb.Normal()).noise.kind
    'normal'
    """

    along: str | None = None
    kind: str = "normal"

    def sample(self) -> Parameters:
        """Declare the parameters to NumPyro."""
        return _sample_spread(self.along)

    def distribution(self, mean: jax.Array, parameters: Parameters, distance: Array) -> dist.Distribution:
        """Distribution of the log response around `mean`, at a log distance from the reference scale."""
        return dist.Normal(mean, _spread(parameters, distance))

    def weight(self, parameters: Parameters) -> jax.Array:
        """Expected information that a run at the reference scale carries about its mean."""
        return parameters["sigma"] ** -2


@dataclass(frozen=True)
class StudentT:
    r"""A diverged run does not bend the law, and large runs may be known better than small ones.

    .. math:: \epsilon_i \sim t_\nu(0, \sigma_i), \qquad \nu \sim 2 + \Gamma(2, 0.1)

    Parameters
    ----------
    along : str or None
        Axis along which the spread changes: a covariate, or ``"scale"`` for C where the sweep has it and else the law's
        first covariate. Where the fitted runs have fewer than three scales, and with None, there is one spread.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> sb.Model(sb.law("power")).noise == sb.StudentT()
    True
    """

    along: str | None = SCALE
    kind: str = "student_t"

    def sample(self) -> Parameters:
        """Declare the parameters to NumPyro."""
        excess = numpyro.sample("nu_above_2", dist.Gamma(2.0, 0.1))
        return _sample_spread(self.along) | {"nu": numpyro.deterministic("nu", 2.0 + excess)}

    def distribution(self, mean: jax.Array, parameters: Parameters, distance: Array) -> dist.Distribution:
        """Distribution of the log response around `mean`, at a log distance from the reference scale."""
        return dist.StudentT(parameters["nu"], mean, _spread(parameters, distance))

    def weight(self, parameters: Parameters) -> jax.Array:
        """Expected information that a run at the reference scale carries about its mean."""
        nu = parameters["nu"]
        return (nu + 1) / (nu + 3) / parameters["sigma"] ** 2


Noise = Normal | StudentT


def noise_to_dict(noise: Noise) -> dict[str, Any]:
    """What a saved posterior keeps of a noise.

    Examples
    --------
    >>> noise_to_dict(StudentT())
    {'along': 'scale', 'kind': 'student_t'}
    """
    return asdict(noise)


def noise_from_dict(saved: Mapping[str, Any]) -> Noise:
    """Read back what `noise_to_dict` wrote.

    Raises
    ------
    ValueError
        For a kind that does not exist.

    Examples
    --------
    >>> noise_from_dict({"along": None, "kind": "normal"})
    Normal(along=None, kind='normal')
    """
    kinds = {kind.kind: kind for kind in get_args(Noise)}
    if saved["kind"] not in kinds:
        raise ValueError(f"a noise is {' or '.join(kinds)}, found the kind {saved['kind']!r}")
    return kinds[saved["kind"]](**saved)


def _sample_spread(along: str | None) -> Parameters:
    above = dist.LogNormal(log(SIGMA_MEDIAN), SIGMA_WIDTH)
    shift = AffineTransform(SIGMA_FLOOR, 1.0, domain=above.support)
    sigma = {"sigma": numpyro.sample("sigma", dist.TransformedDistribution(above, shift))}
    return sigma | (
        {} if along is None else {"noise_slope": numpyro.sample("noise_slope", dist.Normal(0, SLOPE_WIDTH))}
    )


def _spread(parameters: Parameters, distance: Array) -> jax.Array:
    slope = parameters.get("noise_slope")
    return parameters["sigma"] if slope is None else parameters["sigma"] * jnp.exp(slope * distance)
