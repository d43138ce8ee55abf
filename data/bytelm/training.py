r"""Training: AdamW under a learning rate that is constant in the trunk and cools down in a branch.

.. math::

    \eta_t = \eta \min(1, t / t_w) \quad \text{in the trunk}, \qquad
    \eta_t = \eta \left(1 - \sqrt{(t - t_b) / (t_e - t_b)}\right) \quad \text{in a branch from } t_b \text{ to } t_e.

A run is deterministic: its seed sets the first parameters and the order of the text, and step t always reads the same
windows, so a state that was saved goes on as if it had never stopped.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from networks import Network, Shape

CHUNK = 16
"""Steps of one compiled call; every schedule is a multiple."""

TOO_HIGH = math.log(256) + 1
"""A training loss above this, in nats per byte, is worse than guessing: the run has diverged."""

State = tuple[Network, Any]


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Parameters
    ----------
    shape : Shape
        The network.
    batch, context : int
        Windows of a step, and bytes of a window.
    lr : float
        Peak learning rate.
    warmup : int
        Steps of linear warm-up.
    seed : int
        Sets parameters and order of the text.

    Examples
    --------
    >>> Recipe(Shape("transformer", 16, 1), batch=16, context=128, lr=0.01).bytes_per_step
    2048
    """

    shape: Shape
    batch: int
    context: int
    lr: float
    warmup: int = 32
    seed: int = 0

    @property
    def bytes_per_step(self) -> int:
        """Bytes that a step learns to predict."""
        return self.batch * self.context


def make_optimizer() -> optax.GradientTransformation:
    """AdamW without its learning rate, which each step is given: gradients clipped to norm 1, decay 0.1 of matrices."""
    return optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.scale_by_adam(b1=0.9, b2=0.95, eps=1e-9),
        optax.add_decayed_weights(0.1, mask=lambda tree: jax.tree.map(lambda leaf: leaf.ndim > 1, tree)),
    )


def start_state(recipe: Recipe) -> State:
    """Network and optimizer before the first step."""
    return _starter(recipe.shape)(jax.random.key(recipe.seed))


@cache
def _starter(shape: Shape) -> Callable[[jax.Array], State]:
    @eqx.filter_jit
    def start(key: jax.Array) -> State:
        network = Network(shape, key)
        return network, make_optimizer().init(network)

    return start


def rate_at(steps: np.ndarray, recipe: Recipe, branch: tuple[int, int] | None = None) -> np.ndarray:
    """Learning rate of each step (counted from 0); `branch` is where the cooldown begins and ends.

    Examples
    --------
    >>> recipe = Recipe(Shape("transformer", 16, 1), batch=1, context=8, lr=1.0, warmup=2)
    >>> rate_at(np.arange(4), recipe).tolist()
    [0.5, 1.0, 1.0, 1.0]
    >>> rate_at(np.array([8, 9]), recipe, branch=(6, 10)).round(3).tolist()
    [0.293, 0.134]
    """
    rates = recipe.lr * np.minimum(1.0, (steps + 1) / recipe.warmup)
    if branch is not None:
        begin, end = branch
        rates = rates * (1 - np.sqrt(np.clip((steps - begin) / (end - begin), 0, 1)))
    return rates


def byte_losses(network: Network, windows: jax.Array) -> jax.Array:
    """Loss in nats of each byte but the first of `windows` (batch, context + 1)."""
    windows = windows.astype(jnp.int32)
    logits = network(windows[:, :-1])
    return optax.softmax_cross_entropy_with_integer_labels(logits, windows[:, 1:])


@eqx.filter_jit(donate="all-except-first")
def _advance(batches: tuple[jax.Array, jax.Array], state: State) -> tuple[State, jax.Array]:
    """Take a chunk of steps; the old state's memory is reused."""

    def step(state: State, batch: tuple[jax.Array, jax.Array]) -> tuple[State, jax.Array]:
        (network, memory), (text, rate) = state, batch
        loss, gradient = jax.value_and_grad(lambda net: byte_losses(net, text).mean())(network)
        updates, memory = make_optimizer().update(gradient, memory, network)
        network = jax.tree.map(lambda old, update: old - rate * update, network, updates)
        return (network, memory), loss

    arrays, static = eqx.partition(state, eqx.is_array)

    def wrapped(carry: Any, batch: tuple[jax.Array, jax.Array]) -> tuple[Any, jax.Array]:
        new, loss = step(eqx.combine(carry, static), batch)
        return eqx.filter(new, eqx.is_array), loss

    arrays, losses = jax.lax.scan(wrapped, arrays, batches)
    return eqx.combine(arrays, static), losses


class Order:
    """In which order a corpus is read: all its windows once an epoch, each epoch shuffled anew from the seed.

    Examples
    --------
    >>> order = Order(np.arange(33, dtype=np.uint8), batch=2, context=8, seed=0)
    >>> order.windows(0, 2).shape
    (2, 2, 9)
    """

    def __init__(self, text: np.ndarray, *, batch: int, context: int, seed: int) -> None:
        self.text, self.batch, self.context, self.seed = text, batch, context, seed
        self.count = (len(text) - 1) // context
        self.epoch, self.places = -1, np.empty(0, np.int64)

    def windows(self, begin: int, end: int) -> np.ndarray:
        """Windows of steps `begin` to `end`, (step, batch, context + 1)."""
        picked = np.array([self._place(index) for index in range(begin * self.batch, end * self.batch)])
        text = np.asarray(self.text[picked[:, None] * self.context + np.arange(self.context + 1)])
        return text.reshape(end - begin, self.batch, self.context + 1)

    def _place(self, index: int) -> int:
        epoch, within = divmod(index, self.count)
        if epoch != self.epoch:
            self.places = np.random.default_rng([self.seed, epoch]).permutation(self.count)
            self.epoch = epoch
        return int(self.places[within])


def train(
    state: State,
    order: Order,
    recipe: Recipe,
    steps: tuple[int, int],
    *,
    branch: tuple[int, int] | None = None,
    report: Callable[[int], None] = lambda count: None,
) -> tuple[State, float, int | None]:
    """Train from one step to another.

    Parameters
    ----------
    state : State
        Consumed: it must not be used again.
    steps : tuple of int
        First step and the one after the last; their difference is a multiple of `CHUNK`.
    branch : tuple of int, optional
        Cooldown from one step to another.
    report : callable
        Called with the number of steps that were taken.

    Returns
    -------
    state : State
        After the last step.
    loss : float
        Mean training loss of the last chunk, nats per byte.
    diverged : int or None
        Step at which the loss was no longer finite, or worse than guessing; training ends there.
    """
    mean = math.nan
    for begin in range(*steps, CHUNK):
        rates = rate_at(np.arange(begin, begin + CHUNK), recipe, branch).astype(np.float32)
        batches = jnp.asarray(order.windows(begin, begin + CHUNK)), jnp.asarray(rates)
        state, losses = _advance(batches, state)
        values = np.asarray(losses)
        mean = float(values.mean())
        if not mean <= TOO_HIGH and begin >= recipe.warmup:
            bad = np.flatnonzero(~(values <= TOO_HIGH))
            return state, mean, begin + int(bad[0])
        report(CHUNK)
    return state, mean, None
