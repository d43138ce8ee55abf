"""What a model becomes on a sweep: cells, effects, padding, references and knots."""

import jax
import numpy as np
import pytest

from scaling_bayes.laws import Law, law
from scaling_bayes.laws.wiener import MAX_KNOTS
from scaling_bayes.model import Discrepancy, Frontier, Laplace, Model, Normal, Partial, Separate, StudentT
from scaling_bayes.model.binding import choose_references

CHINCHILLA = law("chinchilla")
EVERYWHERE = dict.fromkeys(CHINCHILLA.parameters, "corpus")
CROSSED = {"E": ("corpus", "architecture"), "A": "corpus", "alpha": Separate("architecture")}

# pooling -> (blocks, cells a block, bucket of the longest, effects a block, sampled spreads); coordinates are five
SHAPES = {
    "no grouping": ({}, (1, 1, 20), 5, 0),
    "one grouping": (EVERYWHERE, (3, 1, 10), 5, 5),
    "one grouping on some": ({"E": "corpus"}, (3, 1, 10), 1, 1),
    "separate": (dict.fromkeys(CHINCHILLA.parameters, Separate("corpus")), (3, 1, 10), 5, 0),
    "two crossed": (CROSSED, (1, 5, 8), 3 + 2 + 3 + 2, 3),
    "a fixed exponent": ({**EVERYWHERE, "alpha": 0.3}, (3, 1, 10), 4, 4),
}


@pytest.mark.parametrize("case", SHAPES)
def test_shapes(case, sweep):
    pool, rows, effects, spreads = SHAPES[case]
    binding = Model(CHINCHILLA, pool=pool).bind(sweep)
    design, coordinates = binding.design, len(binding.program.coordinates.names)
    assert design.log_response.shape == design.weight.shape == binding.cells.runs.shape == rows
    assert design.incidence.shape == (*rows[:2], coordinates, effects)
    assert design.spread_scale.shape == (spreads,)
    assert design.effect_spread.shape == design.effect_scale.shape == (effects,) == (len(binding.effects),)
    assert design.basis.shape == (*rows, len(design.knot_axis))
    assert {column.shape for column in design.covariates.values()} == {rows}


@pytest.mark.parametrize("case", SHAPES)
def test_every_run_is_in_one_place_and_padding_weighs_nothing(case, sweep):
    binding = Model(CHINCHILLA, pool=SHAPES[case][0]).bind(sweep)
    runs, design = binding.cells.runs, binding.design
    present = runs >= 0
    assert sorted(runs[present]) == list(range(20))
    np.testing.assert_array_equal(design.weight, present)
    np.testing.assert_allclose(design.log_response[present], np.log(sweep["loss"].values[runs[present]]))
    np.testing.assert_array_equal(design.basis[~present], 0.0)
    assert np.isfinite(design.log_response).all()
    for name, column in design.covariates.items():
        np.testing.assert_allclose(column[present] * binding.references[name], sweep[name].values[runs[present]])
        np.testing.assert_allclose(column[~present] * binding.references[name], sweep[name].values[-1])


@pytest.mark.parametrize("case", SHAPES)
def test_a_cell_holds_the_runs_of_its_labels(case, sweep):
    cells = Model(CHINCHILLA, pool=SHAPES[case][0]).bind(sweep).cells
    for row, (_, labels) in zip(cells.runs.reshape(len(cells.table), -1), cells.table.iterrows(), strict=True):
        for grouping, label in labels.items():
            assert set(sweep[grouping].values[row[row >= 0]]) == {label}


def test_crossed_effects_move_the_cells_of_their_label(sweep):
    binding = Model(CHINCHILLA, pool=CROSSED).bind(sweep)
    incidence, table = binding.design.incidence[0], binding.cells.table
    assert sorted(map(tuple, table.to_numpy().tolist())) == [
        ("books", "dense"),
        ("code", "dense"),
        ("code", "sparse"),
        ("web", "dense"),
        ("web", "sparse"),
    ]
    for e, effect in enumerate(binding.effects):
        moved = (table[effect.grouping] == effect.label).to_numpy()
        np.testing.assert_array_equal(incidence[:, effect.coordinate, e], moved)
        assert not np.delete(incidence[:, :, e], effect.coordinate, axis=1).any()


def test_spreads_are_sampled_for_what_is_partial_only(sweep):
    binding = Model(CHINCHILLA, pool=CROSSED).bind(sweep)
    names = binding.program.coordinates.names
    sampled = {
        (names[e.coordinate], e.grouping): k for e, k in zip(binding.effects, binding.design.effect_spread, strict=True)
    }
    assert sampled == {
        ("log_E", "corpus"): 0,
        ("log_E", "architecture"): 1,
        ("log_A", "corpus"): 2,
        ("log_alpha", "architecture"): -1,
    }
    assert dict(zip(names, binding.program.sampled, strict=True)) == {
        "log_E": True,
        "log_A": True,
        "log_alpha": False,
        "log_B": True,
        "log_beta": True,
    }


def test_the_spread_of_a_single_group_stays_at_its_prior(sweep):
    web = sweep.isel(run=sweep["corpus"].values == "web")
    alone = Model(CHINCHILLA, pool=EVERYWHERE).bind(web).design
    several = Model(CHINCHILLA, pool=EVERYWHERE).bind(sweep).design
    assert alone.spread_scale.shape == (0,)
    assert (alone.effect_spread == -1).all()
    np.testing.assert_array_equal(alone.effect_scale, several.spread_scale)


def test_levels_pooled_alike_enter_as_total_and_shares(sweep):
    alike = Model(CHINCHILLA, pool=EVERYWHERE).bind(sweep).program.coordinates
    apart = Model(CHINCHILLA, pool={"E": "corpus"}).bind(sweep).program.coordinates
    assert alike.names == ("log_total", "share_E", "share_A", "log_alpha", "log_beta")
    assert apart.names == ("log_E", "log_A", "log_alpha", "log_B", "log_beta")


def test_references_are_geometric_means_where_the_law_lets_one_divide(sweep):
    references = Model(CHINCHILLA).bind(sweep).references
    for name in ("N", "D"):
        assert references[name] == pytest.approx(np.exp(np.log(sweep[name].values).mean()))
    assert choose_references(Law("a - b*log(C)", roles={"a": "level", "b": "coefficient"}), sweep)["C"] == 1.0
    areas = sweep.isel(run=slice(3)).assign_coords(S2=("run", [0.0, 2.0, -8.0]))
    assert choose_references(Law("a - b*S2", covariates=("S2",), roles={"a": "level"}), areas)["S2"] == pytest.approx(
        4.0
    )


@pytest.mark.parametrize("times", [1e-6, 1024.0])
def test_units_of_a_covariate_do_not_reach_the_program(times, sweep):
    other = sweep.assign_coords(N=("run", sweep["N"].values * times, sweep["N"].attrs))
    plain, changed = (Model(CHINCHILLA, pool=EVERYWHERE).bind(each) for each in (sweep, other))
    assert changed.program == plain.program
    assert changed.references["N"] == pytest.approx(times * plain.references["N"], rel=1e-12)
    for name, array in vars(plain.design).items():
        if name != "references":
            jax.tree.map(
                lambda a, b: np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-13),
                array,
                getattr(changed.design, name),
            )


AXES = {
    "auto takes C and D/N": ("auto", ["C", "D/N"]),
    "so does the default": (Discrepancy(), ["C", "D/N"]),
    "none": (None, []),
    "a covariate": (Discrepancy(along="N"), ["N"]),
    "one of the two": (Discrepancy(along="D/N"), ["D/N"]),
}


@pytest.mark.parametrize("case", AXES)
def test_axes_of_the_drift(case, sweep):
    discrepancy, names = AXES[case]
    binding = Model(CHINCHILLA, pool=EVERYWHERE, discrepancy=discrepancy).bind(sweep)
    assert [axis.name for axis in binding.axes] == names
    assert binding.program.drift == (("common", "own") if names else ())
    assert list(binding.design.knot_axis) == [k for k, axis in enumerate(binding.axes) for _ in axis.knots]
    for axis in binding.axes:
        assert axis.reference == pytest.approx(
            np.exp(np.log(sweep["D"] / sweep["N"] if axis.name == "D/N" else sweep[axis.name]).mean())
        )
        assert len(axis.knots) == MAX_KNOTS
        assert axis.median == 0.005


def test_few_scales_have_a_knot_each_and_auto_wants_three(simulate):
    N = np.repeat([1e7, 1e8, 1e9], 2)
    three = Model(law("power_offset", along="N")).bind(simulate(N=N, D=np.full(6, 1e10)).drop_vars("C"))
    assert three.axes[0].knots == pytest.approx([-np.log(10), np.log(10)])
    assert three.axes[0].median == 0.01
    two = simulate(N=N[:4], D=np.full(4, 1e10)).drop_vars("C")
    assert Model(law("power_offset", along="N")).bind(two).axes == ()
    assert len(Model(law("power_offset", along="N"), discrepancy=Discrepancy(along="N")).bind(two).axes) == 1


def test_a_fixed_ratio_leaves_one_axis(simulate):
    N = np.geomspace(1e7, 1e9, 6)
    sizes = simulate(N=np.append(N, N[:2]), D=np.append(20 * N, 40 * N[:2]))
    assert [axis.name for axis in Model(CHINCHILLA).bind(sizes).axes] == ["C"]


NOISES = {
    "by default along C": (StudentT(), "C"),
    "none": (StudentT(along=None), None),
    "normal": (Normal(), None),
    "normal, along a covariate": (Normal(along="N"), "N"),
    "double exponential, by default along C": (Laplace(), "C"),
    "frontier": (Frontier(), None),
}


@pytest.mark.parametrize("case", NOISES)
def test_axis_of_the_noise(case, sweep):
    noise, name = NOISES[case]
    binding = Model(CHINCHILLA, pool=EVERYWHERE, noise=noise).bind(sweep)
    assert binding.program.noise.along == (binding.noise_axis.name if binding.noise_axis else None) == name
    distance, present = binding.design.noise_distance, binding.cells.runs >= 0
    assert distance.shape == binding.cells.runs.shape
    np.testing.assert_array_equal(distance[~present], 0.0)
    logs = np.log(sweep[name].values[binding.cells.runs[present]]) if name else np.zeros(20)
    np.testing.assert_allclose(distance[present], logs - logs.mean(), atol=1e-9)


def with_errors(sweep, **attrs):
    """The sweep with standard errors of .1 % to 2 % of the loss."""
    relative = np.linspace(0.001, 0.02, sweep.sizes["run"])
    return sweep.assign(loss_se=("run", relative * sweep["loss"].values, {"units": "nats/token", **attrs})), relative


MEASURED = {
    "errors of each run": (Normal(), {}, True),
    "switched off": (Normal(measured=False), {}, False),
    "errors that all runs share": (StudentT(), {"shared": 1}, False),
    "demanded all the same": (Laplace(measured=True), {"shared": 1}, True),
}


@pytest.mark.parametrize("case", MEASURED)
def test_measured_errors_count_where_they_are_a_runs_own(case, sweep):
    noise, attrs, counts = MEASURED[case]
    given, relative = with_errors(sweep, **attrs)
    binding = Model(CHINCHILLA, pool=EVERYWHERE, noise=noise).bind(given)
    error, runs = binding.design.measured_error, binding.cells.runs
    assert binding.program.noise.measured is counts
    np.testing.assert_allclose(error[runs >= 0], relative[runs[runs >= 0]] * counts)
    np.testing.assert_array_equal(error[runs < 0], 0.0)
    assert binding.design.typical_error == pytest.approx(np.median(relative) * counts)


@pytest.mark.parametrize("case", SHAPES)
def test_rows_of_one_run_have_one_number(case, sweep):
    network = np.resize(["c", "a", "b"], 20)
    given = sweep.assign_coords(network=("run", network))
    binding = Model(CHINCHILLA, pool=SHAPES[case][0], noise=Normal(within="network")).bind(given)
    runs, label = binding.cells.runs, binding.design.run_label
    assert binding.labels == ["a", "b", "c"]
    np.testing.assert_array_equal(np.array(binding.labels)[label[runs >= 0]], network[runs[runs >= 0]])
    np.testing.assert_array_equal(label[runs < 0], 0)
    np.testing.assert_array_equal(binding.design.label_rows, [7, 6, 7])


def test_noise_at_two_scales_is_one(simulate):
    two = simulate(N=np.repeat([1e7, 1e8], 3), D=np.full(6, 1e10)).drop_vars("C")
    assert Model(law("power_offset", along="N")).bind(two).noise_axis is None


def test_one_cell_has_no_common_part(sweep):
    assert Model(CHINCHILLA).bind(sweep).program.drift == ("own",)
    assert Model(CHINCHILLA, pool={"E": Partial("corpus")}).bind(sweep).program.drift == ("common", "own")
