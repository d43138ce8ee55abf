"""Published fits come out of public tables again: formulas, counting and the Huber baseline together."""

import pytest

import scaling_bayes as sb

# table, subset, law, group -> {label: numbers of the source or of a re-fit of its table}
CHINCHILLA = ("E", "A", "B", "alpha", "beta")
PARSCALE = ("E", "A", "alpha", "k")
ANCHORS = {
    "chinchilla, 240 points": (
        *("chinchilla", "published_fit", "chinchilla", CHINCHILLA, ""),
        {"": (1.81720, 477.67, 2143.03, 0.34729, 0.36716)},
    ),
    "chinchilla, all points": (
        *("chinchilla", None, "chinchilla", CHINCHILLA, ""),
        {"": (1.89125, 495.33, 12835.3, 0.34927, 0.45301)},
    ),
    "loss-to-loss": (
        *("loss-to-loss", None, "chinchilla", CHINCHILLA, "corpus"),
        {
            "smollm-corpus": (1.5515, 2439.8, 6916.0, 0.4477, 0.4436),
            "slimpajama-chunk1": (2.0068, 2048.4, 6018.8, 0.4409, 0.4385),
            "fineweb-100b": (2.1472, 1636.6, 4198.6, 0.4267, 0.4212),
            "fineweb-edu-100b": (2.0022, 2517.5, 7160.6, 0.4540, 0.4495),
            "proof-pile-2": (1.3300, 3770.8, 3588.1, 0.5071, 0.4349),
            "starcoder": (0.8626, 7753.6, 4189.6, 0.5468, 0.4387),
        },
    ),
    "parscale": (
        *("parscale", None, "parscale", PARSCALE, "corpus"),
        {"stack": (0.6910, 0.01131e9, 0.1893, 0.3935), "pile": (1.28885, 0.1973e9, 0.1964, 0.3344)},
    ),
}


@pytest.mark.parametrize(
    "case", [pytest.param(name, marks=pytest.mark.needs_table(anchor[0])) for name, anchor in ANCHORS.items()]
)
def test_a_published_fit_comes_out_of_its_table(case):
    table, subset, law, parameters, by, expected = ANCHORS[case]
    sweep = sb.load_sweep(table, subset=subset) if subset else sb.load_sweep(table)
    found = sb.baseline(sb.law(law), sweep, seed=0, bootstrap=2, by=by or ())["estimate"].to_dataset()
    for label, numbers in expected.items():
        here = found.sel({by: label}) if by else found
        for name, number in zip(parameters, numbers, strict=True):
            assert here[name].item() == pytest.approx(number, rel=2e-3), (label, name)


@pytest.mark.needs_table("chinchilla")
def test_the_objective_is_that_of_the_authors_notebook():
    sweep = sb.load_sweep("chinchilla", subset="published_fit")
    found = sb.baseline(sb.law("chinchilla"), sweep, seed=0, bootstrap=2)["estimate"]["objective"]
    assert found.item() == pytest.approx(0.00101827406, rel=1e-6)
