r"""Two networks that read bytes: a decoder-only transformer and a gated linear recurrence, equal but for the mixer.

.. math::

    x_0 = \sqrt{d} \, W_E[b], \qquad
    x \leftarrow x + \mathrm{mix}(\mathrm{norm}(x)), \qquad
    x \leftarrow x + W_3(\mathrm{silu}(W_1 u) \odot W_2 u), \; u = \mathrm{norm}(x), \qquad
    \mathrm{logits} = W_E \, \mathrm{norm}(x_L)

with root-mean-square norms and one matrix :math:`W_E` (256 by d) that is both embedding and output (tied).
The mixer of the transformer is causal softmax attention with rotary positions; that of the recurrence is a minGRU,

.. math:: h_t = (1 - z_t) \odot h_{t-1} + z_t \odot W_h u_t, \qquad z_t = \sigma(W_z u_t + b_z),

whose output is :math:`W_o(h_t \odot \mathrm{silu}(W_g u_t))`. Both mixers have four d by d matrices.
"""

import math
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp

VOCABULARY = 256


@dataclass(frozen=True)
class Shape:
    """What a network looks like.

    Parameters
    ----------
    architecture : {"transformer", "recurrence"}
        Which mixer.
    width, depth : int
        d and the number of layers.

    Examples
    --------
    >>> Shape("transformer", 64, 3).heads, Shape("transformer", 64, 3).hidden
    (2, 168)
    """

    architecture: str
    width: int
    depth: int

    @property
    def heads(self) -> int:
        """Attention heads, of 32 dimensions where the width allows it."""
        return max(1, self.width // 32)

    @property
    def hidden(self) -> int:
        """Width inside the gated linear unit: 8/3 of d, rounded down to a multiple of 8."""
        return self.width * 8 // 3 // 8 * 8


def _matrix(key: jax.Array, rows: int, columns: int, gain: float = 1.0) -> jax.Array:
    return jax.random.normal(key, (rows, columns)) * gain / math.sqrt(rows)


def _norm(x: jax.Array, scale: jax.Array) -> jax.Array:
    return x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + 1e-6) * scale


def rotate(x: jax.Array) -> jax.Array:
    """Turn pairs of dimensions by angles that grow with the position (rotary embedding).

    Parameters
    ----------
    x : array, (..., position, head, dimension)
        Queries or keys.

    Examples
    --------
    >>> rotate(jnp.ones((1, 1, 2))).tolist()
    [[[1.0, 1.0]]]
    """
    length, half = x.shape[-3], x.shape[-1] // 2
    angles = jnp.arange(length)[:, None] * 10_000.0 ** (-jnp.arange(half) / half)
    cos, sin = jnp.cos(angles)[:, None], jnp.sin(angles)[:, None]
    first, second = x[..., :half], x[..., half:]
    return jnp.concatenate([first * cos - second * sin, first * sin + second * cos], axis=-1)


def scan_recurrence(decay: jax.Array, drive: jax.Array) -> jax.Array:
    r"""All states of :math:`h_t = a_t h_{t-1} + c_t`, :math:`h_{-1} = 0`, by a parallel scan along axis -2.

    Examples
    --------
    >>> scan_recurrence(jnp.full((3, 1), 0.5), jnp.ones((3, 1)))[:, 0].tolist()
    [1.0, 1.5, 1.75]
    """

    def join(left: tuple[jax.Array, jax.Array], right: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        return left[0] * right[0], left[1] * right[0] + right[1]

    return jax.lax.associative_scan(join, (decay, drive), axis=-2)[1]


class Attention(eqx.Module):
    """Causal softmax attention with rotary positions."""

    qkv: jax.Array
    out: jax.Array
    heads: int = eqx.field(static=True)

    def __init__(self, shape: Shape, key: jax.Array) -> None:
        first, second = jax.random.split(key)
        self.qkv = _matrix(first, shape.width, 3 * shape.width)
        self.out = _matrix(second, shape.width, shape.width, 1 / math.sqrt(2 * shape.depth))
        self.heads = shape.heads

    def __call__(self, u: jax.Array) -> jax.Array:
        """Mix positions; `u` and the result are (batch, position, width)."""
        batch, length, width = u.shape
        query, key, value = jnp.split((u @ self.qkv).reshape(batch, length, 3 * self.heads, -1), 3, axis=2)
        scores = jnp.einsum("bihd,bjhd->bhij", rotate(query), rotate(key)) / math.sqrt(width // self.heads)
        past = jnp.tril(jnp.ones((length, length), bool))
        weights = jax.nn.softmax(jnp.where(past, scores, -jnp.inf), axis=-1)
        return jnp.einsum("bhij,bjhd->bihd", weights, value).reshape(u.shape) @ self.out


class Recurrence(eqx.Module):
    """The minGRU with an output gate; its memory starts between 1 and 64 bytes long."""

    gates: jax.Array
    bias: jax.Array
    out: jax.Array

    def __init__(self, shape: Shape, key: jax.Array) -> None:
        first, second = jax.random.split(key)
        self.gates = _matrix(first, shape.width, 3 * shape.width)
        memory = jnp.logspace(0.3, math.log10(64), shape.width)
        self.bias = -jnp.log(memory - 1)
        self.out = _matrix(second, shape.width, shape.width, 1 / math.sqrt(2 * shape.depth))

    def __call__(self, u: jax.Array) -> jax.Array:
        """Mix positions; `u` and the result are (batch, position, width)."""
        update, content, gate = jnp.split(u @ self.gates, 3, axis=-1)
        update = jax.nn.sigmoid(update + self.bias)
        return (scan_recurrence(1 - update, update * content) * jax.nn.silu(gate)) @ self.out


MIXERS: dict[str, type[Attention] | type[Recurrence]] = {"transformer": Attention, "recurrence": Recurrence}
"""Architecture -> its mixer. A third architecture is one class and one line."""


class Block(eqx.Module):
    """Mixer and gated linear unit, each behind a norm and beside a residual path."""

    mixer: Attention | Recurrence
    up: jax.Array
    down: jax.Array
    scales: jax.Array

    def __init__(self, shape: Shape, key: jax.Array) -> None:
        first, second, third = jax.random.split(key, 3)
        self.mixer = MIXERS[shape.architecture](shape, first)
        self.up = _matrix(second, shape.width, 2 * shape.hidden)
        self.down = _matrix(third, shape.hidden, shape.width, 1 / math.sqrt(2 * shape.depth))
        self.scales = jnp.ones((2, shape.width))

    def __call__(self, x: jax.Array) -> jax.Array:
        """One layer, (batch, position, width) to the same."""
        x = x + self.mixer(_norm(x, self.scales[0]))
        gate, value = jnp.split(_norm(x, self.scales[1]) @ self.up, 2, axis=-1)
        return x + (jax.nn.silu(gate) * value) @ self.down


class Network(eqx.Module):
    """Bytes in, a score for each next byte out.

    Examples
    --------
    >>> network = Network(Shape("recurrence", 16, 1), jax.random.key(0))
    >>> network(jnp.zeros((2, 5), jnp.uint8)).shape
    (2, 5, 256)
    """

    embedding: jax.Array
    blocks: tuple[Block, ...]
    scale: jax.Array

    def __init__(self, shape: Shape, key: jax.Array) -> None:
        first, *others = jax.random.split(key, shape.depth + 1)
        self.embedding = jax.random.normal(first, (VOCABULARY, shape.width)) * 0.5 / math.sqrt(shape.width)
        self.blocks = tuple(Block(shape, other) for other in others)
        self.scale = jnp.ones(shape.width)

    def __call__(self, text: jax.Array) -> jax.Array:
        """Logits (batch, position, 256) of the byte after each position of `text` (batch, position)."""
        x = self.embedding[text] * math.sqrt(self.scale.shape[0])
        for block in self.blocks:
            x = block(x)
        return _norm(x, self.scale) @ self.embedding.T


def count_parameters(shape: Shape) -> tuple[int, int]:
    """Parameters of a network: all, and those outside the embedding (which is also the output matrix).

    Examples
    --------
    >>> count_parameters(Shape("transformer", 16, 1))
    (7088, 2992)
    """
    bias = shape.width if shape.architecture == "recurrence" else 0
    layer = 4 * shape.width**2 + 3 * shape.width * shape.hidden + 2 * shape.width + bias
    outside = shape.depth * layer + shape.width
    return VOCABULARY * shape.width + outside, outside


def count_flops(shape: Shape, context: int) -> float:
    r"""FLOPs of training on one byte: forward and backward, every matrix product, and the mixing of positions.

    .. math:: 3 \left(2 \left(L (4 d^2 + 3 d h) + 256 d\right) + L m\right),

    where mixing costs :math:`m = 4 d T` for attention over T positions (the whole square, as it is computed) and
    :math:`m = 4 d` for the recurrence (as a sequential loop would). Norms and activations are not counted.

    Examples
    --------
    >>> count_flops(Shape("transformer", 16, 1), 128)
    66816.0
    """
    matrices = shape.depth * (4 * shape.width**2 + 3 * shape.width * shape.hidden) + VOCABULARY * shape.width
    mixing = 4 * shape.width * (context if shape.architecture == "transformer" else 1)
    return 3.0 * (2 * matrices + shape.depth * mixing)
