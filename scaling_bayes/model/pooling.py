"""How a parameter of the law is shared between groups."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, ClassVar


@dataclass(frozen=True)
class Shared:
    r"""One value for all groups: :math:`\theta_g = \mu`.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> sb.Model(sb.law("power"), pool={"alpha": sb.Shared(), "A": "corpus"}).table()["pooling"].tolist()
    ['Partial(corpus)', 'Shared()']
    """

    groups: ClassVar[tuple[str, ...]] = ()


@dataclass(frozen=True, init=False)
class Partial:
    r"""Group values drawn from a population, on the scale of the parameter's role.

    .. math:: \theta_{g h} = \mu + \tau_1 z_g + \tau_2 z_h, \qquad z \sim N(0, 1), \quad \tau \sim \text{HalfNormal}

    From eight groups up the effects of a group on several parameters are correlated, with an LKJ(2) prior.
    A grouping with a single group tells nothing of :math:`\tau`, which then stays at the scale of its prior.

    Parameters
    ----------
    *groups : str
        One grouping, or several crossed ones whose effects add.

    Raises
    ------
    ValueError
        Without a grouping, or with one named twice.

    Examples
    --------
    >>> Partial("corpus", "architecture").groups
    ('corpus', 'architecture')
    """

    groups: tuple[str, ...]

    def __init__(self, *groups: str) -> None:
        object.__setattr__(self, "groups", _distinct_names(groups, "Partial"))


@dataclass(frozen=True, init=False)
class Separate:
    """Each group has a value of its own, with the same weak prior and nothing learnt from the others.

    Parameters
    ----------
    *groups : str
        One grouping.

    Raises
    ------
    ValueError
        Without a grouping, or with more than one.

    Examples
    --------
    >>> Separate("corpus").groups
    ('corpus',)
    """

    groups: tuple[str, ...]

    def __init__(self, *groups: str) -> None:
        if len(groups) > 1:
            raise ValueError(f"Separate takes one grouping, found {groups}; use Partial for crossed ones")
        object.__setattr__(self, "groups", _distinct_names(groups, "Separate"))


@dataclass(frozen=True)
class Fixed:
    """A known value, in the paper's units.

    Raises
    ------
    ValueError
        If it is not a finite number.

    Examples
    --------
    >>> Fixed(0.5).value
    0.5
    """

    value: float
    groups: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        number = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        if not number or not isfinite(self.value):
            raise ValueError(f"Fixed takes a finite number in the paper's units, found {self.value!r}")


Pooling = Shared | Partial | Separate | Fixed


def as_pooling(value: Any) -> Pooling:
    """Read a pooling.

    Parameters
    ----------
    value : Shared, Partial, Separate, Fixed, str, sequence of str, or number
        A grouping's name means partial pooling over it, several names crossed groupings, a number a fixed value.

    Raises
    ------
    TypeError
        For anything else.
    ValueError
        For a number that is not finite.

    Examples
    --------
    >>> as_pooling("corpus"), as_pooling(0.5)
    (Partial(groups=('corpus',)), Fixed(value=0.5))
    """
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
    choices = "Shared(), Partial(...), Separate(...), Fixed(...), a grouping's name or a number"
    raise TypeError(f"a pooling is {choices}; found {value!r}")


def pooling_to_dict(pooling: Pooling) -> dict[str, Any]:
    """What a saved posterior keeps of a pooling.

    Examples
    --------
    >>> pooling_to_dict(Partial("corpus")), pooling_to_dict(Fixed(0.5))["value"]
    ({'kind': 'Partial', 'groups': ['corpus']}, 0.5)
    """
    saved: dict[str, Any] = {"kind": type(pooling).__name__, "groups": list(pooling.groups)}
    return {**saved, "value": pooling.value} if isinstance(pooling, Fixed) else saved


def pooling_from_dict(saved: Mapping[str, Any]) -> Pooling:
    """Read back what `pooling_to_dict` wrote.

    Raises
    ------
    ValueError
        For a kind that does not exist.

    Examples
    --------
    >>> pooling_from_dict({"kind": "Partial", "groups": ["corpus"]})
    Partial(groups=('corpus',))
    """
    match saved["kind"]:
        case "Shared":
            return Shared()
        case "Fixed":
            return Fixed(saved["value"])
        case "Partial":
            return Partial(*saved["groups"])
        case "Separate":
            return Separate(*saved["groups"])
    raise ValueError(f"a pooling is Shared, Partial, Separate or Fixed; found the kind {saved['kind']!r}")


def describe_pooling(pooling: Pooling) -> str:
    """One line for a model's table.

    Examples
    --------
    >>> describe_pooling(Separate("corpus")), describe_pooling(Fixed(0.5))
    ('Separate(corpus)', 'Fixed(0.5)')
    """
    inside = str(pooling.value) if isinstance(pooling, Fixed) else ", ".join(pooling.groups)
    return f"{type(pooling).__name__}({inside})"


def check_pool(pool: Mapping[str, Any] | None, parameters: tuple[str, ...]) -> dict[str, Pooling]:
    """Pooling of every parameter; those not named are shared.

    Raises
    ------
    ValueError
        If `pool` names what is no parameter.
    TypeError
        If it is no mapping, or one of its values is no pooling; see `as_pooling`.

    Examples
    --------
    >>> check_pool({"E": "corpus"}, ("E", "A"))
    {'E': Partial(groups=('corpus',)), 'A': Shared()}
    """
    if not isinstance(pool, Mapping | None):
        raise TypeError(f"pool is a mapping of parameters to groupings, for instance {{'E': 'corpus'}}; found {pool!r}")
    given = dict(pool or {})
    if strangers := given.keys() - set(parameters):
        raise ValueError(f"pool names {sorted(strangers)}, but the law's parameters are {', '.join(parameters)}")
    return {p: as_pooling(given[p]) if p in given else Shared() for p in parameters}


def _distinct_names(groups: tuple[str, ...], kind: str) -> tuple[str, ...]:
    if not groups or not all(isinstance(g, str) for g in groups) or len(set(groups)) < len(groups):
        raise ValueError(f"{kind} takes distinct names of groupings, for instance {kind}('corpus'); found {groups}")
    return groups
