"""Reported numbers give reported values, and laws that are written otherwise are what their authors write."""

import numpy as np
import pytest

from scaling_bayes.laws import law

LING, REPETITION, GADRE = "Tian et al. 2025", "Muennighoff et al. 2023", "Gadre et al. 2024"

VALUES = {
    "kaplan, size": ("power", "N", "Kaplan et al. 2020", {"N": 1.5e9}, 2.3036, 5e-5),
    "kaplan, data": ("power", "D", "Kaplan et al. 2020", {"D": 2.2e10}, 2.0992, 5e-5),
    "kaplan, both": ("kaplan_joint", "", "Kaplan et al. 2020", {"N": 1.5e9, "D": 2.2e10}, 2.3125, 5e-5),
    "bnsl at 160": ("bnsl", "D", "Caballero et al. 2022, four-digit addition", {"D": 160}, 2.13582, 1e-5),
    "bnsl at 608": ("bnsl", "D", "Caballero et al. 2022, four-digit addition", {"D": 608}, 1.70844, 1e-5),
    "bnsl at 928": ("bnsl", "D", "Caballero et al. 2022, four-digit addition", {"D": 928}, 0.56260, 5e-6),
    "repetition, 6.34B": (
        "data_constrained_size", "", REPETITION,
        {"N": 6.34e9, "U": 25e9, "epochs": 242 / 25}, 2.2256440889984477, 1e-12,
    ),
    "repetition, 8.67B": (
        "data_constrained_size", "", REPETITION,
        {"N": 8.67e9, "U": 25e9, "epochs": 178 / 25}, 2.2269634075087867, 1e-12,
    ),
    "farseer, 1B": ("farseer", "", "Li et al. 2025", {"N": 1e9, "D": 2e10}, 0.52722, 5e-6),
    "farseer, 3B": ("farseer", "", "Li et al. 2025", {"N": 3e9, "D": 1e11}, 0.46469, 5e-6),
    "farseer, 6.4B": ("farseer", "", "Li et al. 2025", {"N": 6.4e9, "D": 1.6e11}, 0.43761, 5e-6),
    "farseer, 25.1B": ("farseer", "", "Li et al. 2025", {"N": 25.1e9, "D": 1.26e12}, 0.37613, 5e-6),
    "leverage at 1e22": ("moe_leverage", "", LING, {"activation": 0.031, "granularity": 12, "C": 1e22}, 7.2, 0.05),
    "leverage at 1e20": ("moe_leverage", "", LING, {"activation": 0.031, "granularity": 12, "C": 1e20}, 4.5, 0.06),
    "over-training, 6.9B": ("gadre_overtrain", "", f"{GADRE}, RedPajama", {"M": 20, "C": 120 * 6.9e9**2}, 2.4427, 5e-4),
    "its downstream error": ("err_of_loss", "", f"{GADRE}, RedPajama", {"L": 2.4427}, 0.4719, 1e-4),
    "optimum at 1e21": (
        "chinchilla", "", "Hoffmann et al. 2022", {"N": 1.824e9, "D": 1e21 / 6 / 1.824e9}, 2.3289, 5e-5,
    ),
    "optimum, TeX source": (
        "chinchilla", "", "Hoffmann et al. 2022, TeX source", {"N": 2.215e9, "D": 1e21 / 6 / 2.215e9}, 2.2954, 5e-5,
    ),
    "optimum, replication": (
        "chinchilla", "", "Besiroglu et al. 2024", {"N": 2.778e9, "D": 1e21 / 6 / 2.778e9}, 2.3055286, 5e-7,
    ),
    "optimum, 240 points": (
        "chinchilla", "", "Besiroglu et al. 2024, fitted again, 240 points",
        {"N": 2.792e9, "D": 1e21 / 6 / 2.792e9}, 2.3045, 5e-5,
    ),
    "optimum, 245 points": (
        "chinchilla", "", "Besiroglu et al. 2024, fitted again, 245 points",
        {"N": 3.279e9, "D": 1e21 / 6 / 3.279e9}, 2.3077, 5e-5,
    ),
    "diloco, 10B": ("power", "N", "Charles et al. 2025, data parallel", {"N": 10e9}, 2.0201, 1e-3),
    "diloco, 4B": ("power", "N", "Charles et al. 2025, data parallel", {"N": 4e9}, 2.2044, 1e-3),
}  # fmt: skip


@pytest.mark.parametrize(("name", "along", "label", "x", "value", "within"), VALUES.values(), ids=VALUES)
def test_reported_numbers_give_reported_values(name, along, label, x, value, within):
    found = law(name, along=along or None)
    assert found.reported[label].trust != "memory"
    assert found.evaluate({**found.reported[label], **x}) == pytest.approx(value, abs=within)


def clark(numbers, N, experts):
    """The routed law as its authors write it, with logarithms to base 10."""
    a, b, c, d, start, most = numbers
    inside = experts - 1 + 1 / (1 / start - 1 / most)
    saturated = np.log10(1 / (1 / inside + 1 / most))
    return 10 ** (a * np.log10(N) + b * saturated + c * np.log10(N) * saturated + d)


def repeated(numbers, N, U, D):
    """The data-constrained law as its authors compute it."""
    log_A, log_B, log_E, alpha, beta, R_D, R_N = numbers
    A, B = np.exp(log_A), np.exp(log_B)
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    base = np.minimum(N, G * (G * U) ** (beta / alpha))
    size = base * (1 + R_N * (1 - np.exp(-(N / base - 1) / R_N)))
    data = U * (1 + R_D * (1 - np.exp(-np.maximum(D / U - 1, 0) / R_D)))
    return np.exp(log_E) + A / size**alpha + B / data**beta


def multi_power(numbers, rates, steps):
    """The multi-power law over a whole schedule, as a sum over its decays."""
    L_0, A, alpha, B, K, beta, gamma = numbers
    path = np.repeat(rates, steps)
    falls = -np.diff(path)
    after = np.cumsum(path[::-1])[::-1][1:]
    drop = falls * (1 - (1 + K * path[1:] ** -gamma * after) ** -beta)
    return L_0 + A * path.sum() ** -alpha - B * drop.sum()


N_GRID, OTHER_GRID = np.logspace(7, 11, 9), np.logspace(0, 2.5, 9)
S_BASE = (-0.0830, -0.1180, 0.00992, 1.1136, 2.07, 239)
REPEATED = (6.255414, 7.3049974, 0.6254804, 0.3526596, 0.3526596, 15.387756, 5.309743)
LUO_25M = (3.040, 0.525, 0.508, 363.8, 2.066, 0.583, 0.641)
TWO_STAGE = {"S1": 3e-4 * 9000 + 1e-4 * 3000, "step": 2e-4, "lr_1": 1e-4, "S_step": 1e-4 * 3000}

PAPERS_FORMS = {
    "routed": ("moe_routed", "", "Clark et al. 2022, S-BASE, fitted again", {"N": N_GRID, "experts": OTHER_GRID},
               clark(S_BASE, N_GRID, OTHER_GRID)),
    "repeated": ("data_constrained_size", "", REPETITION, {"N": N_GRID, "U": 1e9, "epochs": OTHER_GRID},
                 repeated(REPEATED, N_GRID, 1e9, 1e9 * OTHER_GRID)),
    "streams": ("parscale", "", "Chen et al. 2025, Pile, fitted again", {"N": N_GRID, "P": OTHER_GRID},
                1.28885 + (0.1973 * 1e9 / (N_GRID * (1 + 0.3344 * np.log(OTHER_GRID)))) ** 0.1964),
    "two-stage schedule": ("multi_power_step", "", "Luo et al. 2025, 25M", TWO_STAGE,
                           multi_power(LUO_25M, [3e-4, 1e-4], [9000, 3000])),
    "rectified": ("rectified", "", "Lin et al. 2024, bart-base, WMT19", {"D": N_GRID},
                  2284.7 / (824.9 + N_GRID**0.6734) + 0.7222),
    "broken": ("bnsl", "D", "Caballero et al. 2022, four-digit addition", {"D": OTHER_GRID},
               0.413885 + 2.277272 * OTHER_GRID**-0.055077
               * (1 + (OTHER_GRID / 612.584) ** (1 / 0.059193)) ** (-5.662904 * 0.059193)),
    "shifted": ("shifted_power", "", "Nezhurina et al. 2025, CLIP, ImageNet-1k, DataComp", {"C": 1e9 * N_GRID},
                57.862 * (N_GRID + np.exp(18.391)) ** -0.2266 + 0.1112),
    "quantised": ("qat_fraction", "", "Dremov et al. 2025", {"S_total": N_GRID},
                  np.exp(np.log(N_GRID) - 6.7297 / np.log(N_GRID)) / N_GRID),
}  # fmt: skip


@pytest.mark.parametrize(("name", "along", "label", "x", "values"), PAPERS_FORMS.values(), ids=PAPERS_FORMS)
def test_is_what_the_authors_write(name, along, label, x, values):
    found = law(name, along=along or None)
    np.testing.assert_allclose(found.evaluate({**found.reported[label], **x}), values, rtol=1e-10)


@pytest.mark.parametrize(("along", "of", "points"), [("D", "data", 0.032), ("N", "size", 0.134)])
def test_ten_times_the_scale_takes_the_reported_points_off_attacks(along, of, points):
    found = law("log_linear", along=along)
    numbers = found.reported[f"Howe et al. 2024, attack success against {of}"]
    scale = np.array([1e8, 1e9])
    rate = found.evaluate({**numbers, "C_0": 1e20, along: scale})
    assert np.diff(rate) == pytest.approx(-points, rel=1e-6)


def test_the_published_curves_of_clip_and_mammut_cross_where_the_source_says():
    """Between 1e10 and 1e11 GFLOP; far below, where neither was trained, the committed curves cross once more."""
    found, C = law("shifted_power"), np.geomspace(1e17, 1e24, 7001)
    clip, mammut = (
        found.evaluate({**found.reported[f"Nezhurina et al. 2025, {name}, ImageNet-1k, DataComp"], "C": C})
        for name in ("CLIP", "MaMMUT")
    )
    crossing = np.flatnonzero(np.diff(mammut < clip))
    assert len(crossing) == 1
    assert 1e19 < C[crossing[0]] < 1e20
    assert C[crossing[0]] == pytest.approx(6.49e19, rel=0.01)
    assert mammut[-1] < clip[-1]


CROSSINGS = {1: 9.2e6, 2: 2.53e9, 4: 4.02e9, 8: 9.65e9}


@pytest.mark.parametrize("replicas", CROSSINGS)
def test_local_training_meets_data_parallel_training_where_the_reported_lines_cross(replicas):
    found = law("power", along="N")
    parallel, local = (found.reported[f"Charles et al. 2025, {of}"] for of in ("data parallel", f"M = {replicas}"))
    crossing = (local["A"] / parallel["A"]) ** (1 / (local["alpha"] - parallel["alpha"]))
    assert crossing == pytest.approx(CROSSINGS[replicas], rel=5e-3)
    before, after = (
        found.evaluate({**local, "N": factor * crossing}) - found.evaluate({**parallel, "N": factor * crossing})
        for factor in (0.5, 2)
    )
    assert before > 0 > after


def test_routing_stops_helping_at_the_crossover():
    found = law("moe_routed")
    numbers = found.reported["Clark et al. 2022, S-BASE, fitted again"]
    assert numbers["N_c"] == pytest.approx(10 ** (0.1180 / 0.00992))
    dense, routed = (
        found.evaluate({**numbers, "N": numbers["N_c"] * np.array([0.1, 1, 10]), "experts": e}) for e in (1, 64)
    )
    np.testing.assert_allclose(np.sign(np.log(routed / dense).round(9)), [-1, 0, 1])


FLOATS = {"N": 2e9, "E": 1.9, "A": 60.0, "B": 5e4, "K": 1e-4, "alpha": 0.25, "beta": 0.5, "delta": 3.0, "nu": 2.5}
FLOATS |= {"block": 64.0, "exponent_bits": 3.0, "mantissa_bits": 1.0}
CRITICAL_DATA = (5e4 * 2e9**0.25 * 3.5**3.0 * 1.5**2.5 / (1e-4 * 6)) ** (1 / (2 * 0.5))
TURNS = {
    "best of n": ("overopt_bon", "d", {"alpha": 1.3, "beta": 0.2}, 1.3 / (2 * 0.2)),
    "reinforcement": ("overopt_rl", "d", {"alpha": 1.3, "beta": 0.4}, np.exp(1.3 / 0.4 - 1)),
    "few bits": ("fp_quant", "D", FLOATS, CRITICAL_DATA),
    "isoFLOP": ("isoflop", "N", {"E": 1, "A": 2, "gamma": 0.1, "k": 0.1, "G": 0.3, "a": 0.5, "C": 1e20}, 0.3e10),
    "bowl in size": ("u_shape", "N", {"E": 0.2, "k": 0.1, "N_v": 3e8}, 3e8),
    "over-training": ("gadre_overtrain", "M", {"E": 1, "a": 20.0, "b": 300.0, "eta": 0.2, "C": 1e20}, 15 ** (1 / 0.4)),
}


@pytest.mark.parametrize(("name", "along", "numbers", "turn"), TURNS.values(), ids=TURNS)
def test_a_curve_turns_where_its_formula_says(name, along, numbers, turn):
    found = law(name)
    left, middle, right = found.evaluate({**numbers, along: turn * np.array([0.99, 1.0, 1.01])})
    assert (left - middle) * (right - middle) > 0
    assert (right - left) / (right + left - 2 * middle) == pytest.approx(0, abs=0.05)


def test_another_sample_adds_what_the_saturating_law_says():
    F_max, p, k = 0.8, 0.05, np.arange(1.0, 60.0)
    gains = np.diff(law("ttspm").evaluate({"F_max": F_max, "p": p, "k": k}))
    np.testing.assert_allclose(gains, F_max * p * (1 - p) ** k[:-1], rtol=1e-10)


def test_leverage_is_best_at_the_reported_granularity():
    found = law("moe_leverage")
    granularity = np.linspace(2, 40, 3801)
    value = found.evaluate({**found.reported[LING], "activation": 0.031, "C": 1e22, "granularity": granularity})
    assert granularity[value.argmax()] == pytest.approx(11.3, abs=0.05)


def test_a_verifier_that_errs_and_one_that_does_not():
    k = np.array([1.0, 10.0, 1e6])
    a, b = 0.4, 2.5
    passed = law("resample_perfect").evaluate({"a": a, "b": b, "k": k})
    assert passed[0] == pytest.approx(a / (a + b))
    beta = np.random.default_rng(0).beta(a, b, 400_000)
    assert passed[1] == pytest.approx(np.mean(1 - (1 - beta) ** 10), abs=2e-3)
    slope = np.diff(np.log(1 - law("resample_perfect").evaluate({"a": a, "b": b, "k": np.array([1e5, 1e6])})))
    assert slope / np.log(10) == pytest.approx(-a, abs=1e-4)
    assert law("resample_imperfect").evaluate({"f": 0.1, "p": 0.2}) == pytest.approx(0.2 / 0.28)
