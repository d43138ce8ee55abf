"""What may be compared: the labels of a grouping among the cells that were fitted, with the other groupings held."""

from collections.abc import Mapping
from typing import Any

from scaling_bayes.questions.points import QuestionError
from scaling_bayes.symbols import suggest

Cells = Mapping[str, Mapping[str, str]]
"""Name of a cell -> grouping -> label."""


def list_factors(cells: Cells) -> list[str]:
    """Groupings of which two labels were fitted in one place, and all combinations where there are several groupings.

    Examples
    --------
    >>> list_factors({"code, a": {"corpus": "code", "kind": "a"}, "web, a": {"corpus": "web", "kind": "a"}})
    ['corpus', 'corpus, kind']
    """
    names = list(next(iter(cells.values())))
    several = [name for name in names if list_places(cells, name)]
    return several + ([", ".join(names)] if len(names) > 1 and len(cells) > 1 else [])


def list_choices(cells: Cells, factor: str, where: Mapping[str, str]) -> dict[str, str]:
    """Label of the grouping -> cell, of the cells where the other groupings have the labels held; all cells if crossed.

    Examples
    --------
    >>> cells = {"code, a": {"corpus": "code", "kind": "a"}, "web, a": {"corpus": "web", "kind": "a"}}
    >>> list_choices(cells, "corpus", {"kind": "a"})
    {'code': 'code, a', 'web': 'web, a'}
    """
    if factor not in next(iter(cells.values())):
        return {name: name for name in cells}
    return {own[factor]: name for name, own in cells.items() if all(own[g] == label for g, label in where.items())}


def list_places(cells: Cells, factor: str) -> list[dict[str, str]]:
    """Labels of the other groupings with which two labels of this one or more were fitted."""
    held = [{g: label for g, label in own.items() if g != factor} for own in cells.values()]
    if factor not in next(iter(cells.values())):
        return [{}]
    return [place for k, place in enumerate(held) if place in held[k + 1 :] and place not in held[:k]]


def choose_place(cells: Cells, factor: str, where: Mapping[str, Any]) -> dict[str, str]:
    """The first place that agrees with all that is asked for, and most with what is held.

    Raises
    ------
    QuestionError
        If a label is unknown there, or fewer than two labels were fitted.

    Examples
    --------
    >>> cells = {"code, a": {"corpus": "code", "kind": "a"}, "web, a": {"corpus": "web", "kind": "a"}}
    >>> choose_place(cells, "corpus", {})
    {'kind': 'a'}
    """
    places = list_places(cells, factor)
    for name, label in where.items():
        known = dict.fromkeys(place[name] for place in places if name in place)
        if label not in known:
            told = suggest(str(label), known) if known else f"nothing is held beside {factor}"
            raise QuestionError(f"where={{{name!r}: {label!r}}} holds no two labels of {factor}: {told}")
    found = [place for place in places if all(place[name] == label for name, label in where.items())]
    if not found:
        raise QuestionError(f"no two labels of {factor} were fitted where {dict(where)}; these hold some: {places[:5]}")
    return found[0]
