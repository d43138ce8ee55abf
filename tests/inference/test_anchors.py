"""Published fits come out of public tables again: formulas, counting and fits together.

Expectations are read in the sources' own code and tables, or were fitted to their tables by another program; numbers
from memory are none. Where a published number does not come out, the test holds what does and says why.
"""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import least_squares

import scaling_bayes as sb
from scaling_bayes.sweeps import derived

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


def estimate(law, sweep, method="least_squares"):
    """Best parameters and, as ``rms``, the root mean square of the log residuals."""
    found = sb.baseline(law, sweep, seed=0, bootstrap=2, method=method)["estimate"].to_dataset()
    numbers = {p: found[p].item() for p in law.parameters}
    return numbers, float(np.sqrt(np.mean(residuals(law, numbers, sweep) ** 2)))


def residuals(law, numbers, sweep, *, log=True):
    """Fitted less measured response of every run."""
    fitted = law.evaluate({**numbers, **{c: sweep[c].values for c in law.covariates}})
    measured = sweep[sweep.attrs["response"]].values
    return np.log(fitted / measured) if log else fitted - measured


def estimate_levels(law, sweep, start):
    """Least squares on the response itself, as some sources fit; scale-free steps from `start`."""
    scale = np.array([start[p] for p in law.parameters])

    def errors(theta):
        return residuals(law, dict(zip(law.parameters, theta * scale, strict=True)), sweep, log=False)

    found = least_squares(errors, np.ones(len(scale)), xtol=1e-14, ftol=1e-14, gtol=1e-14, max_nfev=10_000)
    return dict(zip(law.parameters, found.x * scale, strict=True)), float(np.sqrt(np.mean(found.fun**2)))


def one_curve(C, error):
    """A sweep of error rates along compute, as picked from a table: they need not fall from run to run."""
    units = {"C": "FLOP", "error": "fraction"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sb.SweepWarning)
        return sb.as_sweep({"C": C, "error": error}, response="error", covariates=["C"], units=units)


def first_is_fast(cases, table):
    """Test parameters of which all but the first are slow."""
    marks = [pytest.mark.needs_table(table)]
    return [pytest.param(case, marks=marks if i == 0 else [*marks, pytest.mark.slow]) for i, case in enumerate(cases)]


def pick(sweep, chosen):
    """Runs for which an array is true."""
    return sweep.isel(run=np.flatnonzero(chosen))


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


@pytest.mark.needs_table("chinchilla")
def test_the_refit_leaves_residuals_of_the_reported_size():
    """Spread and median size of the log residuals; what size and data contribute at 1e9 parameters, 2e10 tokens."""
    law, sweep = sb.law("chinchilla"), sb.load_sweep("chinchilla", subset="published_fit")
    numbers = law.reported["Besiroglu et al. 2024, fitted again, 240 points"]
    left = residuals(law, numbers, sweep)
    assert left.std() == pytest.approx(0.00752, abs=6e-6)
    assert np.median(np.abs(left)) == pytest.approx(0.00324, abs=3e-5)  # by constants that are rounded
    assert numbers["A"] * 1e9 ** -numbers["alpha"] == pytest.approx(0.3577, abs=5e-5)
    assert numbers["B"] * 2e10 ** -numbers["beta"] == pytest.approx(0.3539, abs=5e-5)


@pytest.mark.needs_table("parscale")
@pytest.mark.parametrize(
    ("corpus", "label", "explained"), [("stack", "Stack-V2-Python", 0.99783), ("pile", "Pile", 0.99868)]
)
def test_streams_explain_what_they_are_said_to(corpus, label, explained):
    law, whole = sb.law("parscale"), sb.load_sweep("parscale")
    sweep = pick(whole, whole["corpus"] == corpus)
    left = residuals(law, law.reported[f"Chen et al. 2025, {label}, fitted again"], sweep, log=False)
    assert 1 - np.mean(left**2) / sweep["loss"].values.var() == pytest.approx(explained, abs=2e-5)


# corpus -> (floor of its own fit, K, kappa) for its loss from that on fineweb-edu at equal size and tokens
PAIRED = {
    "smollm-corpus": (1.5515, 1.092, 0.986),
    "slimpajama-chunk1": (2.0068, 1.050, 0.973),
    "fineweb-100b": (2.1472, 1.077, 0.937),
    "proof-pile-2": (1.3300, 0.618, 1.047),
    "starcoder": (0.8626, 0.641, 1.101),
}


@pytest.mark.needs_table("loss-to-loss")
@pytest.mark.filterwarnings(
    "ignore:.*get worse with scale:scaling_bayes.symbols.words.SweepWarning"
)  # L rises with loss
@pytest.mark.parametrize("corpus", PAIRED)
def test_loss_to_loss(corpus, with_numbers):
    """Networks of one size and one number of tokens on two corpora, floors given, least squares on the loss."""
    E_1, K, kappa = PAIRED[corpus]
    table = sb.load_sweep("loss-to-loss").to_dataframe()[["N", "D", "corpus", "loss"]]
    first, other = (table[table["corpus"] == c] for c in ("fineweb-edu-100b", corpus))
    pairs = first.merge(other, on=["N", "D"], suffixes=("_0", "_1"))
    assert len(pairs) >= 80
    law = with_numbers(sb.law("loss_to_loss"), {"E_0": 2.0022, "E_1": E_1})
    sweep = sb.as_sweep(
        {"L": pairs["loss_0"], "loss": pairs["loss_1"]},
        response="loss",
        covariates=["L"],
        units={"L": "1", "loss": "nats/token"},
    )
    found, _ = estimate_levels(law, sweep, {"K": 1.0, "kappa": 1.0})
    assert (found["K"], found["kappa"]) == pytest.approx((K, kappa), abs=6e-4)


# router -> (runs, a, b, c, d, E_start, E_max, root mean square)
ROUTERS = {
    "S-Base": (58, -0.0830, -0.1180, 0.00992, 1.1136, 2.07, 239, 0.00743),
    "RL-R": (59, -0.0827, -0.1234, 0.01123, 1.1070, 1.72, 470, 0.00744),
    "Hash": (56, -0.0874, -0.1384, 0.01264, 1.1595, 4.27, 427, 0.00687),
}


@pytest.mark.parametrize("router", first_is_fast(ROUTERS, "routing"))
def test_routing(router):
    """Each router with the dense networks as its runs with one expert."""
    whole, (runs, a, b, c, d, start, most, rms) = sb.load_sweep("routing"), ROUTERS[router]
    sweep = pick(whole, np.isin(whole["router"], [router, "Dense"]))
    assert sweep.sizes["run"] == runs
    found, spread = estimate(sb.law("moe_routed"), sweep)
    assert (found["alpha"], found["c"], np.log10(found["A"])) == pytest.approx((-a, c, d), rel=1e-3)
    assert -found["c"] * np.log10(found["N_c"]) == pytest.approx(b, rel=1e-3)
    assert 1 / (1 / found["E_0"] + 1 / found["E_max"]) == pytest.approx(start, rel=3e-3)
    assert found["E_max"] == pytest.approx(most, rel=3e-3)
    assert spread == pytest.approx(rms, abs=5e-6)


# The last column of the source, 1,638,400 examples, which the table that the card reads lacks.
LAST_LOSS = {"MBZUAI/LaMini-GPT-124M": 0.957501233, "facebook/bart-base": 0.859404445}
# network -> (B, D_l, beta, E, root mean square of all 14 points, of the authors' committed fit)
RECTIFIED = {
    "MBZUAI/LaMini-GPT-124M": (4262.6, 1844.8, 0.7066, 0.8064, 0.010790, 0.010791),
    "facebook/bart-base": (2284.7, 824.9, 0.6734, 0.7222, 0.020140, 0.020143),
}


@pytest.mark.parametrize("network", first_is_fast(RECTIFIED, "rectified"))
def test_rectified(network):
    """The published fits take 14 points a network; the 13 of the table alone give other numbers (.0099, .0208)."""
    *numbers, rms, published = RECTIFIED[network]
    whole, law = sb.load_sweep("rectified"), sb.law("rectified")
    curve = pick(whole, whole["curve"] == f"wmt19, {network}").to_dataframe()[["D", "loss"]]
    table = pd.concat([curve, pd.DataFrame({"D": [1638400.0], "loss": [LAST_LOSS[network]]})])
    units = {"D": "examples", "loss": "nats/token"}
    found, spread = estimate(law, sb.as_sweep(table, response="loss", covariates=["D"], units=units))
    assert [found[p] for p in ("B", "D_l", "beta", "E")] == pytest.approx(numbers, rel=1e-3)
    assert spread == pytest.approx(rms, abs=1e-6)
    assert spread <= published


# task -> mean root mean square over its 30 networks, of 13 columns; published, of 14: .00648, .00515, .01228
RECTIFIED_TASKS = {"flan": 0.006195, "gigaword": 0.004907, "wmt19": 0.011275}


@pytest.mark.slow
@pytest.mark.needs_table("rectified")
def test_rectified_over_all_networks():
    """The published mean .00797 takes in the column that the table lacks, and is not had; without it .00746."""
    law, whole = sb.law("rectified"), sb.load_sweep("rectified")
    fits = sb.baseline(law, whole, seed=0, bootstrap=2, by="curve", method="least_squares")["estimate"].to_dataset()
    found: dict[str, list[float]] = {task: [] for task in RECTIFIED_TASKS}
    for curve in np.unique(whole["curve"]):
        numbers = {p: fits[p].sel(curve=curve).item() for p in law.parameters}
        left = residuals(law, numbers, pick(whole, whole["curve"] == curve))
        found[curve.split(",")[0]].append(float(np.sqrt(np.mean(left**2))))
    assert {task: np.mean(spreads) for task, spreads in found.items()} == pytest.approx(RECTIFIED_TASKS, rel=2e-3)
    assert np.mean([*found.values()]) == pytest.approx(0.00746, abs=1e-5)


# subset -> slope of the error along compute, of the networks on LAION and of the three on CLIP-WIT
SLOPES = {
    "imagenet": (-0.1114, -0.1638),
    "coco": (-0.0794, -0.0508),
    "robustness": (-0.1255, -0.2378),
    "flickr": (-0.1892, -0.1028),
    "vtab_plus": (-0.0436, -0.0908),
}


def lowest_in_bins(C, error, bins=5, beyond=0.1):
    """Centres of equal bins of log10 compute and the lowest error in each, as the authors' notebook bins them."""
    x = np.log10(C / 2e9)  # they bin giga multiply-accumulates, a tenth beyond the largest
    edges = np.linspace(x.min(), x.max() + beyond, bins + 1)
    lowest = pd.Series(error).groupby(np.digitize(x, edges) - 1).min()
    return 2e9 * 10 ** ((edges[:-1] + edges[1:]) / 2)[lowest.index], lowest.to_numpy()


@pytest.mark.parametrize("subset", first_is_fast(SLOPES, "openclip"))
def test_openclip(subset):
    """LAION: the lowest error in each of five bins, as published; CLIP-WIT: its three points as they are."""
    whole = sb.load_sweep("openclip", subset=subset)
    C, error = whole["C"].values, 1 - whole["accuracy"].values
    three = whole["corpus"].values == "CLIP-WIT"
    sources = lowest_in_bins(C[~three], error[~three]), (C[three], error[three])
    for slope, (x, y) in zip(SLOPES[subset], sources, strict=True):
        assert estimate(sb.law("power"), one_curve(x, y))[0]["alpha"] == pytest.approx(-slope, abs=5e-5)


def schedule(name, steps):
    """Learning rates of a curve of the multi-power law, step by step; all peak at 3e-4 after 2,160 steps."""
    peak, warmup = 3e-4, 2160
    kind, *lengths = name.split("_")
    match kind:
        case "constant":
            return derived.constant(peak, steps, warmup=warmup)
        case "cosine":
            return derived.cosine(peak, int(lengths[0]), warmup=warmup, final=0.1 * peak)
        case "wsdcon":
            return derived.multi_step(peak, steps, drops={7999: int(lengths[0]) / 30}, warmup=warmup)
    shape = {"wsd": "exponential", "wsdld": "linear"}[kind]
    stable, end = map(int, lengths)
    return derived.wsd(peak, end, decay=end - stable, warmup=warmup, final=0.1 * peak, shape=shape)


# size -> (mean absolute error, R2, mean relative error) over the six predicted curves, published; and (C, beta, gamma)
CURVES = {
    "25M": ((0.00376, 0.9988, 0.00110), (2.066, 0.583, 0.641)),
    "100M": ((0.00435, 0.9983, 0.00142), (2.132, 0.598, 0.655)),
}


@pytest.mark.parametrize("size", first_is_fast(CURVES, "multipowerlaw"))
def test_multi_power(size):
    """Curves that the published fit did not see, from the published numbers.

    The authors' code sums the drops from the first step of warm-up, whose rise is a negative drop: without it the
    curves come out too low by B times the peak rate, .109 and .131. The rounding of L_0 to three decimals alone moves
    the mean absolute error by .0003, so that it is not had to all digits. Every eighth point is looked at.
    """
    published, (C, beta, gamma) = CURVES[size]
    law, found = sb.law("multi_power"), []
    numbers = law.reported[f"Luo et al. 2025, {size}"]
    whole = sb.load_sweep("multipowerlaw", subset="predicted")
    for name in np.unique(whole["schedule"]):
        curve = pick(whole, (whole["schedule"] == name) & (whole["size"] == size)).isel(run=slice(None, None, 8))
        steps = curve["S"].values.astype(int)
        rates = schedule(name, steps.max())
        np.testing.assert_allclose(rates.sel(step=steps), curve["lr"], rtol=1e-12)
        drops = [
            derived.multi_power_drop(rates, B=1.0, C=C, beta=beta, gamma=gamma, warmup=warmup, at=steps)
            for warmup in (0, 2160)
        ]
        S1 = derived.annealing_areas(rates)["S1"].sel(step=steps).values
        with_rise, without = (law.evaluate({**numbers, "S1": S1, "drop": drop.values}) for drop in drops)
        loss = curve["loss"].values
        off = np.abs(with_rise - loss)
        found.append((off.mean(), 1 - (off**2).sum() / ((loss - loss.mean()) ** 2).sum(), (off / loss).mean()))
        assert np.mean(without - with_rise) == pytest.approx(-numbers["B"] * 3e-4, rel=0.05)
        assert np.abs(np.mean(with_rise - loss)) < 0.01
    assert np.mean(found, axis=0) == pytest.approx(published, abs=5e-4)


@pytest.mark.needs_table("datablations")
def test_data_constrained(with_numbers):
    """Five constants fixed, two fitted by Huber's loss to 182 runs, of which many have over-fitted.

    The published pair (15.39, 5.31) explains what it is said to explain, and is within a fifth of a percent of the
    best objective; the best pair is far away (95.4, 1.71), so the two numbers themselves are not had again.
    """
    law, sweep = sb.law("data_constrained_size"), sb.load_sweep("datablations", subset="published_fit")
    numbers = law.reported["Muennighoff et al. 2023"]
    assert numbers["G"] == pytest.approx(0.2258**2, rel=1e-3)
    left = residuals(law, numbers, sweep, log=False)
    loss = sweep["loss"].values
    assert 1 - (left**2).sum() / ((loss - loss.mean()) ** 2).sum() == pytest.approx(0.772, abs=5e-4)
    two = with_numbers(law, {p: number for p, number in numbers.items() if p not in ("R_N", "R_D")})
    fitted = sb.baseline(two, sweep, seed=0, bootstrap=2)["estimate"].to_dataset()
    size = np.abs(residuals(law, numbers, sweep))
    published = np.where(size < 1e-3, size**2 / 2, 1e-3 * (size - 5e-4)).sum()
    assert fitted["objective"].item() == pytest.approx(0.0158047, abs=1e-7)
    assert published == pytest.approx(fitted["objective"].item(), rel=2e-3)
    assert (fitted["R_D"].item(), fitted["R_N"].item()) == pytest.approx((95.4, 1.706), rel=5e-3)


def lowest_falling(C, error):
    """The lowest error in bins of an octave and a bit, each below the last, as the authors' code picks runs."""
    edges = np.geomspace(C.min(), C.max(), int(np.log2(C.max() / 1500)))
    bins = pd.Series(np.minimum(np.digitize(C, edges), len(edges)))  # the largest run has a bin of its own
    best = pd.Series(error).groupby(bins).idxmin().to_numpy()
    falls = np.r_[True, error[best][1:] < np.minimum.accumulate(error[best])[:-1]]
    return best[falls]


# architecture -> (label of the committed numbers, runs picked, root mean square of their errors)
FRONTIERS = {
    "clip": ("CLIP, ImageNet-1k, DataComp", 24, 0.0127),
    "mammut": ("MaMMUT, ImageNet-1k, DataComp", 26, 0.0075),
}


@pytest.mark.parametrize("architecture", first_is_fast(FRONTIERS, "laion-runs"))
def test_laion_frontier(architecture):
    """The lowest errors lie on the committed curves, and fitted again they give the exponent and the floor nearly.

    Not to all digits: one run on the edge of a bin moves the floor by .0016, and which runs the authors' table held
    when they fitted is not said. A re-fit elsewhere, of the best runs only, does not name its bins.
    """
    label, count, rms = FRONTIERS[architecture]
    whole, law = sb.load_sweep("laion-runs"), sb.law("shifted_power")
    here = pick(whole, whole["architecture"] == architecture)
    chosen = lowest_falling(here["C"].values / 1e9, 1 - here["accuracy"].values)
    sweep = one_curve(here["C"].values[chosen], 1 - here["accuracy"].values[chosen])
    assert sweep.sizes["run"] == count
    committed = law.reported[f"Nezhurina et al. 2025, {label}"]
    assert np.sqrt(np.mean(residuals(law, committed, sweep, log=False) ** 2)) == pytest.approx(rms, abs=5e-5)
    found, spread = estimate_levels(law, sweep, estimate(law, sweep)[0])
    assert spread < rms + 5e-5
    assert found["alpha"] == pytest.approx(committed["alpha"], abs=0.003)
    assert found["E"] == pytest.approx(committed["E"], abs=0.004)
