"""How poolings are said and refused."""

import pytest

from scaling_bayes.model.pooling import (
    Fixed,
    Partial,
    Separate,
    Shared,
    as_pooling,
    check_pool,
    describe_pooling,
    pooling_to_dict,
)

READ = {
    "an instance": (Shared(), Shared()),
    "a name": ("corpus", Partial("corpus")),
    "several names": (["corpus", "architecture"], Partial("corpus", "architecture")),
    "a tuple of names": (("corpus",), Partial("corpus")),
    "a number": (0.5, Fixed(0.5)),
    "an integer": (2, Fixed(2.0)),
    "separate": (Separate("corpus"), Separate("corpus")),
}
REFUSED = {
    "a truth value": (True, TypeError, "True"),
    "nothing": (None, TypeError, "None"),
    "no names": ((), TypeError, "()"),
    "mixed names": (("corpus", 1), TypeError, "('corpus', 1)"),
    "a class": (Shared, TypeError, "Shared(), Partial(...)"),
    "infinity": (float("inf"), ValueError, "finite number"),
    "one name twice": (("corpus", "corpus"), ValueError, "distinct names"),
}


@pytest.mark.parametrize("case", READ)
def test_what_is_read(case):
    said, meant = READ[case]
    assert as_pooling(said) == meant
    assert as_pooling(meant) is meant


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_shown(case):
    said, error, fragment = REFUSED[case]
    with pytest.raises(error) as caught:
        as_pooling(said)
    assert fragment in str(caught.value)


@pytest.mark.parametrize(
    ("make", "fragment"),
    [
        (Partial, "Partial('corpus')"),
        (Separate, "Separate('corpus')"),
        (lambda: Separate("corpus", "task"), "use Partial for crossed"),
        (lambda: Partial(1), "distinct names"),
        (lambda: Fixed("half"), "finite number"),
        (lambda: Fixed(True), "finite number"),
    ],
)
def test_constructors_refuse(make, fragment):
    with pytest.raises(ValueError, match=fragment.replace("(", r"\(").replace(")", r"\)")):
        make()


def test_parameters_not_named_are_shared():
    pool = check_pool({"E": "corpus", "alpha": 0.5}, ("E", "A", "alpha"))
    assert pool == {"E": Partial("corpus"), "A": Shared(), "alpha": Fixed(0.5)}
    assert list(pool) == ["E", "A", "alpha"]
    assert check_pool(None, ("E",)) == {"E": Shared()}


def test_a_stranger_is_named_with_what_there_is():
    with pytest.raises(ValueError, match=r"\['gamma'\].*E, alpha"):
        check_pool({"gamma": "corpus"}, ("E", "alpha"))


@pytest.mark.parametrize("pooling", [Shared(), Partial("a", "b"), Separate("a"), Fixed(0.25)])
def test_what_is_saved_and_shown_says_the_kind(pooling):
    saved = pooling_to_dict(pooling)
    assert saved["kind"] == type(pooling).__name__
    assert saved["groups"] == list(pooling.groups)
    assert saved.get("value") == getattr(pooling, "value", None)
    assert describe_pooling(pooling).startswith(saved["kind"] + "(")
