"""`RunInfluence`: predictions of one posterior as they are and without a run, kept ready for a slider."""

from functools import cached_property

import numpy as np
import xarray as xr

from scaling_bayes.explorer.subject import Subject
from scaling_bayes.questions.curve_draws import prepare_curves
from scaling_bayes.questions.curves import Curves
from scaling_bayes.questions.influence import measure_change, weigh_without
from scaling_bayes.symbols import SAMPLE

REACH = 100.0
"""Multiple of the largest fitted value at which the slider of the budget ends."""


class RunInfluence:
    """What leaving out a run moves in the prediction of a group at a budget, by weights, without a fit.

    Parameters
    ----------
    subject : Subject

    Attributes
    ----------
    along : str
        What the budget is a value of: compute where it is known, else the first covariate.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.along = subject.covariates.axes[0]
        fitted = subject.covariates.fitted[self.along]
        self._least, self._most = float(fitted.min()), float(fitted.max() * REACH)
        self._weighed: tuple[str, xr.Dataset] = ("", xr.Dataset())
        self._measured: dict[tuple[str, str, float], dict[str, float]] = {}

    @property
    def possible(self) -> bool:
        """Whether the posterior has a likelihood of its runs."""
        return "log_likelihood" in self.subject.posterior.children

    def ends(self) -> tuple[float, float]:
        """Budgets for which curves are ready."""
        return self._least, self._most

    def widen(self, budget: float) -> None:
        """Make curves ready for a budget beyond, and some more."""
        if not self._least <= budget <= self._most:
            self._least, self._most = min(self._least, budget / 10), max(self._most, budget * 10)
            self.__dict__.pop("curves", None)

    @cached_property
    def curves(self) -> Curves:
        """Curves of every group between the ends."""
        ends = [self.columns(x) for x in self.ends()]
        return prepare_curves(self.subject.posterior, ends, cells=list(self.subject.cells.values()))

    def columns(self, budget: float) -> dict[str, np.ndarray]:
        """Covariates at a budget; what is held is at the median of the fitted runs."""
        covariates = self.subject.covariates
        middle = {n: float(np.median(covariates.fitted[n])) for n in covariates.held(self.along)}
        return covariates.follow(self.along, np.array([budget]), middle)

    def predict(self, cell: str, budget: float) -> np.ndarray:
        """Draws of the mean log response of a group."""
        place = list(self.subject.cells).index(cell)
        return np.asarray(self.curves.log_response(self.columns(budget))[0, place], dtype=float)

    def weigh(self, run: str) -> xr.Dataset:
        """Weights of the draws without the run; see `weigh_without`."""
        if self._weighed[0] != run:
            self._weighed = run, weigh_without(self.subject.posterior, runs=[run])
        return self._weighed[1]

    def measure(self, run: str, cell: str, budget: float) -> dict[str, float]:
        """``moved``, ``moved_sd``, ``moved_error`` and ``pareto_k`` of `influence`.

        Raises
        ------
        QuestionError
            If the posterior has no likelihood of its runs.
        """
        key = (run, cell, budget)
        if key not in self._measured:
            weighed = self.weigh(run)
            drawn = self.predict(cell, budget).reshape(weighed["weight"].shape[:2])
            change = measure_change(xr.DataArray(drawn, dims=SAMPLE), weighed["weight"])
            found = {str(name): float(change[name].values.item()) for name in change.data_vars}
            self._measured = {key: found | {"pareto_k": float(weighed["pareto_k"].values.item())}}
        return self._measured[key]
