r"""`PriorDraws`: the prior of a model's law as draws that move smoothly when a prior does.

.. math:: \theta = Q(\Phi(z)) \; (+ \sum_g s_g z_g), \qquad s_g = \tau_g |z'_g|

with the quantile function :math:`Q` of each parameter's prior and standard normals :math:`z` that stay the same, so
that the difference between two priors is no noise of simulation. The second term is a group's deviation from the
population. Correlations between a group's deviations are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

import numpy as np
from scipy import special

from scaling_bayes.laws import ROLES
from scaling_bayes.model.binding import Binding
from scaling_bayes.model.pooling import Partial
from scaling_bayes.model.priors import SUPPORTS, Prior


@dataclass(frozen=True)
class PriorDraws:
    """Draws of a law's parameters from their prior.

    Attributes
    ----------
    binding : Binding
    size : int
        Number of draws.
    population, group : mapping
        parameter -> array, shape (draw,), at the reference: the population's value, and that of one group.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> sweep = sb.simulate_sweep(sb.Law("A*N**-alpha"), {"N": [1e7, 1e8]}, truth={"A": 40.0, "alpha": 0.25}, seed=0)
    >>> model = sb.Model(sb.Law("A*N**-alpha"), discrepancy=None)
    >>> draws = draw_prior(model.bind(sweep), {"alpha": make_prior("positive", 0.3, 0.5)})
    >>> round(float(np.median(draws.group["alpha"])), 3), draws.curves({"N": np.array([1e8, 1e9])}).shape
    (0.3, (4000, 2))
    """

    binding: Binding
    size: int
    population: Mapping[str, np.ndarray]
    group: Mapping[str, np.ndarray]

    def curves(self, columns: Mapping[str, np.ndarray], draws: int | None = None) -> np.ndarray:
        """The law of one group, without drift and noise, at points.

        Parameters
        ----------
        columns : mapping
            covariate -> array, shape (point,), or number.
        draws : int, optional
            Only the first so many.

        Returns
        -------
        array, shape (draw, point)
            In the units of the sweep; of counted responses the mean before it bends to that of guessing.
        """
        law, references = self.binding.program.coordinates.law, self.binding.references
        at = {c: np.asarray(columns[c], dtype=float) / references[c] for c in law.covariates}
        return np.asarray(law.numpy(**{p: v[:draws, None] for p, v in self.group.items()}, **at))


def make_prior(support: str, centre: float, width: float) -> Prior:
    """The prior of a centre and of a width on the sampled scale.

    Parameters
    ----------
    support : {"positive", "unit", "real"}
        Of the parameter's role.
    centre : float
        Median; of a share between 0 and 1 the mean.
    width : float
        Standard deviation of the logarithm; of a share about that of the logit; of a real number its own.

    Returns
    -------
    Prior
        LogNormal, Beta or Normal.

    Examples
    --------
    >>> print(make_prior("unit", 0.25, 1.0))
    Beta(concentration0=4, concentration1=1.33333)
    """
    if support == "unit":
        total = 1 / (width**2 * centre * (1 - centre))
        return Prior("Beta", (("concentration0", (1 - centre) * total), ("concentration1", centre * total)))
    name, loc = ("LogNormal", float(np.log(centre))) if support == "positive" else ("Normal", centre)
    return Prior(name, (("loc", loc), ("scale", width)))


def describe_centre(support: str, values: np.ndarray) -> tuple[float, float]:
    """Centre and width of draws, in the sense of `make_prior`.

    Examples
    --------
    >>> describe_centre("positive", np.exp([-1.0, 0.0, 1.0]))
    (1.0, 0.68)
    """
    coordinate = SUPPORTS[support].to_coordinate(np.asarray(values))
    low, middle, high = np.quantile(coordinate, [0.16, 0.5, 0.84])
    back = {"positive": np.exp, "unit": special.expit, "real": float}[support]
    return float(back(middle)), float((high - low) / 2)


def draw_prior(binding: Binding, priors: Mapping[str, Prior], *, size: int = 4000, seed: int = 0) -> PriorDraws:
    """Map fixed standard normals to the prior of a law's parameters.

    Parameters
    ----------
    binding : Binding
        Of a model that gives the same parameters a prior of their own.
    priors : mapping
        parameter -> prior of its own; the others have that of their role.
    size : int
    seed : int

    Returns
    -------
    PriorDraws
    """
    program, design = binding.program, binding.design
    coordinates, spreads = program.coordinates, program.coordinates.prior(0.0)[2]
    own = {coordinates.name(p): (p, prior) for p, prior in priors.items() if p in coordinates.singles}
    owners = coordinates.owners()
    population = np.empty((size, len(coordinates.names)))
    moved = np.zeros_like(population)
    for i, name in enumerate(coordinates.names):
        z = fixed_normals(name, size, seed)
        if name in own:
            parameter, prior = own[name]
            support = ROLES[coordinates.law.roles[parameter]].support
            population[:, i] = SUPPORTS[support].to_coordinate(find_quantiles(prior, special.ndtr(z), support))
        else:
            population[:, i] = design.prior_mean[i] + design.prior_width[i] * z
        pool = binding.pooling[owners[i]]
        for grouping in pool.groups if isinstance(pool, Partial) else ():
            several = len(binding.cells.factors[grouping]) > 1
            tau = np.abs(fixed_normals(f"{name} spread {grouping}", size, seed)) if several else 1.0
            moved[:, i] += spreads[i] * tau * fixed_normals(f"{name} {grouping}", size, seed)
    parts = (population, population + moved)
    values = (coordinates.parameters(theta, binding.references) for theta in parts)
    wide = [{p: np.broadcast_to(v, (size,)) for p, v in part.items()} for part in values]
    return PriorDraws(binding, size, *wide)


@lru_cache(maxsize=256)
def fixed_normals(name: str, size: int, seed: int) -> np.ndarray:
    """Standard normals that are always the same for a name: the middle of equally likely ranges, in random order.

    Examples
    --------
    >>> float(np.median(fixed_normals("log_alpha", 1001, 0)))
    0.0
    """
    order = np.random.default_rng([seed, crc32(name.encode())]).permutation(size)
    return np.asarray(special.ndtri((order + 0.5) / size))


def find_quantiles(prior: Prior, levels: np.ndarray, support: str) -> np.ndarray:
    """Quantiles of a prior inside a support; of families without a closed form those of its simulated draws.

    Examples
    --------
    >>> find_quantiles(make_prior("positive", 2.0, 0.5), np.array([0.5]), "positive").tolist()
    [2.0]
    """
    given = dict(prior.arguments)
    if prior.name == "LogNormal":
        return np.asarray(np.exp(given["loc"] + given["scale"] * special.ndtri(levels)))
    if prior.name == "Normal" and support == "real":
        return np.asarray(given["loc"] + given["scale"] * special.ndtri(levels))
    if prior.name == "Beta":
        found = special.betaincinv(given["concentration1"], given["concentration0"], levels)
        return np.asarray(np.clip(found, 1e-12, 1 - 1e-12))
    return np.asarray(np.quantile(prior.simulate(support), levels))
