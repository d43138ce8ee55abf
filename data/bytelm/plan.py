r"""The design as data: which networks, how long, in which order.

One trunk at a constant rate a network; at 80 % of each budget a branch cools down over the last 20 % and ends in a
final point. Budgets climb a ladder of half-decades as far as the compute cap allows; the last one reaches the cap
itself, so that every size ends on the same isoFLOP line. Targets spend 16.5 times the cap, so that each has at least
16 times the compute of the largest other run of its corpus and architecture.

The cap is the only free number: `measure.py` times a few steps of every network, takes the largest cap whose plan fits
the hours given, and records it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from networks import MIXERS, Shape, count_flops
from training import CHUNK, Recipe

STEP = 5 * CHUNK
"""Budgets are multiples: 80 % and 20 % of each are whole chunks."""

LADDER = tuple(STEP * rung for rung in (1, 3, 10, 32, 100, 320))
"""Budgets in steps, about half a decade apart over 2.5 decades."""

TARGET, MOST_EPOCHS, PATIENCE = 16.5, 4.0, 0.7
"""Compute of a target in caps; repetitions allowed; how near the cap a rung of the ladder may come."""

STAGES = ("base", "seed", "target", "lr")
"""Order of work: an early stop leaves a balanced sweep."""

CAPS = tuple(10 ** (9 + step / 16) for step in range(16 * 9))
"""Caps that may be chosen, in FLOP."""


@dataclass(frozen=True)
class Design:
    """What one plan trains.

    Parameters
    ----------
    sizes : tuple of (width, depth)
        Networks of the sweep, smallest first.
    target : (width, depth)
        The network of the target runs.
    batch, context : int
        Windows of a step, bytes of a window.
    own_bytes, other_bytes : int
        Bytes evaluated of the training corpus's own held-out set, and of each other.
    lr : float
        Learning rate at width 16; it falls with the square root of the width.
    repeated, seeds : tuple of int
        Which sizes are trained with further seeds, and those seeds.
    lr_factors : tuple of float
        Further learning rates of every size, as multiples of its own.
    lr_corpora : tuple of str
        On which corpora.

    Examples
    --------
    >>> DESIGNS["cpu"].rate(64)
    0.008
    """

    sizes: tuple[tuple[int, int], ...]
    target: tuple[int, int]
    batch: int
    context: int = 128
    own_bytes: int = 131_072
    other_bytes: int = 32_768
    lr: float = 0.016
    repeated: tuple[int, ...] = (0, 3)
    seeds: tuple[int, ...] = (1, 2)
    lr_factors: tuple[float, ...] = (0.25, 0.5, 2.0, 4.0)
    lr_corpora: tuple[str, ...] = ("english", "c")

    def rate(self, width: int) -> float:
        """Learning rate of a width."""
        return self.lr * (16 / width) ** 0.5


DESIGNS = {
    "cpu": Design(
        sizes=((16, 1), (24, 1), (32, 2), (48, 2), (64, 3), (96, 3), (128, 4)),
        target=(96, 3),
        batch=8,
    ),
    "gpu": Design(
        sizes=((48, 3), (64, 4), (96, 4), (128, 5), (192, 5), (256, 6), (384, 6)),
        target=(512, 10),
        batch=64,
        own_bytes=524_288,
        other_bytes=262_144,
    ),
}
"""Sizes from 7e3 to 8e5 parameters on a CPU; 1e5 to 1e7, targets of 3e7, on a GPU."""


@dataclass(frozen=True)
class Trunk:
    """One network at one rate and seed, with all the budgets that branch off it.

    Parameters
    ----------
    stage : str
        One of `STAGES`.
    corpus : str
        What it is trained on.
    recipe : Recipe
        How.
    budgets : tuple of int
        Steps of each final run, ascending.
    """

    stage: str
    corpus: str
    recipe: Recipe
    budgets: tuple[int, ...]

    @property
    def id(self) -> str:
        """Name that tells it apart."""
        shape = self.recipe.shape
        size = f"{shape.width}x{shape.depth}-{self.recipe.bytes_per_step}"
        return f"{self.corpus}-{shape.architecture}-{size}-lr{self.recipe.lr:.3g}-seed{self.recipe.seed}"

    def run_id(self, budget: int) -> str:
        """Name of one final run."""
        return f"{self.id}-{budget}"

    @property
    def steps(self) -> int:
        """Steps of the trunk and all its branches."""
        return self.budgets[-1] * 4 // 5 + sum(budget // 5 for budget in self.budgets)

    @property
    def flops(self) -> float:
        """Compute of the longest run, FLOP."""
        return self.budgets[-1] * step_flops(self.recipe)


def step_flops(recipe: Recipe) -> float:
    """Compute of one training step, FLOP."""
    return count_flops(recipe.shape, recipe.context) * recipe.bytes_per_step


def budgets_below(cap: float, flops: float) -> tuple[int, ...]:
    """Budgets in steps of a network whose step costs `flops`: the ladder, then the cap itself.

    Examples
    --------
    >>> budgets_below(1000.0, 1.0)
    (80, 240, 960)
    """
    last = int(cap / flops) // STEP * STEP
    return (*(rung for rung in LADDER if rung <= PATIENCE * last), last) if last else ()


def make_plan(design: Design, cap: float, unique: Mapping[str, int]) -> list[Trunk]:
    """Every trunk of a plan, in order of work.

    Parameters
    ----------
    design : Design
        What to train.
    cap : float
        Compute of the largest run that is no target, FLOP.
    unique : mapping of str to int
        Corpus -> its training bytes; no run repeats them more than four times.

    Examples
    --------
    >>> plan = make_plan(DESIGNS["cpu"], 1e12, {"c": 96_000_000})
    >>> plan[0].id, plan[0].budgets
    ('c-transformer-16x1-1024-lr0.016-seed0', (80, 240, 800, 2560, 8000, 14560))
    """
    trunks = [
        trunk
        for corpus, architecture in product(unique, MIXERS)
        for trunk in _trunks_of(design, cap, corpus, architecture)
        if trunk.budgets
    ]
    limited = (_limit_epochs(trunk, unique[trunk.corpus]) for trunk in trunks)
    return sorted(limited, key=lambda trunk: (STAGES.index(trunk.stage), _place(design, trunk)))


def _limit_epochs(trunk: Trunk, unique: int) -> Trunk:
    most = int(MOST_EPOCHS * unique / trunk.recipe.bytes_per_step) // STEP * STEP
    if trunk.budgets[-1] <= most:
        return trunk
    kept = (*(budget for budget in trunk.budgets if budget < most), most)
    return Trunk(trunk.stage, trunk.corpus, trunk.recipe, kept)


def _place(design: Design, trunk: Trunk) -> int:
    size = (trunk.recipe.shape.width, trunk.recipe.shape.depth)
    return [*design.sizes, design.target].index(size)


def _trunks_of(design: Design, cap: float, corpus: str, architecture: str) -> Iterator[Trunk]:
    def trunk(stage: str, size: tuple[int, int], cap: float, *, factor: float = 1.0, seed: int = 0) -> Trunk:
        rate = float(f"{factor * design.rate(size[0]):.3g}")
        recipe = Recipe(Shape(architecture, *size), design.batch, design.context, rate, seed=seed)
        return Trunk(stage, corpus, recipe, budgets_below(cap, step_flops(recipe)))

    for index, size in enumerate(design.sizes):
        yield trunk("base", size, cap)
        for seed in design.seeds if index in design.repeated else ():
            yield trunk("seed", size, cap, seed=seed)
        for factor in design.lr_factors if corpus in design.lr_corpora else ():
            full = trunk("lr", size, cap, factor=factor)
            yield Trunk("lr", corpus, full.recipe, full.budgets[-2:-1] or full.budgets)
    full = trunk("target", design.target, TARGET * cap)
    yield Trunk("target", corpus, Recipe(**{**vars(full.recipe), "seed": 3}), full.budgets[-1:])


def estimate_seconds(plan: Iterable[Trunk], seconds: Mapping[Shape, float], design: Design, corpora: int = 4) -> float:
    """Time that a plan takes, given the seconds of one step of every shape.

    An evaluated byte costs a third of a trained one: there is no backward pass.
    """
    evaluated = (design.own_bytes + (corpora - 1) * design.other_bytes) / 3
    return sum(
        seconds[trunk.recipe.shape] * (trunk.steps + len(trunk.budgets) * evaluated / trunk.recipe.bytes_per_step)
        for trunk in plan
    )


def choose_cap(design: Design, unique: Mapping[str, int], seconds: Mapping[Shape, float], hours: float) -> float:
    """Largest cap of `CAPS` whose plan fits.

    Raises
    ------
    ValueError
        If not even the smallest sweep fits.
    """
    fitting = [
        cap
        for cap in CAPS
        if (plan := make_plan(design, cap, unique))
        and estimate_seconds(plan, seconds, design, len(unique)) <= hours * 3600
    ]
    if not fitting:
        raise ValueError(f"nothing fits into {hours:g} hours on this machine: give --hours more.")
    return fitting[-1]
