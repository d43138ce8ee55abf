"""The pooling that the catalogue recommends for its laws, over the groupings of a sweep."""

from scaling_bayes.laws import Law
from scaling_bayes.model.pooling import Partial, Pooling, Separate, Shared


def recommend_pool(law: Law, *groups: str) -> dict[str, Pooling]:
    """Pooling of every parameter as the catalogue recommends it, to be given to `Model` as it is or changed.

    Levels and floors differ between groups and are pooled partially, exponents are mostly shared.

    Parameters
    ----------
    law : Law
        A law of the catalogue.
    *groups : str
        The sweep's grouping, or several crossed ones.

    Returns
    -------
    dict
        parameter -> `Shared()`, `Partial(*groups)` or `Separate(group)`; shared where the catalogue says nothing.

    Raises
    ------
    TypeError
        If `law` is no Law.
    ValueError
        If the law has no recommendation: it is not of the catalogue, came back from a file, or its entry has none. Also
        without a grouping, with one named twice, and for several where a parameter wants a value for each group alone.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law = sb.law("chinchilla")
    >>> pool = recommend_pool(law, "corpus")
    >>> pool["E"], pool["alpha"]
    (Partial(groups=('corpus',)), Shared())
    >>> sb.Model(law, pool=pool | {"alpha": "corpus"}).table()["pooling"]["alpha"]
    'Partial(corpus)'
    """
    if not isinstance(law, Law):
        raise TypeError(f"law is a Law of the catalogue, for instance sb.law('chinchilla'); found {law!r}")
    if not law.pooling:
        what = f"law {law.name!r}" if law.name else f"the law {law.formula!r}"
        raise ValueError(
            f"the catalogue recommends no pooling for {what}; its laws come from sb.law(name). "
            "Say it yourself, for instance pool={'E': 'corpus'}"
        )
    kinds: dict[str, Pooling] = {"partial": Partial(*groups), "shared": Shared()}
    if "separate" in law.pooling.values():
        kinds["separate"] = Separate(*groups)
    return {p: kinds[law.pooling.get(p, "shared")] for p in law.parameters}
