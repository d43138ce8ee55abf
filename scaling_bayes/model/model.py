"""`Model`: law, pooling, noise and discrepancy."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
import xarray as xr

from scaling_bayes.laws import ROLES, Law
from scaling_bayes.model.binding import Binding, bind
from scaling_bayes.model.discrepancy import Discrepancy
from scaling_bayes.model.noise import Noise, StudentT, noise_from_dict, noise_to_dict
from scaling_bayes.model.pooling import (
    Fixed,
    Pooling,
    check_pool,
    describe_pooling,
    pooling_from_dict,
    pooling_to_dict,
)
from scaling_bayes.model.priors import Prior

DEFAULT_NOISE = StudentT()
FIXABLE = {"positive": lambda v: v >= 0, "unit": lambda v: 0 <= v <= 1, "real": lambda v: True}
"""Values at which a parameter may be fixed, by the support of its role; a term may be switched off."""


@dataclass(frozen=True, init=False)
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
        parameter -> `Shared()`, `Partial(*groups)`, `Separate(group)`, `Fixed(value)`, or a plain group name, which
        means partial pooling over it, or a number. Parameters not named are shared.
    priors : mapping, optional
        parameter -> NumPyro distribution for its population value, at the reference, cut off where the parameter cannot
        be. By default each parameter has the weakly informative prior of its role.
    noise : StudentT, Normal, Laplace, Frontier or BetaBinomial
        On the log response, or on counts.
    discrepancy : "auto", Discrepancy or None
        ``"auto"`` lets the fitted sweep decide: `fit` leaves its largest scales out and keeps the evidence in the
        posterior. Outside of `fit` it is `Discrepancy()`.

    Raises
    ------
    TypeError
        If `law` is no Law, `noise` no noise, or what `pool` and `priors` hold is no pooling or no distribution.
    ValueError
        If `pool` or `priors` name what is no parameter of the law, a fixed parameter is given a prior or a value that
        its role cannot have, or a prior does not cover its parameter's range.

    Notes
    -----
    Called on a sweep inside NumPyro's inference the model is an ordinary NumPyro program, non-centred; `fit` samples
    the same density in coordinates made for it.

    Examples
    --------
    >>> from scaling_bayes.laws import law
    >>> model = Model(law("chinchilla"), pool={"E": "corpus", "A": "corpus", "B": "corpus"})
    >>> model.table().loc["alpha", "pooling"]
    'Shared()'
    """

    law: Law
    pool: Mapping[str, Pooling]
    priors: Mapping[str, Prior]
    noise: Noise
    discrepancy: Discrepancy | str | None

    def __init__(
        self,
        law: Law,
        *,
        pool: Mapping[str, Any] | None = None,
        priors: Mapping[str, Any] | None = None,
        noise: Noise = DEFAULT_NOISE,
        discrepancy: Discrepancy | str | None = "auto",
    ) -> None:
        if not isinstance(law, Law):
            raise TypeError(
                f"law is a Law, for instance sb.law('chinchilla') or sb.Law('E + A*N**-alpha'); found {law!r}"
            )
        if not isinstance(noise, Noise):
            raise TypeError(
                f"noise is StudentT(), Normal(), Laplace(), Frontier() or BetaBinomial(...), found {noise!r}"
            )
        if not (discrepancy is None or discrepancy == "auto" or isinstance(discrepancy, Discrepancy)):
            raise ValueError(f"discrepancy is 'auto', a Discrepancy or None, found {discrepancy!r}")
        if not isinstance(priors, Mapping | None):
            raise TypeError(f"priors is a mapping of parameters to distributions of NumPyro, found {priors!r}")
        object.__setattr__(self, "law", law)
        object.__setattr__(self, "pool", check_pool(pool, law.parameters))
        object.__setattr__(self, "priors", {p: Prior.read(d) for p, d in (priors or {}).items()})
        object.__setattr__(self, "noise", noise)
        object.__setattr__(self, "discrepancy", discrepancy)
        self._check_fixed()
        self._check_priors()

    def _check_fixed(self) -> None:
        for p, pool in self.pool.items():
            role = ROLES[self.law.roles[p]]
            if isinstance(pool, Fixed) and not FIXABLE[role.support](pool.value):
                raise ValueError(f"{p!r} is fixed at {pool.value:g}, which no {role.name} ({role.meaning}) can be")

    def _check_priors(self) -> None:
        if strangers := self.priors.keys() - set(self.law.parameters):
            known = ", ".join(self.law.parameters)
            raise ValueError(f"priors name {sorted(strangers)}, but the law's parameters are {known}")
        if both := [p for p in self.priors if isinstance(self.pool[p], Fixed)]:
            raise ValueError(f"{both} are fixed and cannot have a prior too")
        for p, prior in self.priors.items():
            prior.check(p, ROLES[self.law.roles[p]].support)

    def to_json(self) -> str:
        """As text, for the attributes of a posterior; see `from_json`."""
        drift = self.discrepancy
        return json.dumps(
            {
                "law": self.law.to_dict(),
                "pool": {p: pooling_to_dict(pool) for p, pool in self.pool.items()},
                "priors": {p: prior.to_dict() for p, prior in self.priors.items()},
                "noise": noise_to_dict(self.noise),
                "discrepancy": asdict(drift) if isinstance(drift, Discrepancy) else drift,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "Model":
        """Read back what `to_json` wrote; nothing of it is executed.

        Raises
        ------
        ValueError, TypeError
            If somebody changed it to what is no model.

        Examples
        --------
        >>> model = Model(Law("A*N**-alpha"), pool={"A": "corpus"})
        >>> Model.from_json(model.to_json()) == model
        True
        """
        saved = json.loads(text)
        drift = saved["discrepancy"]
        return cls(
            Law.from_dict(saved["law"]),
            pool={p: pooling_from_dict(pool) for p, pool in saved["pool"].items()},
            priors={p: Prior.from_dict(prior) for p, prior in saved["priors"].items()},
            noise=noise_from_dict(saved["noise"]),
            discrepancy=Discrepancy(**drift) if isinstance(drift, dict) else drift,
        )

    def bind(self, sweep: xr.Dataset) -> Binding:
        """Settle law, groups and shapes on `sweep`; see `scaling_bayes.model.binding`."""
        return bind(self.law, self.pool, self.priors, self.noise, self.discrepancy, sweep)

    def __call__(self, sweep: xr.Dataset) -> None:
        """Declare the model of `sweep` to NumPyro."""
        binding = self.bind(sweep)
        binding.program(binding.design)

    def table(self) -> pd.DataFrame:
        """Role, prior and pooling of every parameter.

        Returns
        -------
        DataFrame
            One row a parameter.
        """
        return pd.DataFrame.from_dict({p: self._row(p) for p in self.law.parameters}, orient="index")

    def _row(self, parameter: str) -> dict[str, str]:
        role, prior, pool = ROLES[self.law.roles[parameter]], self.priors.get(parameter), self.pool[parameter]
        weak = "none" if isinstance(pool, Fixed) else f"of its role ({role.support})"
        return {
            "role": role.name,
            "meaning": role.meaning,
            "prior": str(prior) if prior else weak,
            "pooling": describe_pooling(pool),
        }
