"""`parameters`: the law's parameters as draws, beside their prior, and which of them trade off."""

import numpy as np
import xarray as xr
from xarray import ufuncs

from scaling_bayes.questions.forecast import describe
from scaling_bayes.questions.points import read_single
from scaling_bayes.symbols import SAMPLE

PRIOR = "prior_"
"""What the name of a parameter's prior begins with."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Of the prior: its ends at 90 % and 50 %, and its median."""


def parameters(posterior: xr.DataTree) -> xr.Dataset:
    r"""Draws of the law's parameters in the paper's units, quantiles of their prior, and their correlations.

    .. math:: \rho_{pq} = \operatorname{corr}(\log\theta_p, \log\theta_q)

    over the draws of each group; of parameters that are not positive, of their values. A correlation near one is a
    ridge: the data know a combination of the two, and neither alone.

    Parameters
    ----------
    posterior : DataTree
        From `fit`, `baseline` or `open_posterior`; of a chain, one of its stages.

    Returns
    -------
    Dataset
        A variable a parameter, dims (chain, draw, [groups]); where a prior was saved ``prior_`` and its name, dims
        (quantile, [groups]); ``correlation`` (parameter, parameter_other, [groups]), NaN for what is known. Coordinate
        ``role`` (parameter).

    Raises
    ------
    QuestionError
        If `posterior` is none.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law = sb.Law("E + A*N**-alpha")
    >>> design = {"N": [1e7, 3e7, 1e8, 3e8, 1e9, 3e9]}
    >>> sweep = sb.simulate_sweep(law, design, truth={"E": 1.8, "A": 400.0, "alpha": 0.35}, seed=0)
    >>> found = parameters(sb.baseline(law, sweep, seed=0, bootstrap=20))
    >>> found["alpha"].dims, found["role"].values.tolist()
    (('chain', 'draw'), ['floor', 'level', 'exponent'])
    """
    record = read_single(posterior)
    names = list(record.law.parameters)
    drawn = posterior["posterior"].to_dataset()[names]
    found = drawn.assign(correlation=_correlate(drawn, names))
    if "prior" in posterior.children:
        prior = posterior["prior"].to_dataset()[names].quantile(QUANTILES, SAMPLE)
        found = found.assign({PRIOR + name: prior[name] for name in names})
    roles = [str(record.law.roles[name]) for name in names]
    return found.assign_coords(role=("parameter", roles)).assign_attrs(describe(posterior, record))


def _correlate(drawn: xr.Dataset, names: list[str]) -> xr.DataArray:
    """Correlation of every pair of parameters, group by group."""
    scaled = [ufuncs.log(drawn[name]) if bool((drawn[name] > 0).all()) else drawn[name] for name in names]
    every = xr.concat(xr.broadcast(*scaled), xr.Variable("parameter", names))
    apart = every - every.mean(SAMPLE)
    spread = apart.std(SAMPLE)
    unit = apart / spread.where(spread > 1e-12 * abs(every).max())
    product = xr.dot(unit, unit.rename(parameter="parameter_other"), dim=SAMPLE)
    return (
        (product / np.prod([every.sizes[d] for d in SAMPLE])).rename("correlation").drop_vars(SAMPLE, errors="ignore")
    )
