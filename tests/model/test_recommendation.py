"""The catalogue's recommended pooling, in a model of the user's groups."""

import re

import pytest

import scaling_bayes as sb
from scaling_bayes.laws import CATALOGUE
from scaling_bayes.laws.catalogue import read_entries

WITH_POOL = [name for name, entry in read_entries().items() if entry.pool]


@pytest.mark.parametrize("name", WITH_POOL)
def test_every_recommendation_makes_a_model(name):
    law, entry = CATALOGUE[name], read_entries()[name]
    model = sb.Model(law, pool=sb.recommend_pool(law, "network"))
    found = {p: type(pool).__name__.lower() for p, pool in model.pool.items()}
    assert found == dict.fromkeys(law.parameters, "shared") | dict(entry.pool)
    assert {pool.groups for pool in model.pool.values()} <= {(), ("network",)}


def test_crossed_groupings_and_later_breaks():
    law = sb.law("bnsl", breaks=2)
    pool = sb.recommend_pool(law, "task", "network")
    assert pool.keys() == set(law.parameters)
    assert pool["d2"] == pool["d1"] == sb.Partial("task", "network")
    assert pool["c2"] == sb.Shared()


REFUSED = {
    "no law of the catalogue": (lambda: sb.Law("A*N**-alpha"), ("corpus",), "recommends no pooling for the law 'A*N**"),
    "no recommendation": (lambda: sb.law("farseer"), ("corpus",), "recommends no pooling for law 'farseer'"),
    "no grouping": (lambda: sb.law("chinchilla"), (), "Partial takes distinct names"),
    "crossed, where each stands alone": (lambda: sb.law("compressed"), ("format", "size"), "takes one grouping"),
}


@pytest.mark.parametrize(("make", "groups", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_recommended_is_told(make, groups, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        sb.recommend_pool(make(), *groups)


def test_a_law_is_given_and_not_its_name():
    with pytest.raises(TypeError, match=r"sb\.law\('chinchilla'\); found 'chinchilla'"):
        sb.recommend_pool("chinchilla", "corpus")


def test_a_recommendation_is_no_part_of_a_laws_identity():
    law = sb.law("chinchilla")
    assert law == sb.Law.from_dict(law.to_dict())
    assert not sb.Law.from_dict(law.to_dict()).pooling
