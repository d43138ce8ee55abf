r"""Answers of a stack: every question is asked of each member, and the answer is the mixture of their answers.

.. math:: p(a) = \sum_k w_k\, p_k(a)

Of member k a share :math:`w_k` of all draws is kept, evenly spaced, and always the same ones: two questions agree draw
by draw. What has no draws (a probability, an expectation) is averaged with the weights.
"""

import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from scaling_bayes.questions.points import QuestionError

SAMPLE = ("chain", "draw")
STACK = "stack"
"""What a stack calls itself in ``attrs["scaling_bayes"]``."""

OWN = ("method", "noise", "pooling", "drift", "seed", "data_hash", "data_title", "gates", "discrepancy")
"""Attributes of an answer that members may say differently; a mixture then keeps what each says."""

Ask = Callable[[xr.DataTree], xr.Dataset]


def is_stack(posterior: Any) -> bool:
    """Whether this is what `stack` returns.

    Examples
    --------
    >>> is_stack(xr.DataTree())
    False
    """
    return isinstance(posterior, xr.DataTree) and posterior.attrs.get("scaling_bayes") == STACK


def read_weights(stack: xr.DataTree) -> dict[str, float]:
    """Weight of each member of a stack."""
    return {str(name): float(weight) for name, weight in json.loads(stack.attrs["weights"]).items()}


def lead(posterior: xr.DataTree) -> xr.DataTree:
    """The member of a stack with the most weight; any other posterior is its own."""
    if not is_stack(posterior):
        return posterior
    weights = read_weights(posterior)
    return posterior.children[max(weights, key=weights.__getitem__)]


def mixed[**P](question: Callable[Concatenate[xr.DataTree, P], xr.Dataset]) -> Callable[..., xr.Dataset]:
    """Let a question take a stack for a posterior.

    Parameters
    ----------
    question : callable
        Takes a posterior first, and gives a Dataset whose draws, or whose expectations, mix.
    """

    @wraps(question)
    def ask(posterior: xr.DataTree, *args: P.args, **kwargs: P.kwargs) -> xr.Dataset:
        if not is_stack(posterior):
            return question(posterior, *args, **kwargs)
        return mix(posterior, lambda member: question(member, *args, **kwargs))

    return ask


def mix(stack: xr.DataTree, ask: Ask) -> xr.Dataset:
    """Ask each member of a stack, and mix the answers.

    Parameters
    ----------
    stack : DataTree
    ask : callable
        Posterior -> answer.

    Returns
    -------
    Dataset
        Dims, coordinates and attributes of the answer of the member with the most weight; of groups, the labels that
        all members answer for. Attribute ``law`` names all laws, ``failed_gates`` the members that failed some, and
        ``weights`` says the weights, as JSON.
    """
    weights = read_weights(stack)
    draws = {name: _draws(stack.children[name]) for name in weights}
    shape = max(draws.values(), key=np.prod)
    counts = apportion(np.array(list(weights.values())), int(np.prod(shape)))
    kept = {name: count for name, count in zip(weights, counts.tolist(), strict=True) if count}
    answers = {name: ask(_thin(stack.children[name], count)) for name, count in kept.items()}
    _check_same(answers)
    order = np.concatenate([(np.arange(count) + 0.5) / count for count in kept.values()]).argsort(kind="stable")
    first = answers[max(kept, key=kept.__getitem__)]
    shares = np.array(list(kept.values())) / sum(kept.values())
    aligned = xr.align(*answers.values(), join="inner", exclude=SAMPLE)
    common = [name for name in first.data_vars if all(name in each for each in aligned)]
    found = {name: _mix_variable([each[name] for each in aligned], shares, order, shape) for name in common}
    lightest_first = sorted(zip(shares, aligned, strict=True), key=lambda pair: pair[0])
    coords = [{n: c for n, c in each.coords.items() if n not in SAMPLE} for _, each in lightest_first]
    every = {name: coord for each in coords for name, coord in each.items()}
    return xr.Dataset(found, coords=every).assign_attrs(_tell(answers, first, weights))


def _check_same(answers: Mapping[str, xr.Dataset]) -> None:
    """Refuse to mix what answers different questions."""
    for what in ("group", "along"):
        found = {name: str(answer.attrs.get(what, "")) for name, answer in answers.items()}
        if len(set(found.values())) > 1:
            raise QuestionError(f"members answer with different {what}=: {found}; say {what}=, or ask one member")
    dim = next(iter(answers.values())).attrs.get("group", "")
    labels = {name: set(answer[dim].values.tolist()) for name, answer in answers.items() if dim in answer.dims}
    if len({frozenset(each) for each in labels.values()}) > 1:
        shared = sorted(set.intersection(*labels.values()))
        raise QuestionError(f"members know different labels of {dim}; all know {shared}: say among={shared}")


def apportion(weights: NDArray[np.float64], total: int) -> NDArray[np.int64]:
    """Whole numbers in proportion to weights, the largest remainders rounded up.

    Examples
    --------
    >>> apportion(np.array([0.5, 0.3, 0.2]), 7).tolist()
    [4, 2, 1]
    """
    exact = weights / weights.sum() * total
    counts = np.floor(exact).astype(np.int64)
    counts[np.argsort(counts - exact, kind="stable")[: total - counts.sum()]] += 1
    return counts


def _draws(member: xr.DataTree) -> tuple[int, int]:
    return member["posterior"].sizes["chain"], member["posterior"].sizes["draw"]


def _thin(member: xr.DataTree, count: int) -> xr.DataTree:
    """A member with `count` evenly spaced draws, in one chain; the member itself if it has as many."""
    chains, length = _draws(member)
    if chains * length == count:
        return member
    at = ((np.arange(count) + 0.5) * chains * length / count).astype(int)
    where = {d: xr.DataArray(v, dims="draw") for d, v in zip(SAMPLE, (at // length, at % length), strict=True)}

    def cut(tree: xr.DataTree) -> xr.DataTree:
        draws = tree["posterior"].to_dataset().drop_vars(SAMPLE, errors="ignore").isel(where).expand_dims("chain")
        rest = {name: tree[name].to_dataset() for name in ("constant_data", "observed_data") if name in tree}
        first = {"first": cut(tree.children["first"])} if "first" in tree.children else {}
        found = xr.DataTree(
            children={name: xr.DataTree(part) for name, part in {"posterior": draws, **rest}.items()} | first
        )
        found.attrs = dict(tree.attrs)
        return found

    return cut(member)


def _mix_variable(
    arrays: list[xr.DataArray], shares: NDArray[np.float64], order: NDArray[np.intp], shape: tuple[int, int]
) -> xr.DataArray:
    """Draws one member after the other, brought into order; weighted mean of what has none."""
    first = arrays[int(shares.argmax())]
    if len(arrays) == 1:
        return first
    if not set(SAMPLE) <= set(first.dims):
        told = xr.broadcast(*arrays)
        if all(each.identical(told[0]) for each in told):
            return told[0]
        return sum((share * each for share, each in zip(shares, told, strict=True)), xr.zeros_like(told[0] * 1.0))
    flat = [array.drop_vars(SAMPLE, errors="ignore") for array in arrays]
    rest = max((array.transpose(*SAMPLE, ...).dims[2:] for array in flat), key=len)
    flat = [array.transpose(*SAMPLE, *rest) for array in xr.broadcast(*flat, exclude=SAMPLE)]
    values = [array.values.reshape(-1, *array.shape[2:]) for array in flat]
    joined = np.concatenate(values)[order].reshape(*shape, *flat[0].shape[2:])
    coords = {d: flat[0][d] for d in rest if d in flat[0].coords}
    return xr.DataArray(joined, dims=(*SAMPLE, *rest), coords=coords, attrs=first.attrs)


def _tell(answers: Mapping[str, xr.Dataset], first: xr.Dataset, weights: Mapping[str, float]) -> dict[str, Any]:
    """Attributes of a mixture."""
    laws = "; ".join(f"{name}: {answer.attrs.get('law', '')}" for name, answer in answers.items())
    each = {
        what: {name: answer.attrs[what] for name, answer in answers.items() if what in answer.attrs} for what in OWN
    }
    differ = {what: json.dumps(said) for what, said in each.items() if len(set(said.values())) > 1}
    failed = {name: answer.attrs.get("failed_gates", "") for name, answer in answers.items()}
    gates = "; ".join(f"{name}: {gates}" for name, gates in failed.items() if gates)
    return {**first.attrs, **differ, "law": laws, "failed_gates": gates, "weights": json.dumps(dict(weights))}
