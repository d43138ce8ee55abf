r"""How much the posterior hangs on its prior and on its data: power-scaling by importance, without another fit.

.. math:: p_a(\theta \mid y) \propto p(y \mid \theta)\, p(\theta)^a, \qquad p(y \mid \theta)^a\, p(\theta)

with a near 1. The sensitivity is the rate at which a quantity's distribution moves with the logarithm to base 2 of a.
"""

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from scaling_bayes.laws.record import Record
from scaling_bayes.questions.points import read_record
from scaling_bayes.questions.summaries import name_values
from scaling_bayes.symbols import SAMPLE

THRESHOLD = 0.05
"""Sensitivity from which a distribution is said to move."""

SAYS = {
    (True, True): "moves with prior and data: they may disagree",
    (True, False): "moves with the prior, hardly with the data",
    (False, True): "",
    (False, False): "",
}
"""Whether a quantity is sensitive to prior and to likelihood -> what that means."""


def power_scale(posterior: xr.DataTree) -> pd.DataFrame:
    r"""Sensitivity of every law parameter to the prior of the law's coordinates, and to the likelihood.

    Only the prior of the population values is scaled; those of spreads, noise and drift, and the distribution of
    groups around their population, stay. A user's prior is taken as the normal one with its mean and width on the
    coordinate, which a normal or log-normal one is.

    Parameters
    ----------
    posterior : DataTree
        From `fit` or `open_posterior`.

    Returns
    -------
    DataFrame
        One row a parameter (and group), by name. ``prior`` and ``likelihood``: cumulative Jensen-Shannon distance by
        which the distribution moves for each doubling of the power; ``finding``, a sentence or nothing. Empty for a
        fit without a prior.

    Raises
    ------
    QuestionError
        If `posterior` is none.

    References
    ----------
    Kallioinen et al. (2024), Detecting and diagnosing prior and likelihood sensitivity with power-scaling,
    doi:10.1007/s11222-023-10366-5.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, truth = sb.Law("A*N**-alpha"), {"A": 40.0, "alpha": 0.25}
    >>> sweep = sb.simulate_sweep(law, {"N": [1e6, 1e7, 1e8]}, truth=truth, seed=0)
    >>> len(power_scale(sb.baseline(law, sweep, seed=0, bootstrap=20)))
    0
    """
    import arviz_stats as azs  # here, because it loads JAX and NumPyro where they are, and a question needs neither

    record = read_record(posterior)
    if "prior" not in posterior.children or "log_likelihood" not in posterior.children:
        return pd.DataFrame(columns=["prior", "likelihood", "finding"])
    draws = posterior["posterior"].to_dataset()
    names = [p if record.law.scales[p] == 1 else f"{p}_ref" for p in record.law.parameters]
    varying = [n for n in names if n in draws and float(draws[n].max()) > float(draws[n].min())]
    groups = {
        "posterior": draws[varying],
        "log_prior": log_prior(posterior, record).to_dataset(name="coordinates"),
        "log_likelihood": posterior["log_likelihood"].to_dataset(),
    }
    tree = xr.DataTree.from_dict(groups)
    found = {group: azs.psense(tree, group=group) for group in ("prior", "likelihood")}
    columns = {
        group: {k: v for n, array in moved.items() for k, v in name_values(array, str(n)).items()}
        for group, moved in found.items()
    }
    table = pd.DataFrame(columns)
    moved = table >= THRESHOLD
    table["finding"] = [SAYS[bool(p), bool(d)] for p, d in zip(moved["prior"], moved["likelihood"], strict=True)]
    return table.rename_axis("parameter")


def log_prior(posterior: xr.DataTree, record: Record) -> xr.DataArray:
    """Log density of the prior at every draw, summed over the law's coordinates.

    Parameters
    ----------
    posterior : DataTree
        Has the groups ``posterior``, ``prior``, ``observed_data`` and ``constant_data``.
    record : Record

    Returns
    -------
    DataArray
        Dims (chain, draw), up to a constant.
    """
    coordinates, draws = record.coordinates, posterior["posterior"].to_dataset()
    mean, width = coordinate_priors(posterior, record)
    total = xr.zeros_like(draws["population"].isel(coordinate=0, drop=True))
    for i, owner in enumerate(coordinates.owners()):
        alone = record.pooling[owner]["groups"] if record.pooling[owner]["kind"] == "Separate" else ()
        moved = [draws[f"effect_{g}"].isel(coordinate=i) for g in alone]
        centre = 0.0 if moved else mean[i]
        for value in moved or [draws["population"].isel(coordinate=i)]:
            density = xr.apply_ufunc(stats.norm(centre, width[i]).logpdf, value)
            total = total + density.sum([d for d in density.dims if d not in SAMPLE])
    return total.drop_vars("coordinate", errors="ignore")


def coordinate_priors(posterior: xr.DataTree, record: Record) -> tuple[np.ndarray, np.ndarray]:
    """Mean and width of the normal prior of each coordinate of the law.

    Parameters
    ----------
    posterior : DataTree
        Has the groups ``prior``, ``observed_data`` and ``constant_data``.
    record : Record

    Returns
    -------
    mean, width : array, shape (coordinate,)
        By role; of a parameter whose prior the user gave, those of its draws.
    """
    runs = {str(name): column.values for name, column in posterior["constant_data"].to_dataset().variables.items()}
    response = posterior["observed_data"].to_dataset()[record.response].values
    mean, width, _ = record.coordinates.prior(float(record.log_response(response, runs).mean()))
    before = posterior["prior"].to_dataset()["population"]
    for i, owner in enumerate(record.coordinates.owners()):
        if owner in record.priors:
            mean[i], width[i] = float(before.isel(coordinate=i).mean()), float(before.isel(coordinate=i).std())
    return mean, width
