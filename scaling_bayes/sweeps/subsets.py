"""Rows of a public sweep that its card names, such as those of a published fit."""

from collections.abc import Callable

import numpy as np

from scaling_bayes.sweeps.cards import Card
from scaling_bayes.sweeps.checks import SweepError
from scaling_bayes.symbols import suggest

ALL = "all"
"""Name of the subset that leaves nothing out."""


def choose_rows(
    card: Card, subset: str | None, column: Callable[[str], np.ndarray], response: str
) -> tuple[np.ndarray, str]:
    """Rows of a subset.

    A card's rule is ``drop_highest`` (how many of the highest responses to leave out) or ``keep`` (column -> the values
    to keep), with a ``description``.

    Parameters
    ----------
    card : Card
    subset : str or None
        A name of the card's, ``"all"``, or None for the card's ``default_subset``.
    column : callable
        Name -> values of that column.
    response : str
        Column of the response.

    Returns
    -------
    rows : int array
        Which rows to keep, in their order.
    why : str
        How many were left out and why, empty if none were.

    Raises
    ------
    SweepError
        If the card has no such subset.

    Examples
    --------
    >>> from scaling_bayes.sweeps.cards import read_card
    >>> rows, why = choose_rows(read_card("chinchilla"), "published_fit", lambda name: np.arange(7.0), "loss")
    >>> rows.tolist(), why
    ([0, 1], '5: without the 5 highest losses, as fitted by Besiroglu et al.')
    """
    count = len(column(response))
    name = subset or card.default_subset or ALL
    if name == ALL:
        return np.arange(count), ""
    if name not in card.subsets:
        raise SweepError(f"sweep {card.name!r} has no subset {name!r}: {suggest(name, [*card.subsets, ALL])}.")
    rule = card.subsets[name]
    kept = np.ones(count, dtype=bool)
    kept[np.argsort(-column(response), kind="stable")[: rule.get("drop_highest", 0)]] = False
    for other, values in rule.get("keep", {}).items():
        kept &= np.isin(column(other), values)
    return np.flatnonzero(kept), f"{count - kept.sum()}: {rule['description']}"
