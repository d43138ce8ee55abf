"""`explore`: the panels of one posterior in tabs, with a shared state."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import ipywidgets
import pandas as pd
import traitlets
import xarray as xr
from matplotlib.figure import Figure

from scaling_bayes.explorer.panel import Panel
from scaling_bayes.explorer.subject import Subject
from scaling_bayes.explorer.unfitted import Unfitted
from scaling_bayes.model import Model
from scaling_bayes.questions.points import QuestionError
from scaling_bayes.symbols import suggest

PANELS = {
    "extrapolation": "Extrapolation",
    "comparison": "Comparison",
    "allocation": "Allocation",
    "checking": "Checking",
    "priors": "Priors",
    "sweep": "SweepPanel",
}
"""Module of `scaling_bayes.explorer` -> its panel, in the order of the tabs."""

SHARED = ("budget", "groups", "level")
"""Traits that all panels which have them agree on."""


def explore(
    posterior: xr.DataTree | xr.Dataset,
    held_out: xr.Dataset | None = None,
    *,
    model: Model | None = None,
    panels: Sequence[str] | None = None,
    **state: Any,
) -> "Explorer":
    """Explore a posterior in JupyterLab, without a fit; or a sweep and a model's priors, before one.

    Parameters
    ----------
    posterior : DataTree or Dataset
        From `fit`, `baseline`, `stack` or `open_posterior`, of one stage; or a sweep.
    held_out : Dataset, optional
        Runs that were held out, from `hold_out`: they are drawn and counted.
    model : Model, optional
        Of a sweep: the model whose priors are shown.
    panels : sequence of str, optional
        Names of the tabs; by default all that have something to show.
    **state
        What panels share, to begin with: ``budget``, ``groups``, ``level``.

    Returns
    -------
    Explorer

    Raises
    ------
    QuestionError
        If it is neither posterior nor sweep, or a chain, or a panel or a group is unknown, or a panel has nothing to
        show.
    TypeError
        For a state that panels do not share.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law = sb.Law("E + A*N**-alpha")
    >>> design = {"N": [1e7, 3e7, 1e8, 3e8, 1e9, 3e9, 1e10]}
    >>> sweep = sb.simulate_sweep(law, design, truth={"E": 1.8, "A": 400.0, "alpha": 0.35}, seed=0)
    >>> fit_part, held_out = sb.hold_out(sweep, along="N", top=1)
    >>> explore(fit_part, held_out, model=sb.Model(law)).tabs.titles
    ('Priors', 'Sweep')
    >>> explorer = explore(sb.baseline(law, fit_part, seed=0, bootstrap=20), held_out)
    >>> explorer.budget = 1e11
    >>> explorer.answer()[["N", "runs_beyond"]].to_dict("records")
    [{'N': 100000000000.0, 'runs_beyond': 1}]
    """
    chosen = list(PANELS) if panels is None else list(panels)
    for name in chosen:
        if name not in PANELS:
            raise QuestionError(f"no panel is called {name!r}: {suggest(name, PANELS)}")
    for name in state:
        if name not in SHARED:
            raise TypeError(
                f"panels do not share {name!r}, they share {', '.join(SHARED)}; set explorer.<panel>.{name}"
            )
    subject = _read_subject(posterior, held_out, model)
    left_out = {name: reason for name in chosen if (reason := find_panel(name).why_not(subject))}
    if panels is not None and left_out:
        name, reason = next(iter(left_out.items()))
        raise QuestionError(f"the panel {name!r} has nothing to show: {reason}")
    return Explorer(subject, [name for name in chosen if name not in left_out], state, left_out)


def _read_subject(posterior: Any, held_out: xr.Dataset | None, model: Model | None) -> Subject:
    """What the panels share: of a posterior, or of a sweep before a fit."""
    if isinstance(posterior, xr.Dataset):
        return Unfitted(posterior, held_out, model=model)
    if not isinstance(posterior, xr.DataTree):
        raise QuestionError(f"explore() takes a posterior or a sweep, found {type(posterior).__name__}")
    if model is not None:
        raise QuestionError("model= is for a sweep before a fit; this posterior keeps the model it was fitted with")
    return Subject(posterior, held_out)


def find_panel(name: str) -> type[Panel]:
    """The class of a panel of `PANELS`."""
    found: type[Panel] = getattr(import_module(f"scaling_bayes.explorer.{name}"), PANELS[name])
    return found


class Explorer(ipywidgets.VBox):
    """Panels in tabs; each is also an attribute, ``explorer.extrapolation``.

    A panel is made when it is first looked at or asked for, and is drawn only while its tab is open. What panels share
    (``budget``, ``groups``, ``level``) is read and set here as well: ``explorer.budget = 1e22``. Panels that have
    nothing to show of this posterior are left out, and `left_out` says why.
    """

    def __init__(
        self, subject: Subject, names: Sequence[str], state: dict[str, Any], left_out: Mapping[str, str] | None = None
    ) -> None:
        self.subject = subject
        self.left_out = dict(left_out or {})
        self._names = list(names)
        self._made: dict[str, Panel] = {}
        self._state = dict(state)
        waiting = [ipywidgets.VBox() for _ in names]
        self.tabs = ipywidgets.Tab(
            children=waiting, titles=[find_panel(name).title for name in names], selected_index=0
        )
        super().__init__([self.tabs])
        self.tabs.observe(lambda _: self._look(), names="selected_index")
        self._look()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name in ("subject", "tabs", "left_out"):
            raise AttributeError(name)
        if name in self._names:
            return self._panel(name)
        if name in SHARED:
            return getattr(self._leader(name), name)
        if name in self.left_out:
            raise AttributeError(f"the panel {name!r} has nothing to show: {self.left_out[name]}")
        raise AttributeError(f"an explorer has no {name!r}; its panels are {', '.join(self._names)}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in SHARED:
            setattr(self._leader(name), name, value)
        else:
            super().__setattr__(name, value)

    @property
    def current(self) -> Panel:
        """The panel whose tab is open."""
        return self._panel(self._names[self.tabs.selected_index or 0])

    def answer(self) -> pd.DataFrame:
        """Numbers of the open panel."""
        return self.current.answer()

    def figure(self) -> Figure:
        """The open panel as a paper figure."""
        return self.current.figure()

    def to_html(self, path: str | Path) -> Path:
        """Write all panels as one page that needs no network and no kernel.

        Returns
        -------
        Path
        """
        from scaling_bayes.explorer.export import write_page

        return write_page([self._panel(name) for name in self._names], path)

    def _leader(self, trait: str) -> Panel:
        """The open panel if it has the trait, or the first that has it."""
        order = [self.current, *(self._panel(name) for name in self._names)]
        for panel in order:
            if panel.has_trait(trait):
                return panel
        raise AttributeError(f"no panel of this explorer has {trait!r}; they are {', '.join(self._names)}")

    def _panel(self, name: str) -> Panel:
        if name not in self._made:
            kind = find_panel(name)
            shared = self._state | {n: getattr(p, n) for p in self._made.values() for n in SHARED if p.has_trait(n)}
            own = {n: value for n, value in shared.items() if kind.class_traits().get(n)}
            panel = self._made[name] = kind(self.subject, **own)
            for other in self._made.values():
                for trait in SHARED if other is not panel else ():
                    if panel.has_trait(trait) and other.has_trait(trait):
                        traitlets.link((other, trait), (panel, trait))
        return self._made[name]

    def _look(self) -> None:
        """Draw the panel of the open tab, and let the others rest."""
        place = self.tabs.selected_index or 0
        panel = self._panel(self._names[place])
        children = list(self.tabs.children)
        children[place] = panel
        self.tabs.children = children
        for other in self._made.values():
            other.wake() if other is panel else other.sleep()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget, and a picture of the open panel for where no widget can run."""
        bundle = super()._repr_mimebundle_(**kwargs)
        return self.current.add_picture(bundle)
