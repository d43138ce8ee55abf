"""`ModifiedNormal`: a normal variable plus an exponential one, which NumPyro does not have."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.special import log_ndtr
from numpyro.distributions import constraints
from numpyro.distributions.util import promote_shapes, validate_sample


class ModifiedNormal(dist.Distribution):
    r"""Exponentially modified normal distribution.

    .. math:: \log p(x) = -\log \lambda + \frac{\sigma^2}{2 \lambda^2} - \frac{x - \mu}{\lambda}
        + \log \Phi\Bigl(\frac{x - \mu}{\sigma} - \frac{\sigma}{\lambda}\Bigr)

    Parameters
    ----------
    loc, scale : array
        Of the normal part.
    excess : array
        Mean of the exponential part.

    Examples
    --------
    >>> ModifiedNormal(0.0, 1.0, 1.0).log_prob(0.0).round(3).item()
    -1.341
    """

    arg_constraints: ClassVar = {"loc": constraints.real, "scale": constraints.positive, "excess": constraints.positive}
    support = constraints.real

    def __init__(self, loc: Any, scale: Any, excess: Any, *, validate_args: bool | None = None) -> None:
        self.loc, self.scale, self.excess = promote_shapes(loc, scale, excess)
        shape = jax.lax.broadcast_shapes(*map(jnp.shape, (loc, scale, excess)))
        super().__init__(batch_shape=shape, validate_args=validate_args)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        """Draw the two parts and add them."""
        shape = sample_shape + self.batch_shape
        first, second = jax.random.split(key)
        exponential = self.excess * jax.random.exponential(second, shape)
        return jnp.asarray(self.loc + self.scale * jax.random.normal(first, shape) + exponential)

    @validate_sample
    def log_prob(self, value: Any) -> jax.Array:
        """Log density."""
        above, ratio = value - self.loc, self.scale / self.excess
        tail = log_ndtr(above / self.scale - ratio)
        return jnp.asarray(ratio**2 / 2 - above / self.excess - jnp.log(self.excess) + tail)
