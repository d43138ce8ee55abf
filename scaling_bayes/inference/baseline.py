r"""The field's habit behind the same interface: robust least squares on the log response, and a bootstrap.

.. math:: \min_\theta \sum_i \rho\bigl(\log f(x_i; \theta) - \log y_i\bigr)

with Huber's :math:`\rho` (:math:`\delta = 10^{-3}`, as Hoffmann et al. 2022) or the square, many starts at once, and
rows drawn with replacement.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import jax
import numpy as np
import xarray as xr

from scaling_bayes.inference.compilation import reuse_compiled
from scaling_bayes.inference.least_squares import LOSSES, Minimum, Rows, minimise
from scaling_bayes.inference.posterior import data_groups, make_record
from scaling_bayes.inference.provenance import state_provenance
from scaling_bayes.laws import Law
from scaling_bayes.laws.record import Record
from scaling_bayes.model import Model, ModelError, Normal, Partial, Shared
from scaling_bayes.model.binding import Binding
from scaling_bayes.sweeps import check_sweep

METHODS = tuple(LOSSES)


def baseline(
    law: Law,
    sweep: xr.Dataset,
    *,
    seed: int,
    method: str = "huber",
    bootstrap: int = 4000,
    by: str | Sequence[str] = (),
) -> xr.DataTree:
    """Fit a law by robust least squares and bootstrap its rows.

    Parameters
    ----------
    law : Law
    sweep : Dataset
        Dims run.
    seed : int
        For starts and resampling.
    method : {"huber", "least_squares"}
        Loss on the residual of the log response.
    bootstrap : int
        Resamples; they take the place of posterior draws.
    by : str or sequence of str, optional
        Fit each group by itself, or each combination of crossed groups.

    Returns
    -------
    DataTree
        In the shape of a posterior, with one chain whose draws are the resamples. Group ``estimate`` holds the fit of
        all rows and its ``objective`` (the sum over rows); ``sigma`` is the residual standard deviation.

    Raises
    ------
    ModelError
        If the sweep cannot tell the law's terms apart, has no grouping `by`, or lacks runs of a combination.
    ValueError
        For an unknown method, or fewer than two resamples.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, truth = sb.Law("A*N**-alpha"), {"A": 40.0, "alpha": 0.25}
    >>> sweep = sb.simulate_sweep(law, {"N": [1e6, 1e7, 1e8]}, truth=truth, seed=0, noise=0)
    >>> baseline(law, sweep, seed=0, bootstrap=20)["estimate"]["alpha"].round(4).item()
    0.25
    """
    check_sweep(sweep)
    if method not in METHODS:
        raise ValueError(f"method is one of {', '.join(METHODS)}, found {method!r}")
    if bootstrap < 2:
        raise ValueError(f"bootstrap is the number of resamples, at least 2; found {bootstrap}")
    started = time.perf_counter()
    groups = (by,) if isinstance(by, str) else tuple(by)
    with reuse_compiled(), jax.enable_x64(True), jax.default_device(jax.devices("cpu")[0]):
        binding = bind_cells(law, sweep, groups)
        fits = _fit_cells(binding, np.random.default_rng(seed), method, bootstrap)
    alone = {"kind": "Separate" if groups else "Shared", "groups": list(groups), "value": None}
    record = replace(make_record(binding, sweep), shares=(), singles=(), pooling=dict.fromkeys(law.parameters, alone))
    tree = _assemble(fits, record, sweep)
    provenance = state_provenance(sweep, seed=seed, device="cpu", seconds=time.perf_counter() - started)
    tree.attrs |= provenance | {"method": method}
    return tree


def bind_cells(law: Law, sweep: xr.Dataset, groups: tuple[str, ...]) -> Binding:
    """Settle a law on a sweep whose combinations of groups are each fitted alone.

    Raises
    ------
    ModelError
        See `baseline`.
    """
    # Cells are all that is asked of the binding: a combination is a cell of crossed groupings.
    pool = dict.fromkeys(law.parameters, Partial(*groups) if groups else Shared())
    binding = Model(law, pool=pool, noise=Normal(measured=False), discrepancy=None).bind(sweep)
    if groups:
        _refuse_empty_cells(binding)
    return binding


def _refuse_empty_cells(binding: Binding) -> None:
    """Each combination of groups needs runs of its own."""
    factors, table = binding.cells.factors, binding.cells.table
    present = set(table.itertuples(index=False, name=None))
    if absent := [", ".join(cell) for cell in product(*factors.values()) if cell not in present]:
        raise ModelError(
            f"by={list(factors)}: there is no run of {'; '.join(absent)}. Fit fewer groupings, or a subset"
        )


Fit = tuple[dict[str, np.ndarray], dict[str, np.ndarray]]


def _fit_cells(binding: Binding, rng: np.random.Generator, method: str, bootstrap: int) -> list[Fit]:
    """Estimate (values of length 1) and resamples (length `bootstrap`) of every cell."""
    fits = []
    coordinates, design = binding.program.coordinates, binding.design
    blocks, cells, _ = design.weight.shape
    for at, stream in zip(np.ndindex(blocks, cells), rng.spawn(blocks * cells), strict=True):
        columns = {c: np.asarray(column[at]) for c, column in design.covariates.items()}
        rows = Rows(columns, np.asarray(design.log_response[at]), int(design.weight[at].sum()))
        found = minimise(coordinates, rows, method=method, bootstrap=bootstrap, rng=stream)
        fits.append(_describe(found, binding, rows))
    return fits


def _describe(found: Minimum, binding: Binding, rows: Rows) -> Fit:
    estimate = _parameters(found.theta[None], binding, rows) | {"objective": np.array([found.objective])}
    return estimate, _parameters(found.resamples, binding, rows)


def _parameters(theta: np.ndarray, binding: Binding, rows: Rows) -> dict[str, np.ndarray]:
    """Law parameters and residual standard deviation for each row of `theta`."""
    law, present = binding.law, slice(rows.count)
    values = {p: np.asarray(v) for p, v in binding.program.coordinates.parameters(theta, {}).items()}
    columns = {c: column[present] for c, column in rows.covariates.items()}
    fitted = np.log(law.numpy(**{p: v[:, None] for p, v in values.items()}, **columns))
    left = rows.log_response[present] - fitted
    at_reference = {f"{p}_ref": values[p] for p in law.parameters if law.scales[p] != 1}
    freedom = max(rows.count - theta.shape[1], 1)
    paper = law.rescale(values, binding.references)
    return {**paper, **at_reference, "sigma": np.sqrt((left**2).sum(axis=1) / freedom)}


def _assemble(fits: Sequence[Fit], record: Record, sweep: xr.Dataset) -> xr.DataTree:
    dims, coords = ("chain", "draw", *record.factors), {"chain": [0], **record.factors}

    def label(parts: Sequence[dict[str, np.ndarray]]) -> xr.Dataset:
        columns = {name: np.stack([part[name] for part in parts], axis=-1) for name in parts[0]}
        return xr.Dataset({n: (dims, v.reshape(1, len(v), *sizes)) for n, v in columns.items()}, coords=coords)

    sizes = [len(labels) for labels in record.factors.values()]
    estimates, resamples = (label(parts) for parts in zip(*fits, strict=True))
    groups = {
        "posterior": resamples.assign_coords(draw=np.arange(resamples.sizes["draw"])),
        "estimate": estimates.isel(chain=0, draw=0, drop=True),
        **data_groups(sweep),
    }
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = {"scaling_bayes": "baseline", "record": record.to_json()}
    return tree
