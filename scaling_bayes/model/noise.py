r"""Noise of a run around its law, on the log response.

.. math:: \log y_i = \log f(x_i; \theta) + \delta + b_{r(i)} + \epsilon_i

The spread of :math:`\epsilon` may change with scale, since large runs are often better known than tiny ones, and a
measured standard error :math:`s_i` of the response adds to it (delta method on the log):

.. math:: \sigma_i^2 = \sigma^2 e^{2 \rho u_i} + (s_i / y_i)^2, \qquad u_i = \log(C_i / C_\mathrm{ref}), \qquad
    \sigma \sim 10^{-5} + \text{LogNormal}(\log .01, 1), \quad \rho \sim N(0, 1/4)

Rows of one run share an effect :math:`b_r \sim N(0, \tau)`, :math:`\tau \sim \text{HalfNormal}(.05)`: seeds of one
network differ by some thousandths of a loss, one network's tasks by some hundredths of an error.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import log
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from numpyro.distributions.transforms import AffineTransform

from scaling_bayes.model.design import Array
from scaling_bayes.model.modified_normal import ModifiedNormal

SIGMA_MEDIAN, SIGMA_WIDTH = 0.01, 1.0
INEFFICIENCY_MEDIAN = 0.03
SIGMA_FLOOR = 1e-5
"""A loss is written down with some five digits: no law is known better, and data without noise stay samplable."""

SLOPE_WIDTH = 0.25
"""Standard deviation of the slope's prior, per e-fold of scale: a factor of ten over four decades."""

WITHIN_SCALE = 0.05
"""Scale of the half-normal prior on the spread of run effects."""

SCALE = "scale"
"""The axis that a discrepancy has by default: C where the sweep has it, else the law's first covariate."""

AUTO = "auto"

Parameters = dict[str, jax.Array]


@dataclass(frozen=True, kw_only=True)
class Noise(ABC):
    """What all families have in common; the fields are those of every family.

    Parameters
    ----------
    along : str or None
        Axis along which the spread changes: a covariate, or ``"scale"`` for C where the sweep has it and else the law's
        first covariate. Where the fitted runs have fewer than three scales, and with None, there is one spread.
    measured : {"auto", True, False}
        Whether measured standard errors of the response add to the noise. ``"auto"`` takes them where the sweep has
        them and does not say that all runs share them; True demands them.
    within : str, optional
        Coordinate whose equal labels mark one run: its rows (tasks, checkpoints, seeds) share an effect.

    Raises
    ------
    ValueError
        For another `measured`, or a `within` that is no name.
    """

    along: str | None = None
    measured: bool | str = AUTO
    within: str | None = None

    kind: ClassVar[str] = ""
    lean: ClassVar[float] = 1.0
    """Weight of a run above a first fit, relative to one below it."""

    def __post_init__(self) -> None:
        if self.measured not in (AUTO, True, False):
            raise ValueError(f"measured is 'auto', True or False, found {self.measured!r}")
        if self.within is not None and not (isinstance(self.within, str) and self.within):
            raise ValueError(f"within is the name of a coordinate, for instance 'network'; found {self.within!r}")

    def sample(self) -> Parameters:
        """Declare the parameters to NumPyro."""
        found = {"sigma": _sample_scale("sigma", SIGMA_MEDIAN)} | self._sample_shape()
        if self.along is not None:
            found["noise_slope"] = numpyro.sample("noise_slope", dist.Normal(0, SLOPE_WIDTH))
        if self.within is not None:
            found["within_spread"] = numpyro.sample("within_spread", dist.HalfNormal(WITHIN_SCALE))
        return found

    def spread(self, parameters: Parameters, distance: Array | float, error: Array) -> jax.Array:
        """Scale of the residual at a log distance from the reference scale, with a measured relative error."""
        slope = parameters.get("noise_slope")
        sigma = parameters["sigma"] if slope is None else parameters["sigma"] * jnp.exp(slope * distance)
        return jnp.sqrt(sigma**2 + error**2) if self.measured is True else sigma

    def width(self, parameters: Parameters, distance: Array | float, error: Array) -> jax.Array:
        """Scale of all that hides the mean of a run."""
        return self.spread(parameters, distance, error)

    def weight(self, parameters: Parameters, error: Array, *, alone: bool) -> jax.Array:
        """Expected information that a row of this measured error at the reference scale carries about its mean.

        A row that is taken `alone` tells less where it shares an effect with others; else its effect is known.
        """
        information = self.information(parameters, self.width(parameters, 0.0, error))
        return 1 / (1 / information + parameters["within_spread"] ** 2) if self.within and alone else information

    def _sample_shape(self) -> Parameters:
        """Declare what the family has beside its scale."""
        return {}

    @abstractmethod
    def distribution(
        self, mean: jax.Array, parameters: Parameters, spread: jax.Array, counts: Mapping[str, Array]
    ) -> dist.Distribution:
        """Distribution of the log response, or of counts, around the log mean, with the scale `spread`."""

    @abstractmethod
    def information(self, parameters: Parameters, spread: jax.Array) -> jax.Array:
        """Expected information that a run of this scale carries about its mean."""


@dataclass(frozen=True, kw_only=True)
class Normal(Noise):
    r"""Every run counts alike, a diverged one too.

    .. math:: \epsilon_i \sim N(0, \sigma_i)

    Parameters, by default without `along`: see `Noise`.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> sb.Model(sb.law("power"), noise=sb.Normal()).noise.kind
    'normal'
    """

    kind: ClassVar[str] = "normal"

    def distribution(
        self, mean: jax.Array, parameters: Parameters, spread: jax.Array, counts: Mapping[str, Array]
    ) -> dist.Distribution:
        """Normal around `mean`."""
        return dist.Normal(mean, spread)

    def information(self, parameters: Parameters, spread: jax.Array) -> jax.Array:
        """The inverse variance."""
        return spread**-2


@dataclass(frozen=True, kw_only=True)
class StudentT(Noise):
    r"""A diverged run does not bend the law, and large runs may be known better than small ones.

    .. math:: \epsilon_i \sim t_\nu(0, \sigma_i), \qquad \nu \sim 2 + \Gamma(2, 0.1)

    Parameters: see `Noise`.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> sb.Model(sb.law("power")).noise == sb.StudentT()
    True
    """

    along: str | None = SCALE
    kind: ClassVar[str] = "student_t"

    def _sample_shape(self) -> Parameters:
        excess = numpyro.sample("nu_above_2", dist.Gamma(2.0, 0.1))
        return {"nu": numpyro.deterministic("nu", 2.0 + excess)}

    def distribution(
        self, mean: jax.Array, parameters: Parameters, spread: jax.Array, counts: Mapping[str, Array]
    ) -> dist.Distribution:
        """Student's t around `mean`."""
        return dist.StudentT(parameters["nu"], mean, spread)

    def information(self, parameters: Parameters, spread: jax.Array) -> jax.Array:
        """The inverse squared scale, less what the tails take."""
        nu = parameters["nu"]
        return (nu + 1) / (nu + 3) / spread**2


@dataclass(frozen=True, kw_only=True)
class Laplace(Noise):
    r"""The law follows the middle run, as least absolute deviations do.

    .. math:: p(\epsilon_i) = \frac{1}{2 \sigma_i} e^{-|\epsilon_i| / \sigma_i}

    with standard deviation :math:`\sqrt 2 \sigma_i`. Parameters: see `Noise`.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> sb.Laplace().along, sb.Laplace(along=None).kind
    ('scale', 'laplace')
    """

    along: str | None = SCALE
    kind: ClassVar[str] = "laplace"

    def distribution(
        self, mean: jax.Array, parameters: Parameters, spread: jax.Array, counts: Mapping[str, Array]
    ) -> dist.Distribution:
        """Double exponential around `mean`."""
        return dist.Laplace(mean, spread)

    def information(self, parameters: Parameters, spread: jax.Array) -> jax.Array:
        """The inverse squared scale."""
        return spread**-2


@dataclass(frozen=True, kw_only=True)
class Frontier(Noise):
    r"""The law is the frontier of the best runs; under-tuned ones lie above it by an inefficiency.

    .. math:: \log y = \log f + \delta + \epsilon + v, \qquad \epsilon_i \sim N(0, \sigma_i), \quad
        v \sim \text{Exponential}(\text{mean } \lambda), \quad \lambda \sim 10^{-5} + \text{LogNormal}(\log .03, 1)

    with :math:`v` integrated out (Meeusen and van den Broeck 1977). A prediction of a new run includes the
    inefficiency; the mean curve does not. For a response that is better when smaller. Parameters: see `Noise`.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> sb.Model(sb.law("power"), noise=sb.Frontier()).noise.kind
    'frontier'
    """

    kind: ClassVar[str] = "frontier"
    lean: ClassVar[float] = 0.1

    def _sample_shape(self) -> Parameters:
        return {"inefficiency": _sample_scale("inefficiency", INEFFICIENCY_MEDIAN)}

    def distribution(
        self, mean: jax.Array, parameters: Parameters, spread: jax.Array, counts: Mapping[str, Array]
    ) -> dist.Distribution:
        """Normal plus exponential above `mean`."""
        return ModifiedNormal(mean, spread, parameters["inefficiency"])

    def information(self, parameters: Parameters, spread: jax.Array) -> jax.Array:
        """Between that of a normal and that of the edge of an exponential, within a fifth."""
        return 1 / (spread * (spread + parameters["inefficiency"]))


def noise_to_dict(noise: Noise) -> dict[str, Any]:
    """What a saved posterior keeps of a noise.

    Examples
    --------
    >>> noise_to_dict(StudentT())["kind"]
    'student_t'
    """
    return {"kind": noise.kind} | asdict(noise)


def noise_from_dict(saved: Mapping[str, Any]) -> Noise:
    """Read back what `noise_to_dict` wrote.

    Raises
    ------
    ValueError
        For a kind that does not exist.

    Examples
    --------
    >>> noise_from_dict(noise_to_dict(Laplace(along=None))) == Laplace(along=None)
    True
    """
    kinds = {noise.kind: noise for noise in Noise.__subclasses__()}
    if saved["kind"] not in kinds:
        raise ValueError(f"a noise is {' or '.join(kinds)}, found the kind {saved['kind']!r}")
    return kinds[saved["kind"]](**{name: value for name, value in saved.items() if name != "kind"})


def _sample_scale(name: str, median: float) -> jax.Array:
    above = dist.LogNormal(log(median), SIGMA_WIDTH)
    shift = AffineTransform(SIGMA_FLOOR, 1.0, domain=above.support)
    return jnp.asarray(numpyro.sample(name, dist.TransformedDistribution(above, shift)))
