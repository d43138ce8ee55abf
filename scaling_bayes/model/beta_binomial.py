"""`BetaBinomial`: the noise of errors counted among questions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from scaling_bayes.laws.counts import bend_to_chance, beta_parameters
from scaling_bayes.model.design import Array
from scaling_bayes.model.noise import Noise, Parameters


@dataclass(frozen=True)
class BetaBinomial(Noise):
    r"""An error counted among questions, such as 1 - accuracy; errors of 0 and of 1 are legal.

    .. math:: k \sim \text{BetaBinomial}\Bigl(n, \frac{1}{\sigma^2}, \frac{1 - p}{\sigma^2 p}\Bigr), \qquad
        p = c\,(1 - e^{-f e^{\delta + b} / c})

    The law :math:`f` is the error far below chance and saturates at the error of guessing :math:`c`. The relative
    spread of the error between runs is :math:`\sigma`, beside that of counting. See also `Noise`.

    Parameters
    ----------
    trials : int or str
        Number of questions, or the coordinate that holds it.
    chance : float or str, optional
        Error of guessing, or the coordinate that holds it; 1 by default.

    Raises
    ------
    ValueError
        For a number of questions below 1, or an error of guessing outside (0, 1].

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> sb.Model(sb.law("power_offset"), noise=sb.BetaBinomial(1000, chance=0.75)).noise.trials
    1000
    """

    trials: int | str
    chance: float | str | None = None
    measured: bool | str = field(default=False, kw_only=True)

    kind: ClassVar[str] = "beta_binomial"

    def __post_init__(self) -> None:
        Noise.__post_init__(self)
        if self.measured:
            raise ValueError("a count has no measured error beside that of counting; leave measured out")
        if not (isinstance(self.trials, str) and self.trials) and not (
            isinstance(self.trials, int) and self.trials >= 1
        ):
            raise ValueError(f"trials is a number of questions or a coordinate's name, found {self.trials!r}")
        if isinstance(self.chance, int | float) and not 0 < self.chance <= 1:
            raise ValueError(f"chance is the error of guessing, above 0 and at most 1; found {self.chance!r}")

    def width(self, parameters: Parameters, distance: Array | float, error: Array) -> jax.Array:
        """Scale of all that hides the mean of a run, the error of counting included."""
        return jnp.hypot(self.spread(parameters, distance, error), error)

    def distribution(
        self, mean: jax.Array, parameters: Parameters, spread: jax.Array, counts: Mapping[str, Array]
    ) -> dist.Distribution:
        """Counts of errors among trials."""
        first, second = beta_parameters(bend_to_chance(mean, counts["chance"], jnp), spread, jnp)
        return dist.BetaBinomial(first * jnp.ones_like(second), second, counts["trials"])

    def information(self, parameters: Parameters, spread: jax.Array) -> jax.Array:
        """The inverse variance."""
        return spread**-2
