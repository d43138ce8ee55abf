"""`Panel`: the base of every panel; state in traits, a scene when they change, a table and a figure of what is seen."""

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import traitlets
import xarray as xr
from matplotlib.figure import Figure

from scaling_bayes.explorer.canvas import Canvas
from scaling_bayes.explorer.scene import Scene
from scaling_bayes.explorer.subject import Subject
from scaling_bayes.figures.saving import save_figure
from scaling_bayes.questions.points import QuestionError

STATE = "state"
"""Tag of the traits whose change is a new picture."""

PICTURE = 110
"""Dots per inch of the picture that stands for a widget where none can run."""


class Panel(Canvas):
    """One panel of the explorer.

    A panel is one file: a class with `title`, `topic`, traits tagged ``state=True``, and `describe`, which draws the
    state into a scene, `answer`, its numbers as a table, and `figure`, its paper figure; `begin` sets what the
    posterior suggests. A change of a state trait is a new scene. Of the scene's controls and draggable rules, one with
    the name of a state trait sets it; one that is called ``at.D`` sets a key of the trait ``at``; of any other `act` is
    told. A click comes as a change of the trait ``picked``, a brush of ``brushed``.

    Parameters
    ----------
    subject : Subject or DataTree
        A posterior, or what several panels share of one.
    held_out : Dataset, optional
        Runs that were held out; of a posterior only.
    **state
        Traits to begin with.
    """

    title: ClassVar[str] = ""
    topic: ClassVar[str] = ""
    """Stem of the files that the figure button writes."""

    main: ClassVar[str] = ""
    """Control that still works on the exported page."""

    before_a_fit: ClassVar[bool] = False
    """Whether a sweep that was not fitted has something to show here."""

    has_axis: ClassVar[bool] = True
    """Whether curves run along a covariate."""

    status = traitlets.Unicode("").tag(**{STATE: True})

    def __init__(self, subject: Subject | xr.DataTree, held_out: xr.Dataset | None = None, **state: Any) -> None:
        super().__init__()
        self.subject = subject if isinstance(subject, Subject) else Subject(subject, held_out)
        if reason := self.why_not(self.subject):
            raise QuestionError(f"{type(self).__name__} has nothing to show: {reason}")
        self.moving = False
        self.thinned = False
        self._count = 0
        self._awake, self._waiting = False, True
        self.observe(lambda _: self._redraw(), names=list(self.traits(**{STATE: True})))
        self.observe(lambda change: self._take(change["new"]), names="asked")
        self.begin()
        for name, value in state.items():
            if not self.has_trait(name):
                raise TypeError(f"{type(self).__name__} has no {name!r}; its state is {', '.join(self.state())}")
            setattr(self, name, value)
        self.wake()

    # What a panel gives.

    @classmethod
    def why_not(cls, subject: Subject) -> str:
        """Why the panel has nothing to show of a posterior or a sweep; empty where it has."""
        if not (subject.fits or cls.before_a_fit):
            return "it needs a fit: sb.explore(sb.fit(model, sweep, seed=0))"
        if cls.has_axis and not subject.covariates.axes:
            return "no covariate varies that is above 0 throughout, and axes are logarithmic"
        return ""

    def begin(self) -> None:
        """Set the traits to what the posterior suggests, before the first picture."""

    def describe(self, scene: Scene) -> None:
        """Draw the state into the scene."""
        raise NotImplementedError

    def answer(self) -> pd.DataFrame:
        """The numbers on screen."""
        raise NotImplementedError

    def figure(self) -> Figure:
        """The current view as a paper figure, 6.8 inches wide."""
        raise NotImplementedError

    def act(self, name: str, value: Any) -> None:
        """Do what a control asks that is no trait."""

    # What every panel does.

    def state(self) -> dict[str, Any]:
        """The current state: trait -> value."""
        return {name: getattr(self, name) for name in sorted(self.traits(**{STATE: True})) if name != "status"}

    def wake(self) -> None:
        """Draw whatever has changed since the panel was last seen, and from now on at once."""
        self._awake = True
        if self._waiting:
            self._redraw()

    def sleep(self) -> None:
        """Do not draw while nobody looks."""
        self._awake = False

    def scene(self) -> Scene:
        """The scene of the current state."""
        scene = Scene(label=self.title, warning=self.warning)
        self.thinned = False
        self.describe(scene)
        scene.add_button("figure", "Save figure")
        if self.status:
            scene.summary += f"\n{self.status}"
        return scene

    @property
    def warning(self) -> str:
        """What stands in red above the picture."""
        failed = self.subject.failed_gates
        return f"SAMPLER GATES FAILED: {failed}" if failed else ""

    @contextmanager
    def together(self) -> Iterator[None]:
        """Set several traits, and draw once."""
        awake, self._awake = self._awake, False
        try:
            yield
        finally:
            self._awake = awake
            if awake and self._waiting:
                self._redraw()

    def _redraw(self) -> None:
        if not self._awake:
            self._waiting = True
            return
        self._waiting = False
        self._count += 1
        self.view = self.scene().view(self._count)

    def _take(self, asked: Mapping[str, Any]) -> None:
        """Set what the browser asked for; a movement that has ended is drawn with all draws."""
        name, value, self.moving = str(asked.get("name", "")), asked.get("value"), bool(asked.get("moving"))
        count = self._count
        with self.together():
            try:
                self._set(name, value)
            except (QuestionError, traitlets.TraitError) as error:
                self.status, self._waiting = str(error), True
        if self._count == count and self.thinned and not self.moving:
            self._redraw()

    def _set(self, name: str, value: Any) -> None:
        if name == "figure":
            self.status = f"Saved {', '.join(str(path) for path in self.save_figure(self.topic))}."
            return
        self.status = ""
        if name.startswith("at."):
            self.set_trait("at", {**self.trait_values()["at"], name[3:]: value})
        elif name in self.traits(**{STATE: True}):
            number = isinstance(self.traits()[name], traitlets.Float)
            setattr(self, name, float(value) if number else value)
        else:
            self.act(name, value)

    def tabulate(self, found: Mapping[str, Any], labels: Sequence[str], name: str = "group") -> pd.DataFrame:
        """A table whose columns' name says which sampler gates failed."""
        return pd.DataFrame(found, index=pd.Index(labels, name=name)).rename_axis(columns=self.warning or None)

    def save_figure(self, path: str | Path) -> list[Path]:
        """Write `figure` with its numbers and where they are from; see `scaling_bayes.figures.save_figure`."""
        return save_figure(self.figure(), path)

    def to_html(self, path: str | Path) -> Path:
        """Write one page that needs no network and no kernel; see `scaling_bayes.explorer.export.write_page`."""
        from scaling_bayes.explorer.export import write_page

        return write_page([self], path)

    def frames(self) -> Iterator[tuple[float, dict[str, Any]]]:
        """Values of the main control, and the view at each, for the exported page; the state stays."""
        now = self.scene().view()
        control = next((c for c in now["scene"]["controls"] if c["name"] == self.main), None)
        if control is None:
            return
        before, was = self.state(), self._awake
        self.sleep()
        for value in spread(control):
            if value == control["value"]:  # what is seen, and not what the control would make of it
                yield value, now
                continue
            self._take({"name": self.main, "value": value})
            yield value, self.scene().view()
        for name, value in before.items():
            setattr(self, name, value)
        self._awake = was
        self._waiting = False

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget, and a picture for where no widget can run."""
        return self.add_picture(super()._repr_mimebundle_(**kwargs))

    def add_picture(self, bundle: Any) -> Any:
        """Add the figure as PNG to what a widget displays itself as."""
        data, *metadata = bundle if isinstance(bundle, tuple) else (bundle,)
        file = io.BytesIO()
        self.figure().savefig(file, format="png", dpi=PICTURE, metadata={"Software": None})
        data = {**(data or {}), "image/png": base64.b64encode(file.getvalue()).decode()}
        return (data, *metadata) if metadata else data


class Grouped(traitlets.HasTraits):
    """What panels share that draw several groups.

    Attributes
    ----------
    groups : list of str
        Those drawn: labels of `Subject.cells`.
    """

    subject: Subject
    groups = traitlets.List(traitlets.Unicode()).tag(**{STATE: True})

    @traitlets.validate("groups")
    def _choose(self, proposal: Any) -> list[str]:
        return self.subject.choose(proposal["value"])

    def add_groups(self, scene: Scene) -> None:
        """Boxes of which groups are ticked, if there are several."""
        if len(self.subject.cells) > 1:
            scene.add_several("groups", "groups", self.groups, list(self.subject.cells), dict(self.subject.colours))


FEW = 3
"""Groups that are drawn to begin with."""

SOME = 6
"""Groups that are named one by one, and have bands of their own."""

FRAMES = 41
"""Positions of the main control on an exported page."""


def spread(control: Mapping[str, Any], size: int = FRAMES) -> list[float]:
    """Values of a range, evenly spaced on its scale, the current one among them.

    Examples
    --------
    >>> spread({"low": 1.0, "high": 100.0, "value": 10.0, "log": True}, 3)
    [1.0, 10.0, 100.0]
    """
    values = (np.geomspace if control["log"] else np.linspace)(control["low"], control["high"], size)
    apart = [v for v in values.tolist() if not np.isclose(v, control["value"])]
    return sorted([*apart, control["value"]])
