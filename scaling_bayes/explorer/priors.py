"""`Priors`: what a model says before it has seen the runs, and what each parameter may be; sliders move a prior."""

from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import traitlets
import xarray as xr
from matplotlib.figure import Figure

from scaling_bayes.explorer.panel import STATE, Panel
from scaling_bayes.explorer.scene import Axis, Scene
from scaling_bayes.explorer.subject import Subject
from scaling_bayes.explorer.unfitted import Unfitted
from scaling_bayes.explorer.words import round_limits, say_value
from scaling_bayes.figures.priors import AFTER, PREFIX, plot_priors
from scaling_bayes.inference.refits import recover_model
from scaling_bayes.laws import ROLES
from scaling_bayes.model import Fixed, Model
from scaling_bayes.model.pooling import describe_pooling
from scaling_bayes.model.prior_draws import PriorDraws, describe_centre, draw_prior, make_prior
from scaling_bayes.model.priors import Prior
from scaling_bayes.questions.curves import sort_quantiles
from scaling_bayes.questions.mixture import lead
from scaling_bayes.questions.points import QuestionError
from scaling_bayes.symbols import suggest

POINTS, BINS, LINES = 60, 40, 8
SOME, MOVING = 3000, 800
"""Draws whose curves are evaluated, and while a prior moves; of the parameters all are."""

CHECKED = 200
"""Draws that are evaluated at every run."""

REACH = 100.0
"""Multiple of the largest fitted value at which the axis ends."""

FACTOR = 30.0
"""By which a slider moves the centre of a positive parameter, up and down."""

WIDTHS = (0.05, 3.0)
BANDS = ((0, 6, 0.16), (1, 5, 0.16), (2, 4, 0.22))
QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)


class Priors(Panel):
    """Prior curves over the runs, and the prior of one parameter.

    Of a posterior the priors of its model are shown, beside what the data made of them; before any fit it is
    ``sb.explore(sweep, model=model)``. Moving a prior fits nothing: it maps the same standard normals anew.
    `model` is the model with the priors that are seen, ready for `sb.fit`.

    Attributes
    ----------
    parameter : str
        Whose prior is moved.
    priors : dict
        parameter -> (centre, width), of those that were moved: the median and the standard deviation of the logarithm
        for what is above 0, mean and standard deviation of the logit for a share, median and standard deviation for the
        rest, of the population at the reference.
    along : str
        Covariate of the curves.
    """

    title: ClassVar[str] = "Priors"
    topic: ClassVar[str] = "priors"
    main: ClassVar[str] = "centre"
    before_a_fit: ClassVar[bool] = True

    parameter = traitlets.Unicode().tag(**{STATE: True})
    priors = traitlets.Dict().tag(**{STATE: True})
    along = traitlets.Unicode().tag(**{STATE: True})

    @classmethod
    def why_not(cls, subject: Subject) -> str:
        """Why there is no prior; empty where there is."""
        alone = isinstance(subject, Unfitted) and subject.model is None
        return (
            "a sweep alone has no prior: sb.explore(sweep, model=sb.Model(law))" if alone else super().why_not(subject)
        )

    def begin(self) -> None:
        """The first exponent, along compute where it is known."""
        roles = self.model.law.roles
        self.parameter = next((p for p in self.parameters if roles[p] == "exponent"), self.parameters[0])
        self.along = self.subject.covariates.axes[0]

    @cached_property
    def base(self) -> Model:
        """The model before anything was moved."""
        if isinstance(self.subject, Unfitted) and self.subject.model is not None:
            return self.subject.model
        tree = lead(self.subject.posterior)
        found = recover_model(tree) if "model" in tree.attrs else Model(self.subject.record.law, discrepancy=None)
        return found if isinstance(found, Model) else found.second

    @property
    def model(self) -> Model:
        """The model with the priors that are seen."""
        law = self.base.law
        moved = {p: self._prior(p).distribution() for p in self.priors}
        every = {p: prior.distribution() for p, prior in self.base.priors.items()} | moved
        drift, noise = self.base.discrepancy, self.base.noise
        return Model(law, pool=self.base.pool, priors=every, noise=noise, discrepancy=drift)

    @cached_property
    def parameters(self) -> list[str]:
        """Parameters of the law that are not known."""
        return [p for p in self.base.law.parameters if not isinstance(self.base.pool[p], Fixed)]

    def _support(self, parameter: str) -> str:
        return ROLES[self.base.law.roles[parameter]].support

    def _prior(self, parameter: str) -> Prior:
        return make_prior(self._support(parameter), *self.priors[parameter])

    @traitlets.validate("parameter", "priors", "along")
    def _check(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "along":
            self.subject.covariates.held(value)
        known = [value] if name == "along" else self.parameters
        for each in value if name == "priors" else [value]:
            if each not in known:
                raise QuestionError(f"{each!r} is no {name.rstrip('s')} here: {suggest(each, known)}")
        if name == "priors":
            value = {p: (float(centre), float(width)) for p, (centre, width) in value.items()}
            for p, (centre, width) in value.items():
                legal = {"positive": centre > 0, "unit": 0 < centre < 1, "real": True}[self._support(p)]
                if not (legal and width > 0):
                    raise QuestionError(f"a prior of {p!r} cannot have the centre {centre:g} and the width {width:g}")
        return value

    # Draws.

    def draws(self) -> PriorDraws:
        """Draws of the priors that are seen."""
        names = tuple(sorted(self.priors))
        if names not in self._bound:
            self._bound[names] = self.model.bind(self.subject.fitted)
        own = dict(self.base.priors) | {p: self._prior(p) for p in self.priors}
        return draw_prior(self._bound[names], own)

    @cached_property
    def _bound(self) -> dict[tuple[str, ...], Any]:
        """The model settled on the sweep, for each set of parameters with a prior of their own."""
        return {}

    @cached_property
    def _first(self) -> PriorDraws:
        """Draws before anything was moved."""
        return draw_prior(self.base.bind(self.subject.fitted), self.base.priors)

    def after(self, parameter: str) -> np.ndarray:
        """Posterior draws of a parameter at the reference, of all groups; empty before a fit."""
        if not self.subject.fits:
            return np.zeros(0)
        draws = lead(self.subject.posterior)["posterior"].to_dataset()
        return np.asarray(draws[self._at_reference(parameter)].values.ravel())

    def _at_reference(self, parameter: str) -> str:
        return parameter if self.base.law.scales[parameter] == 1 else f"{parameter}_ref"

    def _columns(self, x: np.ndarray) -> dict[str, Any]:
        covariates = self.subject.covariates
        return covariates.follow(self.along, x, {n: float(np.median(v)) for n, v in covariates.fitted.items()})

    def _ends(self) -> tuple[float, float]:
        fitted = self.subject.covariates.fitted[self.along]
        return float(fitted.min() / 1.3), float(fitted.max() * REACH)

    def act(self, name: str, value: Any) -> None:
        """Move the centre or the width of the prior of `parameter`, or give it back that of its role."""
        if name in ("centre", "width"):
            centre, width = self.seen()
            moved = (float(value), width) if name == "centre" else (centre, float(value))
            self.priors = {**self.priors, self.parameter: moved}
        if name == "reset":
            self.priors = {p: prior for p, prior in self.priors.items() if p != self.parameter}

    def seen(self) -> tuple[float, float]:
        """Centre and width of the prior of `parameter`."""
        if self.parameter in self.priors:
            return self.priors[self.parameter]
        return describe_centre(self._support(self.parameter), self._first.population[self.parameter])

    def answer(self) -> pd.DataFrame:
        """The priors that are seen, at the reference.

        Returns
        -------
        DataFrame
            One row a parameter; columns ``role``, ``pooling``, ``prior``, ``median``, ``lower`` and ``upper`` of one
            group (90 %), and after a fit those of all groups together, ``posterior_median`` and so on.
        """
        table, drawn = self.model.table(), self.draws().group
        found: dict[str, list[float]] = {}
        for p in self.base.law.parameters:
            parts = {"": drawn[p], AFTER: self.after(p)}
            for prefix, values in parts.items():
                for name, level in (("median", 0.5), ("lower", 0.05), ("upper", 0.95)) if values.size else ():
                    found.setdefault(prefix + name, []).append(float(np.quantile(values, level)))
        numbers = pd.DataFrame(found, index=list(self.base.law.parameters))
        return table[["role", "pooling", "prior"]].join(numbers).rename_axis(columns=self.warning or None)

    # The picture.

    def describe(self, scene: Scene) -> None:
        """Curves over the runs, and the density of the parameter."""
        drawn, self.thinned = self.draws(), self.moving
        x = np.geomspace(*self._ends(), POINTS)
        curve = drawn.curves(self._columns(x), MOVING if self.moving else SOME)
        self._draw_curves(scene, x, curve)
        self._draw_density(scene, drawn)
        self._add_controls(scene)
        scene.explain("prior median", "line", colour="ink")
        for alpha, p in ((0.54, 50), (0.32, 80), (0.16, 90)):
            scene.explain(f"{p} %", "band", colour="muted", alpha=alpha)
        scene.explain("fitted range" if self.subject.fits else "range of the runs", "band", colour="shade")
        scene.explain("run", "points", colour="good")
        if self.priors.get(self.parameter):
            scene.explain("before it was moved", "line", colour="muted", dash="dashed")
        if self.subject.fits:
            scene.explain("posterior, all groups", "line", colour="good")
        scene.summary = self._say(drawn)

    def _draw_curves(self, scene: Scene, x: np.ndarray, curve: np.ndarray) -> None:
        runs, covariates = self.subject.fitted, self.subject.covariates
        response, unit = str(runs.attrs["response"]), covariates.units.get(self.along, "")
        measured = runs[response].values
        q = sort_quantiles(curve.T.copy(), QUANTILES)
        told = str(runs[response].attrs.get("units", ""))
        label = self.subject.label(self.along).replace("tokens or samples", unit or "tokens")
        label += f" ({unit})" if unit == "FLOP" else ""
        y = Axis(*round_limits(np.append(q[[1, 5]].ravel(), measured)), f"{response} ({told})" if told else response)
        title = "Prior curves of one group, the law alone"
        plot = scene.plot(Axis(float(x[0]), float(x[-1]), label, unit), y, title=title)
        fitted = covariates.fitted[self.along]
        plot.span(x=(float(fitted.min()), float(fitted.max())))
        for low, high, alpha in BANDS:
            plot.band(x, q[low], q[high], colour="muted", alpha=alpha)
        for line in curve[:LINES]:
            plot.line(x, line, colour="muted", width=0.7, alpha=0.7)
        plot.line(x, q[3], colour="ink", width=2.0)
        plot.points(fitted, measured, colour="good", size=2.6, shown=np.full(len(measured), 0.7))

    def _draw_density(self, scene: Scene, drawn: PriorDraws) -> None:
        p, log = self.parameter, self._support(self.parameter) == "positive"
        parts = {"ink": drawn.group[p]}
        parts |= {"muted": self._first.group[p]} if p in self.priors else {}
        parts |= {"good": self.after(p)} if self.subject.fits else {}
        spans = [np.quantile(values, [0.005, 0.995]) for values in parts.values()]
        low, high = float(min(s[0] for s in spans)), float(max(s[1] for s in spans))
        edges = np.geomspace(low, high, BINS + 1) if log else np.linspace(low, high, BINS + 1)
        middle = np.sqrt(edges[1:] * edges[:-1]) if log else (edges[1:] + edges[:-1]) / 2
        heights = {colour: np.histogram(values, edges)[0] / values.size for colour, values in parts.items()}
        heights = {colour: height / height.max() for colour, height in heights.items()}
        label = f"{p}{' at the reference' if self._at_reference(p) != p else ''}"
        role = ROLES[self.base.law.roles[p]]
        y = Axis(0.0, 1.12, "density, largest is one", log=False, ticks=())
        plot = scene.plot(Axis(low, high, label, log=log), y, column=1, title=f"{p}: {role.name}, {role.meaning}")
        plot.band(middle, np.zeros(BINS), heights["ink"], colour="muted", alpha=0.25)
        for colour, height in heights.items():
            plot.line(middle, height, colour=colour, width=1.7, dash="dashed" if colour == "muted" else "solid")

    def _add_controls(self, scene: Scene) -> None:
        scene.add_choice("parameter", "parameter", self.parameter, self.parameters)
        support = self._support(self.parameter)
        centre, width = self.seen()
        start, wide = describe_centre(support, self._first.population[self.parameter])
        apart = {"positive": (start / FACTOR, start * FACTOR), "unit": (0.02, 0.98)}
        ends = {**apart, "real": (start - 5 * wide, start + 5 * wide)}
        low, high = ends[support]
        name = "mean" if support == "unit" else "median"
        scene.add_range("centre", f"{name} of {self.parameter}", centre, low, high, log=support == "positive")
        spread = {"positive": "sd of its log", "unit": "sd of its logit", "real": "sd"}[support]
        least, most = WIDTHS if support != "real" else (wide / 20, wide * 5)
        scene.add_range("width", spread, width, least, most)
        if len(self.subject.covariates.axes) > 1:
            scene.add_choice("along", "along", self.along, self.subject.covariates.axes)
        if self.parameter in self.priors:
            scene.add_button("reset", f"Prior of {self.parameter} as before")

    def _say(self, drawn: PriorDraws) -> str:
        """The prior of the parameter, what the curves say at the largest run, and how many runs they hold."""
        p, unit = self.parameter, self.subject.covariates.units.get(self.along, "")
        prior = str(self._prior(p)) if p in self.priors else str(self.base.priors.get(p, "that of its role"))
        pooling = describe_pooling(self.base.pool[p])
        low, middle, high = np.quantile(drawn.group[p], [0.05, 0.5, 0.95])
        told = f"{middle:.3g} (90 %: {low:.3g} to {high:.3g})"
        lines = [f"Prior of {p}: {prior}, {pooling}. In one group it is {told}."]
        top = float(self.subject.covariates.fitted[self.along].max())
        low, middle, high = np.quantile(drawn.curves(self._columns(np.array([top])), SOME)[:, 0], [0.05, 0.5, 0.95])
        told = f"{middle:.3g} (90 %: {low:.3g} to {high:.3g}) before any data"
        where = f"{self.along} = {say_value(top, unit)}"
        lines.append(f"At the largest {where} the {self.subject.fitted.attrs['response']} is {told}.")
        inside = f"{self.holds(drawn)} of {self.subject.fitted.sizes['run']} runs"
        lines.append(f"{inside} lie inside the 90 % of prior curves at their own covariates.")
        if p in self.priors:
            after = "The posterior is that of the priors it was fitted with. " if self.subject.fits else ""
            lines.append(f"{after}sb.fit(panel.model, sweep) fits with these priors.")
        return "\n".join(lines)

    def holds(self, drawn: PriorDraws) -> int:
        """Number of runs inside the 90 % interval of the prior curves at their own covariates."""
        runs = self.subject.fitted
        at = {c: np.asarray(runs[c].values, dtype=float) for c in self.base.law.covariates}
        low, high = sort_quantiles(drawn.curves(at, CHECKED).T.copy(), [0.05, 0.95])
        measured = runs[str(runs.attrs["response"])].values
        return int(((low <= measured) & (measured <= high)).sum())

    def figure(self) -> Figure:
        """Curves, and the prior of each parameter with its posterior."""
        drawn, (low, high) = self.draws(), self._ends()
        x = np.geomspace(low, high, POINTS)
        runs, units = self.subject.fitted, self.subject.covariates.units
        response = str(runs.attrs["response"])
        look = {"units": str(runs[response].attrs.get("units", "")), "long_name": response}
        found = xr.Dataset({"curve": (("draw", "point"), drawn.curves(self._columns(x), SOME), look)})
        found[self.along] = "point", x, {"units": units.get(self.along, "")}
        for p in self.parameters:
            name = self._at_reference(p)
            found[PREFIX + name] = "prior_draw", drawn.group[p]
            if self.subject.fits:
                found[AFTER + name] = f"draw_{p}", self.after(p)
        positive = [self._at_reference(p) for p in self.parameters if self._support(p) == "positive"]
        failed = self.subject.failed_gates
        found = found.set_coords(self.along).assign_attrs(along=self.along, log=positive, failed_gates=failed)
        at = {self.along: ("run", self.subject.covariates.fitted[self.along])}
        return plot_priors(found, sweep=runs.assign_coords(at))
