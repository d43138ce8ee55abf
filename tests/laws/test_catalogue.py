"""Every law of the catalogue is finite, says what it says it is, and gives the numbers that were reported for it."""

import json
import pickle
import re
from functools import reduce

import jax
import numpy as np
import pytest
from matplotlib.mathtext import MathTextParser

import scaling_bayes
from scaling_bayes.laws import CATALOGUE, ROLES, Law, law, list_laws
from scaling_bayes.laws.catalogue import TRUST, read_entries, read_papers
from scaling_bayes.laws.catalogue.entries import POOLING
from scaling_bayes.laws.coordinates import choose_coordinates
from scaling_bayes.laws.record import Record
from scaling_bayes.laws.roles import is_positive_sum
from scaling_bayes.symbols import COUNTING, COVARIATES, RESPONSES

ENTRIES = read_entries()
INVERSE = {"positive": np.exp, "unit": lambda x: 1 / (1 + np.exp(-x)), "real": lambda x: x}

every_entry = pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)


def references(entry, found):
    """What the engine would divide by, were the runs around the entry's typical scale."""
    return {c: entry.typical(c) if c in found.scaled else 1.0 for c in found.covariates}


def middle(entry, found):
    """Parameters in the paper's units from the middle of each role's prior, for a response near 1."""
    roles = {p: ROLES[found.roles[p]] for p in found.parameters}
    return found.rescale({p: INVERSE[r.support](r.centre) for p, r in roles.items()}, references(entry, found))


def complete_sets(entry):
    """(law, parameters) of every set of reported numbers that is complete, and of the middle of the prior."""
    yield CATALOGUE[entry.name], middle(entry, CATALOGUE[entry.name])
    for along in entry.alongs:
        found = entry.law(along=along)
        yield from ((found, dict(s)) for s in found.reported.values() if s.keys() == set(found.parameters))


def decades(entry, covariate, count=41):
    """Ten decades around the typical scale, as far as the covariate means something there."""
    low, high = entry.domain.get(covariate, (0.0, np.inf))
    return np.clip(entry.typical(covariate) * np.logspace(-5, 5, count), low, high)


def crossings(entry, found):
    """Each covariate alone over ten decades, then all together."""
    typical = {c: np.full(41, entry.typical(c)) for c in found.covariates}
    yield from ({**typical, c: decades(entry, c)} for c in found.covariates)
    yield {c: decades(entry, c) for c in found.covariates}


@every_entry
def test_value_and_gradient_are_finite_over_ten_decades_and_alike_in_numpy_and_jax(entry):
    for found, parameters in complete_sets(entry):
        for x in crossings(entry, found):
            with jax.enable_x64(True):
                function = jax.value_and_grad(lambda x, p, found=found: found.jax(**x, **p), argnums=(0, 1))
                value, gradient = jax.vmap(function, (0, None))(x, parameters)
            assert np.isfinite(value).all()
            assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
            np.testing.assert_allclose(found.evaluate({**parameters, **x}), value, rtol=1e-9, atol=1e-14)


@every_entry
def test_is_positive_where_it_says_so(entry):
    values = [
        found.evaluate({**parameters, **x})
        for found, parameters in complete_sets(entry)
        for x in crossings(entry, found)
    ]
    assert all((value >= 0).all() for value in values) or not entry.positive
    assert all(np.ravel(value)[20] > 0 for value in values)
    assert entry.positive or not is_positive_sum(CATALOGUE[entry.name].expression)


@every_entry
def test_is_monotone_as_it_says(entry):
    for found, parameters in complete_sets(entry):
        for sign, names in ((-1, entry.falls_with), (1, entry.rises_with)):
            for c in names:
                moved = found.covariates[0] if len(found.covariates) == 1 else c
                others = {n: entry.typical(n) for n in found.covariates}
                value = found.evaluate({**parameters, **others, moved: np.unique(decades(entry, moved))})
                assert (sign * np.diff(value) >= -1e-12 * np.abs(value[1:])).all()
                assert sign * (value[-1] - value[0]) > 0


@every_entry
def test_names_are_told_apart_and_explained(entry):
    found = CATALOGUE[entry.name]
    assert {s.name for s in found.expression.free_symbols} == {*found.covariates, *found.parameters}
    assert found.roles.keys() == set(found.parameters)
    assert set(found.roles.values()) <= ROLES.keys()
    assert set(found.covariates) - COVARIATES.keys() <= entry.covariates.keys()
    for named in (entry.covariates, entry.domain, entry.falls_with, entry.rises_with):
        assert set(named) <= set(found.covariates)
    assert not {*found.covariates, *found.parameters} & RESPONSES.keys(), (
        "a sweep could not hold it beside its response"
    )
    assert set(entry.pool) <= set(found.parameters)
    assert set(entry.pool.values()) <= set(POOLING)
    assert entry.counting in {"", *COUNTING}
    assert entry.use.endswith(".")
    assert not re.search(r"\d", entry.family)


@every_entry
def test_latex_compiles(entry):
    MathTextParser("agg").parse(f"${CATALOGUE[entry.name].latex}$")


@every_entry
def test_survives_text_pickle_and_the_record_of_a_posterior(entry):
    found = CATALOGUE[entry.name]
    pooling = {p: {"kind": "Shared", "groups": [], "value": None} for p in found.parameters}
    record = Record(found, references(entry, found), "loss", "nats/token", "normal", pooling)
    copies = [
        Law.from_dict(json.loads(json.dumps(found.to_dict()))),
        pickle.loads(pickle.dumps(found)),
        Record.from_json(record.to_json()).law,
    ]
    for copy in copies:
        assert copy == found
        assert (copy.parameters, copy.scales, copy.latex) == (found.parameters, found.scales, found.latex)


@every_entry
def test_coordinates_give_the_parameters_back(entry):
    found = CATALOGUE[entry.name]
    rng, at = np.random.default_rng(0), references(entry, found)
    coordinates = choose_coordinates(found, (), {}, found.parameters)
    theta = rng.normal(scale=0.5, size=(7, len(coordinates.names)))
    values = coordinates.parameters(theta, at)
    x = {c: entry.typical(c) * 10 ** rng.uniform(-0.3, 0.3, 7) for c in found.covariates}
    x = {c: np.clip(v, *entry.domain.get(c, (0, np.inf))) for c, v in x.items()}
    relative = {c: v / at[c] for c, v in x.items()}
    np.testing.assert_allclose(
        found.evaluate({**found.rescale(values, at), **x}), found.evaluate({**values, **relative}), rtol=1e-9
    )
    for p, value in values.items():
        assert ROLES[found.roles[p]].support == "real" or (value > 0).all()


@every_entry
def test_curves_drawn_from_the_prior_are_plausible(entry):
    found = CATALOGUE[entry.name]
    rng, at = np.random.default_rng(0), references(entry, found)
    coordinates = choose_coordinates(found, (), {}, found.parameters)
    response = 0.5 if "0 to 1" in entry.response else 3.0
    mean, width, _ = coordinates.prior(np.log(response))
    values = coordinates.parameters(mean + width * rng.normal(size=(2000, 1, len(mean))), at)
    x = {c: np.geomspace(0.3, 3, 9) * entry.typical(c) for c in found.covariates}
    x = {c: np.clip(v, *entry.domain.get(c, (0, np.inf))) / at[c] for c, v in x.items()}
    drawn = found.evaluate({**values, **x})
    assert np.isfinite(drawn).mean() > 0.99
    inside = (drawn > 1e-3 * response) & (drawn < 1e3 * response)
    assert inside.mean() > (0.8 if entry.positive else 0.6)
    assert 0.1 * response < np.nanmedian(drawn) < 10 * response


@every_entry
def test_reported_numbers_say_whom_from_and_how_far_to_trust_them(entry):
    for along in entry.alongs:
        found = entry.law(along=along)
        sets = [row for row in entry.rows if row.get("along", "") == along]
        assert len(found.reported) == len(sets), "two sets have one label"
        for label, numbers in found.reported.items():
            assert label
            assert numbers.trust in TRUST
            assert numbers.source.citation
            assert set(numbers) <= set(found.parameters)
            assert numbers.printed.keys() == numbers.keys()


# The table and the papers


@pytest.mark.parametrize("breaks", [1, 2, 3])
def test_a_law_may_have_several_breaks(breaks):
    found = law("bnsl", breaks=breaks)
    rng = np.random.default_rng(breaks)
    d, f, c = np.sort(10 ** rng.uniform(1, 5, breaks)), rng.uniform(0.1, 0.5, breaks), rng.normal(size=breaks)
    numbers = {f"{p}{i + 1}": v[i] for p, v in (("d", d), ("f", f), ("c", c)) for i in range(breaks)}
    x = np.logspace(0, 6, 25)
    factors = [(1 + (x / d[i]) ** (1 / f[i])) ** (-c[i] * f[i]) for i in range(breaks)]
    expected = 0.3 + 2.0 * x**-0.2 * np.prod(factors, axis=0)
    np.testing.assert_allclose(found.evaluate({**numbers, "E": 0.3, "A": 2.0, "c0": 0.2, "C": x}), expected)
    assert found.scaled == ("C",)
    assert (found.name, found.roles[f"d{breaks}"], found.roles[f"c{breaks}"]) == ("bnsl", "break", "coefficient")


@every_entry
def test_the_table_has_a_row_for_it(entry):
    found, row = CATALOGUE[entry.name], list_laws().loc[entry.name]
    assert (row.family, row.use, row.formula, row.latex) == (entry.family, entry.use, found.formula, found.latex)
    assert (row.source, row.arxiv) == (entry.paper.source.citation, entry.paper.source.arxiv)


def test_the_table_by_family():
    table = list_laws()
    parts = [list_laws(family=family) for family in table["family"].unique()]
    assert sum(map(len, parts)) == len(table) == len(CATALOGUE) >= 55
    assert all(part["family"].nunique() == 1 for part in parts)
    assert table.reset_index()["formula"].is_unique
    with pytest.raises(KeyError, match="did you mean 'downstream'"):
        list_laws(family="downstraem")


@pytest.mark.parametrize("paper", read_papers().values(), ids=read_papers())
def test_every_paper_has_a_law_or_a_reason(paper):
    assert set(paper.laws) <= ENTRIES.keys()
    assert paper.laws or paper.note
    assert re.fullmatch(r"(\d{4}\.\d{5})?", paper.source.arxiv)
    assert 2017 <= paper.source.year <= 2026
    if paper.source.arxiv:
        assert int(paper.source.arxiv[:2]) + 2000 == paper.source.year


NAMES_OF_PAPERS = {
    "mccandlish": "McCandlish et al. 2018 is served by 'batch_data'",
    "cbs": "served by 'power_rise'",
    "qqt": "Goyal et al. 2024.*'half_life'.*fading_data",
    "gemstones": "served by 'width_depth'",
    "sardana": "sb.allocate",
    "overopt": "'overopt_bon', 'overopt_rl'; Rafailov et al. 2024",
    "relative": "sb.compare",
    "paquette_4p3": "has no law: .*simulate_spectral",
    "Gadre": "served by 'gadre_overtrain', 'err_of_loss'",
    "2203.15556": "Hoffmann et al. 2022 is served by",
    "Kaplan et al. 2020": "'kaplan_joint'",
    "moe": "mentioned by 'moe_routed', 'moe_leverage'",
    "broken law": "mentioned by 'bnsl'",
    "chinchila": "did you mean 'chinchilla'",
    "kaplan_e": "did you mean 'kaplan_E'",
    "zzz": r"'zzz' in the catalogue: sb\.list_laws\(\) has all of them",
    "": r"sb\.list_laws\(\)",
}


@pytest.mark.parametrize(("name", "says"), NAMES_OF_PAPERS.items())
def test_the_name_of_a_paper_leads_to_what_serves_it(name, says):
    with pytest.raises(KeyError, match=says) as caught:
        law(name)
    assert len(str(caught.value)) < 500  # not the whole list


def test_other_words_for_a_paper_are_no_laws():
    words = {word for paper in read_papers().values() for word in paper.known_as}
    assert words
    assert not words & (ENTRIES.keys() | read_papers().keys())


@pytest.mark.parametrize("paper", read_papers().values(), ids=read_papers())
def test_a_function_that_a_note_names_exists(paper):
    for named in re.findall(r"`(?:cost=)?sb\.([\w.]+)", paper.note) + re.findall(r"\+ sb\.([\w.]+)", paper.note):
        reduce(getattr, named.rstrip(".").split("."), scaling_bayes)


@every_entry
def test_its_source_lists_it(entry):
    assert entry.name in entry.paper.laws
    for row in entry.rows:
        assert entry.name in read_papers()[row["from"]].laws


@pytest.mark.parametrize(
    ("make", "fragment"),
    [
        (lambda: law("power", breaks=2), "'power' has no breaks"),
        (lambda: law("bnsl", breaks=0), "1 to 9 breaks, found breaks=0"),
        (lambda: law("kaplan_joint", along="C"), "covariates N, D"),
        (lambda: law("power", along="A"), "along='A' cannot be the covariate of 'power'"),
        (lambda: law("power", along="loss"), "other than A, C, alpha, loss"),
        (lambda: law("power", along="N D"), "expected one name"),
    ],
)
def test_errors_say_what_was_found(make, fragment):
    with pytest.raises(ValueError, match=re.escape(fragment)):
        make()


def test_numbers_along_another_covariate_stay_with_it():
    kaplan = "Kaplan et al. 2020"
    assert law("power", along="N").reported[kaplan]["alpha"] == 0.076
    assert law("power").reported[kaplan]["alpha"] == 0.050
    assert law("power", along="width").reported == {}


def test_a_label_that_is_none_lists_those_there_are():
    with pytest.raises(KeyError, match=r"'Hoffman et al\. 2022': did you mean 'Hoffmann et al\. 2022'"):
        law("chinchilla").reported["Hoffman et al. 2022"]
