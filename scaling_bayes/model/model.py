"""`Model`: law, pooling, noise and discrepancy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import xarray as xr

from scaling_bayes.laws import ROLES, Law
from scaling_bayes.model.binding import Binding, bind
from scaling_bayes.model.discrepancy import Discrepancy
from scaling_bayes.model.noise import Noise, StudentT
from scaling_bayes.model.pooling import Pooling, check_pool, describe_pooling
from scaling_bayes.model.priors import Prior


@dataclass(frozen=True)
class Model:
    r"""A statistical model of a sweep.

    .. math::

        \log y_i = \log f(x_i; \theta_{g(i)}) + \delta_{g(i)}(x_i) + \epsilon_i

    with a law :math:`f`, parameters :math:`\theta` pooled over groups, a discrepancy :math:`\delta` and noise
    :math:`\epsilon`.

    Parameters
    ----------
    law : Law
    pool : mapping, optional
        parameter -> `Shared()`, `Partial(*groups)`, `Separate(group)`, `Fixed(value)`, or a plain group name, which means
        partial pooling over it, or a number. Parameters not named are shared.
    priors : mapping, optional
        parameter -> NumPyro distribution for its population value, at the reference. By default each parameter has the
        weakly informative prior of its role.
    noise : StudentT or Normal
        On the log response.
    discrepancy : "auto", Discrepancy or None
        ``"auto"`` is `Discrepancy()` where the fitted runs have at least three distinct scales along its axis.

    Raises
    ------
    ValueError
        If `pool` or `priors` name what is no parameter of the law, or a fixed parameter is given a prior.

    Notes
    -----
    Called on a sweep inside NumPyro's inference the model is an ordinary NumPyro program, non-centred; `fit` samples the
    same density in coordinates made for it.

    Examples
    --------
    >>> from scaling_bayes.laws import law
    >>> model = Model(law("chinchilla"), pool={"E": "corpus", "A": "corpus", "B": "corpus"})
    >>> model.table().loc["alpha", "pooling"]
    'Shared()'
    """

    law: Law
    pool: Mapping[str, Any] | None = None
    priors: Mapping[str, Any] | None = None
    noise: Noise = field(default_factory=StudentT)
    discrepancy: Discrepancy | str | None = "auto"

    def __post_init__(self) -> None:
        if not isinstance(self.law, Law):
            raise TypeError(f"law is a Law, for instance sb.law('chinchilla') or sb.Law('E + A*N**-alpha'); found {self.law!r}")
        if not (self.discrepancy is None or self.discrepancy == "auto" or isinstance(self.discrepancy, Discrepancy)):
            raise ValueError(f"discrepancy is 'auto', a Discrepancy or None, found {self.discrepancy!r}")
        object.__setattr__(self, "pool", check_pool(self.pool, self.law.parameters))
        priors = {p: Prior.read(d) for p, d in (self.priors or {}).items()}
        if strangers := priors.keys() - set(self.law.parameters):
            raise ValueError(f"priors name {sorted(strangers)}, but the law's parameters are {', '.join(self.law.parameters)}")
        if both := [p for p in priors if not self.pooling[p].groups and "Fixed" in describe_pooling(self.pooling[p])]:
            raise ValueError(f"{both} are fixed and cannot have a prior too")
        object.__setattr__(self, "priors", priors)

    @property
    def pooling(self) -> Mapping[str, Pooling]:
        """Pooling of every parameter."""
        return self.pool  # type: ignore[return-value]

    def bind(self, sweep: xr.Dataset) -> Binding:
        """Settle law, groups and shapes on `sweep`; see `scaling_bayes.model.binding`."""
        return bind(self.law, self.pooling, self.priors, self.noise, self.discrepancy, sweep)

    def __call__(self, sweep: xr.Dataset) -> None:
        """Declare the model of `sweep` to NumPyro."""
        binding = self.bind(sweep)
        binding.program(binding.design)

    def table(self) -> pd.DataFrame:
        """Role, prior and pooling of every parameter."""
        rows = {
            p: {
                "role": self.law.roles[p],
                "meaning": ROLES[self.law.roles[p]].meaning,
                "prior": str(self.priors[p]) if p in self.priors else f"of its role ({ROLES[self.law.roles[p]].support})",
                "pooling": describe_pooling(self.pooling[p]),
            }
            for p in self.law.parameters
        }
        return pd.DataFrame.from_dict(rows, orient="index")
