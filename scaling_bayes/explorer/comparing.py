"""`ComparingPanel`: the base of panels that hold labels of a grouping against one of them."""

from typing import Any

import traitlets

from scaling_bayes.explorer.along import AlongPanel
from scaling_bayes.explorer.choosing import choose_place, list_choices, list_factors, list_places
from scaling_bayes.explorer.panel import FEW, STATE
from scaling_bayes.explorer.scene import Scene
from scaling_bayes.explorer.subject import Subject
from scaling_bayes.questions.points import QuestionError
from scaling_bayes.symbols import suggest


class ComparingPanel(AlongPanel):
    """Base of panels that compare labels.

    Its further state is that of `AlongPanel`.

    Attributes
    ----------
    factor : str
        Grouping whose labels are compared; ``corpus, architecture`` compares combinations.
    where : dict
        Other groupings -> label that is held.
    labels : list of str
        Those compared, two or more.
    baseline : str
        Label that the others are held against.
    """

    factor = traitlets.Unicode().tag(**{STATE: True})
    where = traitlets.Dict().tag(**{STATE: True})
    labels = traitlets.List(traitlets.Unicode()).tag(**{STATE: True})
    baseline = traitlets.Unicode().tag(**{STATE: True})

    @classmethod
    def why_not(cls, subject: Subject) -> str:
        """Why there is nothing to compare; empty where there is."""
        if reason := super().why_not(subject):
            return reason
        return "" if len(subject.cells) > 1 else "the fitted runs are one group, and a comparison needs two or more"

    def begin(self) -> None:
        """The first labels of the first grouping that has several."""
        self.factor = list_factors(self.subject.cells)[0]
        super().begin()

    def choices(self) -> dict[str, str]:
        """What may be compared: label -> cell."""
        return list_choices(self.subject.cells, self.factor, self.where)

    def shown(self) -> list[str]:
        """Cells of the labels."""
        choices = self.choices()
        return [choices[label] for label in self.labels]

    @property
    def others(self) -> list[str]:
        """Labels that are held against the baseline."""
        return [label for label in self.labels if label != self.baseline]

    @traitlets.validate("factor", "where", "labels", "baseline")
    def _refuse(self, proposal: Any) -> Any:
        name, value, cells = proposal["trait"].name, proposal["value"], self.subject.cells
        if name == "where":
            return choose_place(cells, self.factor, value)
        known = {"factor": list_factors(cells), "labels": list(self.choices()), "baseline": self.labels}[name]
        asked = value if name == "labels" else [value]
        if bad := [label for label in asked if label not in known]:
            raise QuestionError(f"{name}={bad[0]!r} is none that can be compared here: {suggest(bad[0], known)}")
        if name == "labels" and len(value) < 2:
            raise QuestionError(f"compare at least two of {', '.join(known)}")
        return [label for label in known if label in value] if name == "labels" else value

    @traitlets.observe("factor")
    def _move(self, _: Any) -> None:
        """Hold what was held, where it still can be."""
        with self.together():
            try:
                self.where = {g: label for g, label in self.where.items() if g != self.factor}
            except QuestionError:
                self.where = {}
            self._settle({})

    @traitlets.observe("where")
    def _settle(self, _: Any) -> None:
        """Keep the labels where they still are, and else take the first ones."""
        known = list(self.choices())
        kept = [label for label in self.labels if label in known]
        self.labels = kept if len(kept) > 1 else known[:FEW]

    @traitlets.observe("labels")
    def _keep_baseline(self, _: Any) -> None:
        if self.baseline not in self.labels:
            self.baseline = self.labels[0]

    def act(self, name: str, value: Any) -> None:
        """A held label was chosen, or the rule at which numbers are read moved."""
        if name.startswith("where."):
            self.where = {**self.where, name[6:]: value}
        super().act(name, value)

    def colours(self) -> dict[str, str]:
        """Label -> colour of its cell, of all that may be compared."""
        return {label: self.subject.colours[cell] for label, cell in self.choices().items()}

    def add_choices(self, scene: Scene) -> None:
        """What is compared, where, and against which label."""
        cells = self.subject.cells
        if len(factors := list_factors(cells)) > 1:
            scene.add_choice("factor", "compare", self.factor, factors)
        for name, label in self.where.items():
            options = dict.fromkeys(place[name] for place in list_places(cells, self.factor))
            if len(options) > 1:
                scene.add_choice(f"where.{name}", f"at {name}", label, list(options))
        scene.add_choice("baseline", "baseline", self.baseline, self.labels)

    def add_labels(self, scene: Scene) -> None:
        """Boxes of which labels are ticked."""
        scene.add_several("labels", self.factor, self.labels, list(self.choices()), self.colours())
