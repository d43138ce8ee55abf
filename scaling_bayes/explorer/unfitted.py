"""`Unfitted`: a sweep before any fit, for the panels that need none."""

from functools import cached_property

import xarray as xr

from scaling_bayes.explorer.subject import ALL, Subject
from scaling_bayes.inference.posterior import data_groups, make_record
from scaling_bayes.model import Model
from scaling_bayes.questions.covariates import Covariates, read_covariates
from scaling_bayes.questions.points import QuestionError
from scaling_bayes.sweeps import check_sweep, compared_groups


class Unfitted(Subject):
    """A sweep that was not fitted, and the model that it may be fitted with.

    Parameters
    ----------
    sweep : Dataset
        From `as_sweep`, `load_sweep` or `hold_out`.
    held_out : Dataset, optional
    model : Model, optional
        Whose priors are shown.

    Raises
    ------
    SweepError
        If it is no sweep.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law = sb.Law("E + A*N**-alpha")
    >>> truth, design = {"E": 1.8, "A": 400.0, "alpha": 0.35}, {"N": [1e7, 1e8], "corpus": ["code", "web"]}
    >>> subject = Unfitted(sb.simulate_sweep(law, design, truth=truth, seed=0))
    >>> list(subject.cells), subject.fits
    (['code', 'web'], False)
    """

    fits = False

    def __init__(self, sweep: xr.Dataset, held_out: xr.Dataset | None = None, *, model: Model | None = None) -> None:
        self.sweep, self.held_out, self.model = check_sweep(sweep), held_out, model
        self.failed_gates = ""
        groups = compared_groups(sweep)
        rows = sorted(set(zip(*(sweep[g].values.astype(str) for g in groups), strict=True)))
        self.cells = {", ".join(row): dict(zip(groups, row, strict=True)) for row in rows} or {ALL: {}}

    @cached_property
    def fitted(self) -> xr.Dataset:
        """The sweep."""
        return self.sweep

    @cached_property
    def covariates(self) -> Covariates:
        """What may be moved along a curve of the model's law.

        Raises
        ------
        QuestionError
            Without a model.
        """
        if self.model is None:
            raise QuestionError("a sweep alone has no curves: Unfitted(sweep, model=sb.Model(law))")
        tree = xr.DataTree.from_dict(data_groups(self.sweep))
        record = make_record(self.model.bind(self.sweep), self.sweep)
        tree.attrs = {"scaling_bayes": "sweep", "record": record.to_json()}
        return read_covariates(tree)

    @property
    def heading(self) -> str:
        """What an exported page is called."""
        return f"Prior of {self.model.law.formula}" if self.model else "Sweep"
