r"""Answers of a stack: every question is asked of each member, and the answer is the mixture of their answers.

.. math:: p(a) = \sum_k w_k\, p_k(a)

Of member k a share :math:`w_k` of all draws is kept, evenly spaced, and always the same ones: two questions agree draw
by draw. What has no draws (a probability, an expectation) is averaged with the weights.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Concatenate

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from scaling_bayes.questions.points import QuestionError
from scaling_bayes.questions.thinning import spread_evenly
from scaling_bayes.symbols import SAMPLE

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
    members = share_draws(stack)
    answers = {name: ask(member) for name, member in members.items()}
    _check_same(answers)
    shape = _widest(stack)
    counts = {name: int(np.prod(_draws(member))) for name, member in members.items()}
    order = interleave(list(counts.values()))
    first = answers[max(counts, key=counts.__getitem__)]
    shares = np.array(list(counts.values())) / sum(counts.values())
    aligned = _fill_shares(xr.align(*answers.values(), join="inner", exclude=SAMPLE))
    common = [name for name in first.data_vars if all(name in each for each in aligned)]
    found = {name: _mix_variable([each[name] for each in aligned], shares, order, shape) for name in common}
    lightest_first = sorted(zip(shares, aligned, strict=True), key=lambda pair: pair[0])
    coords = [{n: c for n, c in each.coords.items() if n not in SAMPLE} for _, each in lightest_first]
    every = {name: coord for each in coords for name, coord in each.items()}
    return xr.Dataset(found, coords=every).assign_attrs(
        tell({name: each.attrs for name, each in answers.items()}, first.attrs, read_weights(stack))
    )


def _fill_shares(answers: Sequence[xr.Dataset]) -> list[xr.Dataset]:
    """Answers of which those without undefined draws say so, where another one has some."""
    told = next((each["p_undefined"] for each in answers if "p_undefined" in each), None)
    if told is None:
        return list(answers)
    return [each if "p_undefined" in each else each.assign(p_undefined=xr.zeros_like(told)) for each in answers]


def share_draws(stack: xr.DataTree) -> dict[str, xr.DataTree]:
    """Members of a stack that have a share in it, each with as many draws as its weight says."""
    weights = read_weights(stack)
    counts = apportion(np.array(list(weights.values())), int(np.prod(_widest(stack))))
    kept = zip(weights, counts.tolist(), strict=True)
    return {name: _thin(stack.children[name], count) for name, count in kept if count}


def interleave(counts: Sequence[int]) -> NDArray[np.intp]:
    """Order in which draws of members, one member after the other, are evenly mixed.

    Examples
    --------
    >>> interleave([4, 2]).tolist()
    [0, 4, 1, 2, 5, 3]
    """
    return np.concatenate([(np.arange(count) + 0.5) / count for count in counts]).argsort(kind="stable")


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


def _widest(stack: xr.DataTree) -> tuple[int, int]:
    """Chains and draws of the member that has the most."""
    return max((_draws(stack.children[name]) for name in read_weights(stack)), key=np.prod)


def _draws(member: xr.DataTree) -> tuple[int, int]:
    return member["posterior"].sizes["chain"], member["posterior"].sizes["draw"]


def _thin(member: xr.DataTree, count: int) -> xr.DataTree:
    """A member with `count` evenly spaced draws, in one chain; the member itself if it has as many."""
    chains, length = _draws(member)
    if chains * length == count:
        return member
    at = spread_evenly(count, chains * length)
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


def tell(
    said: Mapping[str, Mapping[str, Any]], first: Mapping[str, Any], weights: Mapping[str, float]
) -> dict[str, Any]:
    """Attributes of a mixture, from those of the members' answers and of the one with the most weight."""
    laws = "; ".join(f"{name}: {attrs.get('law', '')}" for name, attrs in said.items())
    each = {what: {name: attrs[what] for name, attrs in said.items() if what in attrs} for what in OWN}
    differ = {what: json.dumps(found) for what, found in each.items() if len(set(found.values())) > 1}
    failed = {name: attrs.get("failed_gates", "") for name, attrs in said.items()}
    gates = "; ".join(f"{name}: {gates}" for name, gates in failed.items() if gates)
    return {**first, **differ, "law": laws, "failed_gates": gates, "weights": json.dumps(dict(weights))}
