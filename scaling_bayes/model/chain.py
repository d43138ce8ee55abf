"""`Chain`: a model of what a first model's response does to a second one, as compute to loss to error."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.laws.axes import axis_covariates
from scaling_bayes.model.binding import Binding
from scaling_bayes.model.checks import ModelError
from scaling_bayes.model.model import Model
from scaling_bayes.model.noise import SCALE
from scaling_bayes.sweeps import attr_list
from scaling_bayes.symbols import REPLICATE, suggest


@dataclass(frozen=True)
class Chain:
    r"""A model in two stages.

    .. math::

        \log L_i &= \log f_1(x_i; \theta_1) + \delta_1(x_i) + \epsilon_{1,i} \\
        \log y_i &= \log f_2(L_i; \theta_2) + \delta_2(L_i) + \epsilon_{2,i}

    The response :math:`y` of a run depends on the loss :math:`L_i` that this run reached, not on the loss that the
    first law gives such runs: a run that ended above the curve has the larger error too. A new run has no measured
    loss, so that a prediction draws one, from the first stage with all of its uncertainty.

    Parameters
    ----------
    first : Model
        Of the loss.
    second : Model
        Of the sweep's response; its law has the covariate `through`. It may have groups that the first does not.
    through : str
        The covariate of the sweep that the first stage predicts.

    Raises
    ------
    TypeError
        If a stage is no Model.
    ModelError
        If the second law has no covariate `through`, the first has it, or the spread of the second's noise changes
        along it.

    Notes
    -----
    By default the drift :math:`\delta_2` runs along the loss, where the second law may be wrong, with a spread that
    lets it go as far over the sweep's losses as a drift along compute would over its compute.

    The stages share no parameter, and both are given the measured :math:`L_i`: the joint density of a sweep is the
    product of the density of the losses and of that of the responses given the losses, and the joint posterior is the
    product of two, which `fit` samples one after the other. The second stage teaches the first nothing because there is
    nothing that it could teach, once losses are measured.

    What is neglected is the error of measurement of :math:`L`: all of :math:`\epsilon_1` counts as the run's own.
    What is not flattens the second law, by about its variance over that of :math:`\log L` in the sweep, and widens the
    intervals of predictions. In 40 simulated sweeps their 90 % intervals at 3 to 30 times the fitted scale held 93 % of
    the truths where all of :math:`\epsilon_1` was the run's own, and all of them where it was all of measurement.
    Rows with a response and no loss cannot be used.

    Examples
    --------
    >>> from scaling_bayes.laws import law
    >>> Chain(Model(law("chinchilla")), Model(law("err_of_loss"))).through
    'L'
    """

    first: Model
    second: Model
    through: str = "L"

    def __post_init__(self) -> None:
        for name, stage in (("first", self.first), ("second", self.second)):
            if not isinstance(stage, Model):
                found = type(stage).__name__
                raise TypeError(f"{name} is a Model, for instance sb.Model(sb.law('chinchilla')); found a {found}")
        law = self.second.law
        if self.through not in {*law.covariates, *law.parameters}:
            raise ModelError(
                f"the second law {law.formula} does not depend on {self.through!r}, through which the stages hang "
                f"together: {suggest(self.through, law.covariates)}"
            )
        if self.through in {*self.first.law.covariates, *self.first.law.parameters}:
            raise ModelError(f"the first law {self.first.law.formula} has {self.through!r}, which it shall predict")
        self._check_axes()

    def _check_axes(self) -> None:
        drift, along = self.second.discrepancy, self.second.noise.along
        axes = [axis for axis in getattr(drift, "along", ()) if axis != self.through]
        axes += [along] if along not in (None, SCALE) else []
        if found := [axis for axis in axes if self.through in axis_covariates(axis)]:
            raise ModelError(
                f"the second stage changes along {found[0]!r}: its noise may change along covariates of the first "
                f"only, and its drift along those or along {self.through!r} by itself"
            )

    def split(self, sweep: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset]:
        """Sweeps of the stages.

        Parameters
        ----------
        sweep : Dataset
            Dims run. Its response is that of the second stage, NaN where a run has none; `through` is a covariate.

        Returns
        -------
        first, second : Dataset
            Of the first, response `through`: rows that agree in the covariates and in it, and differ in groups that
            the first model does not know, such as tasks, are one run.
            Of the second, the rows that have a response.

        Raises
        ------
        ModelError
            If the sweep has no such covariate, or no row has a response.

        Examples
        --------
        >>> import scaling_bayes as sb
        >>> chain = Chain(Model(sb.law("power_offset")), Model(sb.law("err_of_loss"), pool={"k": "task"}))
        >>> table = {"C": [1e18, 1e18, 1e20], "L": [3.0, 3.0, 2.5], "error": [0.6, 0.5, 0.4], "task": ["a", "b", "a"]}
        >>> units = {"C": "FLOP", "L": "nats/token", "error": "fraction"}
        >>> sweep = sb.as_sweep(table, response="error", covariates=["C", "L"], groups="task", units=units)
        >>> first, second = chain.split(sweep)
        >>> first["L"].values.tolist(), second.sizes["run"]
        ([3.0, 2.5], 3)
        """
        covariates = attr_list(sweep, "covariates")
        if self.through not in covariates:
            raise ModelError(
                f"the sweep has no covariate {self.through!r}, the loss that the first stage predicts: "
                f"{suggest(self.through, covariates)}. as_sweep takes it as it takes N and D"
            )
        response = str(sweep.attrs["response"])
        measured = np.flatnonzero(np.isfinite(sweep[response].values))
        if not measured.size:
            raise ModelError(f"no run of the sweep has the response {response!r} of the second stage")
        stated = {"response": self.through, "covariates": [c for c in covariates if c != self.through]}
        losses = sweep.drop_vars([response, f"{response}_se"], errors="ignore").reset_coords(self.through)
        first = losses.isel(run=self._single_runs(sweep)).assign_attrs(stated)
        scale = "C" if "C" in sweep.coords else self.first.law.with_covariates(stated["covariates"]).covariates[0]
        return first, sweep.isel(run=measured).assign_attrs(scale=scale, through=self.through)

    def _single_runs(self, sweep: xr.Dataset) -> np.ndarray:
        """Positions of one row of every run; runs of equal loss are told apart by occurring twice in a task."""
        groups = attr_list(sweep, "groups")
        own = sorted(set(groups) - _groupings(self.first) - {REPLICATE})
        if not own:
            return np.arange(sweep.sizes["run"])
        columns = [*attr_list(sweep, "covariates"), *(g for g in groups if g not in own)]
        table = pd.DataFrame({name: sweep[name].values for name in [*columns, *own]})
        table["copy"] = table.groupby([*columns, *own], sort=False).cumcount()
        return np.flatnonzero(~table.duplicated([*columns, "copy"]))

    def bind(self, sweep: xr.Dataset) -> tuple[Binding, Binding]:
        """Settle both stages on `sweep`; see `Model.bind`."""
        first, second = self.split(sweep)
        return self.first.bind(first), self.second.bind(second)

    def to_json(self) -> str:
        """As text, for the attributes of a posterior; see `read_model`."""
        stages = {name: json.loads(getattr(self, name).to_json()) for name in ("first", "second")}
        return json.dumps({**stages, "through": self.through})


def _groupings(model: Model) -> set[str]:
    return {group for pool in model.pool.values() for group in pool.groups}


def read_model(text: str) -> Model | Chain:
    """Read back what `Model.to_json` or `Chain.to_json` wrote; nothing of it is executed.

    Raises
    ------
    ValueError, TypeError
        If somebody changed it to what is no model.

    Examples
    --------
    >>> from scaling_bayes.laws import law
    >>> chain = Chain(Model(law("power")), Model(law("err_of_loss"), pool={"k": "task"}))
    >>> read_model(chain.to_json()) == chain
    True
    """
    saved: dict[str, Any] = json.loads(text)
    if "through" not in saved:
        return Model.from_json(text)
    first, second = (Model.from_json(json.dumps(saved[name])) for name in ("first", "second"))
    return Chain(first, second, saved["through"])
