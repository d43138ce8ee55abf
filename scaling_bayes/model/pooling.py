"""How a parameter of the law is shared between groups."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Shared:
    """One value for all groups: :math:`\\theta_g = \\mu`."""

    groups: tuple[str, ...] = ()


@dataclass(frozen=True, init=False)
class Partial:
    r"""Group values drawn from a population, on the scale of the parameter's role.

    .. math:: \theta_{g h} = \mu + \tau_1 z_g + \tau_2 z_h, \qquad z \sim N(0, 1), \quad \tau \sim \text{HalfNormal}

    Parameters
    ----------
    *groups : str
        One grouping, or several crossed ones whose effects add.
    """

    groups: tuple[str, ...]

    def __init__(self, *groups: str) -> None:
        object.__setattr__(self, "groups", _at_least_one(groups, "Partial"))


@dataclass(frozen=True, init=False)
class Separate:
    """Each group has a value of its own, with the same weak prior and nothing learnt from the others."""

    groups: tuple[str, ...]

    def __init__(self, *groups: str) -> None:
        object.__setattr__(self, "groups", _at_least_one(groups, "Separate")[:1])
        if len(groups) > 1:
            raise ValueError(f"Separate takes one grouping, found {groups}; use Partial for crossed ones")


@dataclass(frozen=True)
class Fixed:
    """A known value, in the paper's units."""

    value: float
    groups: tuple[str, ...] = ()


Pooling = Shared | Partial | Separate | Fixed


def as_pooling(value: Any) -> Pooling:
    """Read a pooling: an instance, a group's name (partial pooling over it), several names, or a number (fixed)."""
    match value:
        case Shared() | Partial() | Separate() | Fixed():
            return value
        case str():
            return Partial(value)
        case bool():
            pass
        case int() | float():
            return Fixed(float(value))
        case tuple() | list() if value and all(isinstance(v, str) for v in value):
            return Partial(*value)
    raise TypeError(f"a pooling is Shared(), Partial(...), Separate(...), Fixed(...) or a group's name, found {value!r}")


def pooling_to_dict(pooling: Pooling) -> dict[str, Any]:
    """What a saved posterior keeps of a pooling."""
    saved: dict[str, Any] = {"kind": type(pooling).__name__, "groups": list(pooling.groups)}
    return {**saved, "value": pooling.value} if isinstance(pooling, Fixed) else saved


def describe_pooling(pooling: Pooling) -> str:
    """One line for a model's table."""
    inside = str(pooling.value) if isinstance(pooling, Fixed) else ", ".join(pooling.groups)
    return f"{type(pooling).__name__}({inside})"


def check_pool(pool: Mapping[str, Any] | None, parameters: tuple[str, ...]) -> dict[str, Pooling]:
    """Pooling of every parameter; those not named are shared."""
    given = dict(pool or {})
    if strangers := given.keys() - set(parameters):
        raise ValueError(f"pool names {sorted(strangers)}, but the law's parameters are {', '.join(parameters)}")
    return {p: as_pooling(given[p]) if p in given else Shared() for p in parameters}


def _at_least_one(groups: tuple[str, ...], kind: str) -> tuple[str, ...]:
    if not groups or not all(isinstance(g, str) for g in groups) or len(set(groups)) < len(groups):
        raise ValueError(f"{kind} takes distinct names of groupings, for instance {kind}('corpus'); found {groups}")
    return groups
