"""`Study`: a target and the runs that might teach something about it, drawn jointly."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from scaling_bayes.questions.joint import draw_ahead, drop_drift
from scaling_bayes.questions.learning import Aim, Array, screen
from scaling_bayes.questions.mixture import interleave, is_stack, share_draws
from scaling_bayes.questions.points import QuestionError
from scaling_bayes.questions.readings import Reading, read_runs
from scaling_bayes.questions.thinning import spread_evenly
from scaling_bayes.symbols import SAMPLE, suggest

Target = Callable[[xr.DataTree], xr.DataArray]
OUTCOMES = 256
"""Measurements that a run may turn out to give, over which a refined gain is averaged."""


@dataclass(frozen=True)
class Study:
    """Joint draws of what is to be known and of what runs would measure.

    Attributes
    ----------
    target : array, shape (draw, option)
        One option where nothing is chosen.
    members : sequence of sequence of Reading
        What a run measures, in the order of `signal`; of a stack one of each member, else of one.
    order : array of int, shape (draw,)
        Row of each draw where the draws of all members lie one after the other.
    """

    target: Array
    members: Sequence[Sequence[Reading]]
    order: NDArray[np.intp]

    @property
    def signal(self) -> Array:
        """Log mean of what each run measures, shape (draw, run, response)."""
        return self._gather("signal")

    @property
    def noise(self) -> Array:
        """Variance of the noise around it, shape (draw, run, response)."""
        return self._gather("noise")

    @property
    def counts(self) -> list[int]:
        """Draws of each member."""
        return [len(readings[0].signal) for readings in self.members]

    @property
    def halves(self) -> list[NDArray[np.intp]]:
        """Every other draw of each member, and the rest."""
        turn = np.concatenate([np.arange(count) % 2 for count in self.counts])[self.order]
        return [np.flatnonzero(turn == k) for k in (0, 1)]

    def split(self) -> list["Study"]:
        """Each member by itself."""
        rows = np.split(self.order.argsort(kind="stable"), np.cumsum(self.counts)[:-1])
        parts = zip(self.members, rows, strict=True)
        return [Study(self.target[at], [readings], np.arange(len(at))) for readings, at in parts]

    @property
    def expected(self) -> dict[str, Array]:
        """What the first stage of a chain expects of each run, by the name of its response."""
        *before, last = self.members[0]
        names = [reading.ahead.record.response for reading in before]
        return {name: last.ahead.points[name].values for name in names}

    def screen(self, aim: Aim) -> tuple[Array, Array]:
        """Expected gain of each run in closed form and its Monte-Carlo error, shape (run,); see `learning.screen`.

        Of several members one normal distribution of all is a poor picture: the gain of a quantity is no less than that
        within the members.
        """
        gain, error = screen(aim, self.target, self.signal, self.noise)
        if len(self.members) == 1 or aim.decide:
            return gain, error
        apart, error_apart = self.screen_apart(aim)
        return np.maximum(gain, apart), np.where(apart > gain, error_apart, error)

    def screen_apart(self, aim: Aim) -> tuple[Array, Array]:
        """The same if it was known which member is right: the mean over members, by their draws."""
        parts = [screen(aim, part.target, part.signal, part.noise) for part in self.split()]
        gain, error = (np.stack(column) for column in zip(*parts, strict=True))
        share = np.array(self.counts) / len(self.order)
        return share @ gain, np.sqrt(share**2 @ error**2)

    def open_apart(self, aim: Aim) -> float:
        """What there is to gain if it was known which member is right."""
        return float(np.average([aim.open(part.target) for part in self.split()], weights=self.counts))

    def outcomes(self, run: int, replicates: int, rng: np.random.Generator) -> tuple[Array, NDArray[np.intp]]:
        """Log density of what a run may turn out to give, under each draw.

        Parameters
        ----------
        run : int
        replicates : int
        rng : numpy.random.Generator

        Returns
        -------
        tuple
            Log density, shape (draw, outcome), and the draw that each outcome was made from: evenly spread over the
            order of the draws' log means.
        """
        draws = len(self.order)
        count = min(OUTCOMES, draws)
        last = self.signal[:, run, -1]
        origin = last.argsort()[spread_evenly(count, draws)]
        density = np.zeros((draws, count))
        for readings in zip(*self.members, strict=True):
            density += self._foretell(readings, run, replicates, self.order[origin], rng)
        return density, origin

    def _foretell(
        self, readings: Sequence[Reading], run: int, replicates: int, rows: NDArray[np.intp], rng: np.random.Generator
    ) -> Array:
        """Log density of one response: made under `rows`, by the member that each belongs to, and seen by all."""
        means = [reading.means(run, replicates, rng) for reading in readings]
        measured, start = np.empty((len(rows), replicates)), 0
        for reading, mean in zip(readings, means, strict=True):
            own = np.flatnonzero((rows >= start) & (rows < start + len(mean)))
            measured[own] = reading.measure(run, mean, rows[own] - start, rng)
            start += len(mean)
        parts = [reading.log_density(run, m, measured) for reading, m in zip(readings, means, strict=True)]
        return np.concatenate(parts)[self.order]

    def _gather(self, name: str) -> Array:
        of_members = [np.stack([getattr(r, name) for r in readings], axis=-1) for readings in self.members]
        return np.concatenate(of_members)[self.order]


def draw_study(
    posterior: xr.DataTree,
    runs: pd.DataFrame,
    target: Target,
    choose: str | None,
    replicates: int,
    rng: np.random.Generator,
    *,
    exact: bool = False,
) -> Study:
    """Draw what is open at the runs, forecast them, and ask for the target.

    Parameters
    ----------
    posterior : DataTree
        Of a chain, a run measures the response of both stages. Of a stack, each member has as many draws as its weight
        says.
    runs : DataFrame
        Covariates and a label of every grouping.
    target, choose, replicates
        See `plan`.
    rng : numpy.random.Generator
    exact : bool
        Take the laws to be exact: no drift.

    Raises
    ------
    QuestionError
        See `read_target`; or if members of a stack measure different responses or know different options.
    """
    members = share_draws(posterior) if is_stack(posterior) else {"": posterior}
    readings, asked = {}, {}
    for name, member in members.items():
        known = draw_ahead(drop_drift(member) if exact else member, runs, rng)
        readings[name] = read_runs(known, runs, replicates, rng)
        asked[name] = read_target(target, known, choose)
        if len(asked[name]) != (draws := len(readings[name][0].signal)):
            raise QuestionError(
                f"target= gives {len(asked[name])} draws and the posterior has {draws}; "
                "ask it of the posterior that target= is called with"
            )
    _check_alike({name: [r.ahead.record.response for r in each] for name, each in readings.items()}, "responses")
    _check_alike({name: each["option"].values.tolist() for name, each in asked.items()}, "options of the target")
    order = interleave([len(each) for each in asked.values()])
    return Study(np.concatenate([each.values for each in asked.values()])[order], list(readings.values()), order)


def _check_alike(found: Mapping[str, list[Any]], what: str) -> None:
    (first, wanted), *others = found.items()
    for name, each in others:
        if each != wanted:
            raise QuestionError(f"members of the stack have different {what}: {first!r} {wanted}, {name!r} {each}")


def read_target(target: Target, posterior: xr.DataTree, choose: str | None) -> xr.DataArray:
    """Draws of the target, dims (sample, option).

    Raises
    ------
    QuestionError
        If it is no question, or does not give one finite number a draw (and option), or a number that is known.
    """
    if not callable(target):
        raise QuestionError(
            "target= is a question to a posterior, such as lambda p: sb.predict(p, {'N': 1e10})['loss']; found "
            f"{type(target).__name__}. Draws that were made before do not belong to those of the candidates"
        )
    array = target(posterior)
    if not isinstance(array, xr.DataArray) or not set(SAMPLE) <= set(array.dims):
        raise QuestionError(f"target= gives a DataArray with dims chain and draw, found {_describe(array)}")
    if choose is not None and choose not in array.dims:
        raise QuestionError(f"choose= names a dim of the target: {suggest(choose, list(map(str, array.dims[2:])))}")
    kept = {*SAMPLE, *([choose] if choose else [])}
    array = array.squeeze([d for d in array.dims if d not in kept and array.sizes[d] == 1], drop=True)
    if more := [str(d) for d in array.dims if d not in kept]:
        hint = "" if choose else f", or say choose={more[0]!r} if the least is to be picked along it"
        raise QuestionError(f"target= gives one number a draw, found the dims {more} too: select one with .sel{hint}")
    array = array.transpose(*SAMPLE, ...)
    options = array[choose].values.tolist() if choose else [""]
    values = array.values.reshape(-1, len(options)).astype(float)
    if not np.isfinite(values).all():
        raise QuestionError(f"{(~np.isfinite(values)).any(axis=1).mean():.1%} of the target's draws are not finite")
    if choose is None and np.ptp(values) == 0:
        raise QuestionError(f"all draws of the target are {values[0, 0]:g}: there is nothing to learn about it")
    return xr.DataArray(values, dims=("sample", "option"), coords={"option": options})


def _describe(array: Any) -> str:
    return f"{type(array).__name__} with dims {array.dims}" if hasattr(array, "dims") else type(array).__name__
