"""Every kind of figure from public tables; what each shows is its function's first line."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from scaling_bayes import figures
from scaling_bayes.gallery.fits import (
    RESAMPLES,
    SEED,
    fit_bytelm,
    fit_chinchilla,
    fit_corpora,
    path,
    pick_labels,
    score_folds,
    split_bytelm,
)
from scaling_bayes.inference.baseline import baseline
from scaling_bayes.laws import Law, law
from scaling_bayes.model import Model
from scaling_bayes.model.prior_draws import draw_prior
from scaling_bayes.questions.allocation import allocate, trace_isoflops
from scaling_bayes.questions.checking import check
from scaling_bayes.questions.comparison import compare
from scaling_bayes.questions.crossing import crossover
from scaling_bayes.questions.multiplier import multiplier
from scaling_bayes.questions.multiverse import multiverse
from scaling_bayes.questions.parameters import parameters
from scaling_bayes.questions.planning import plan
from scaling_bayes.questions.prediction import predict
from scaling_bayes.questions.scoring import score
from scaling_bayes.questions.tuning import tune
from scaling_bayes.sweeps import hold_out, load_sweep

OTHER_LOSS = "eval/c4_val/CrossEntropyLoss"
BOWL = "(E + A*N**-alpha + B*D**-beta)*exp(k*log(lr/(c*N**p))**2/2)"
ROLES = {"E": "floor", "A": "level", "B": "level", "k": "sharpness", "c": "break", "p": "coefficient"}
"""The bowl of the catalogue, its best rate along size alone: no other data were tried at one size."""

CORPORA = ("C4", "DCLM-Baseline", "Dolma1.6++", "Dolma1.7", "Falcon", "Falcon+CC", "FineWeb-Edu", "FineWeb-Pro")
"""Those of DataDecide that are no variant of another one."""

Build = Callable[[], Figure]


def draw_extrapolation() -> Figure:
    """Targets with 16 times the compute of any fitted run: each cell alone, Huber + bootstrap (bytelm)."""
    fit_part, held_out = split_bytelm()
    return figures.plot_extrapolation(score(fit_bytelm(), held_out), fit_part, by="corpus", mark="architecture")


def draw_sweep() -> Figure:
    """Measured runs and what was held out (bytelm)."""
    fit_part, held_out = split_bytelm()
    return figures.plot_sweep(fit_part, hue="architecture", held_out=held_out)


def draw_comparison() -> Figure:
    """Two architectures against each other on four corpora (bytelm, Huber + bootstrap)."""
    C = np.geomspace(1e10, 1e14, 9)
    return figures.plot_comparison(compare(fit_bytelm(), "architecture", at=path(*C)), baseline="transformer")


def draw_ranking() -> Figure:
    """Eight corpora at a common evaluation, four times beyond the fitted runs (DataDecide, Huber + bootstrap)."""
    sweep = load_sweep("datadecide")
    fit_part, held_out = hold_out(pick_labels(sweep, "corpus", CORPORA), along="C", top=1)
    fitted = baseline(law("power_offset", along="C"), fit_part, seed=SEED, bootstrap=RESAMPLES, by="corpus")
    return figures.plot_ranking(compare(fitted, "corpus", at={"C": float(held_out["C"].median())}))


def draw_crossover() -> Figure:
    """Where the two architectures change places (bytelm, Huber + bootstrap)."""
    answer = crossover(
        fit_bytelm(),
        "architecture",
        between=("transformer", "recurrence"),
        along="C",
        within=(1e10, 1e15),
        at=path(1e13),
    )
    return figures.plot_crossover(answer)


def draw_multiplier() -> Figure:
    """Data that the transformer needs to equal the recurrence (bytelm, Huber + bootstrap)."""
    answer = multiplier(
        fit_bytelm(), "architecture", baseline="transformer", at=path(*np.geomspace(1e11, 1e13, 5)), along="D"
    )
    return figures.plot_multiplier(answer)


def draw_allocation() -> Figure:
    """The best split of a budget (Chinchilla's digitised runs, Huber + bootstrap)."""
    return figures.plot_allocation(allocate(fit_chinchilla(), np.geomspace(1e19, 1e25, 13)))


def draw_isoflops() -> Figure:
    """Curves of equal compute (Chinchilla's digitised runs, Huber + bootstrap)."""
    C = [1e19, 1e20, 1e21, 1e22]
    return figures.plot_isoflops(
        trace_isoflops(fit_chinchilla(), C), allocate(fit_chinchilla(), C), sweep=load_sweep("chinchilla")
    )


def draw_check() -> Figure:
    """What a fit says of itself (Chinchilla's digitised runs, Huber + bootstrap)."""
    return figures.plot_check(check(fit_chinchilla()))


def draw_folds() -> Figure:
    """The top one, two and three octaves held out (bytelm, Huber + bootstrap)."""
    return figures.plot_folds(score_folds())


def draw_coverage() -> Figure:
    """Whether intervals hold beyond the fitted scale (bytelm's transformers, Huber + bootstrap)."""
    return figures.plot_coverage({"Huber + bootstrap": score_folds()})


def draw_prediction() -> Figure:
    """Loss of the recurrence on four corpora, and the targets (bytelm, Huber + bootstrap)."""
    fit_part, held_out = (pick_labels(part, "architecture", ["recurrence"]) for part in split_bytelm())
    curve = predict(fit_bytelm(), path(*np.geomspace(1e10, 1e14, 25))).sel(architecture="recurrence")
    return figures.plot_prediction(curve, fit_part=fit_part, scored=score(fit_bytelm(), held_out))


def draw_priors() -> Figure:
    """What Chinchilla's law says of its runs before it has seen them (digitised runs, default priors)."""
    sweep, points = load_sweep("chinchilla"), path(*np.geomspace(1e18, 1e25, 25))
    model = Model(law("chinchilla"), discrepancy=None)
    draws = draw_prior(model.bind(sweep), model.priors)
    columns = {name: np.array(points[name]) for name in model.law.covariates}
    shown = {p: p if model.law.scales[p] == 1 else f"{p}_ref" for p in draws.group}
    answer = xr.Dataset(
        {"curve": (("draw", "point"), draws.curves(columns), sweep["loss"].attrs)}
        | {f"prior_{shown[p]}": ("draw", values) for p, values in draws.group.items()},
        coords={"C": ("point", points["C"], sweep["C"].attrs)},
        attrs={"along": "C", "log": list(shown.values())},
    )
    return figures.plot_priors(answer, sweep=sweep)


def draw_estimates() -> Figure:
    """Chinchilla's law by two losses, and as it was published (digitised runs, bootstrap)."""
    known = law("chinchilla")
    squares = baseline(known, load_sweep("chinchilla"), seed=SEED, bootstrap=RESAMPLES, method="least_squares")
    found = {"Huber": parameters(fit_chinchilla()), "least squares": parameters(squares)}
    published = {whom: said for whom, said in known.reported.items() if whom.startswith(("Hoffmann", "Besiroglu"))}
    return figures.plot_estimates(found, published=published)


def draw_plan() -> Figure:
    """What further runs would teach about a budget a thousand times larger (Chinchilla's runs, Huber + bootstrap)."""
    N = np.tile([1e9, 3e9, 1e10], 3)
    candidates = {"N": N.tolist(), "D": (N * np.repeat([5, 20, 80], 3)).tolist()}
    at = {"N": 1e12, "D": 2e13}
    return figures.plot_plan(plan(fit_chinchilla(), candidates, target=lambda p: predict(p, at)["loss"]))


def draw_parameters() -> Figure:
    """Parameters of six corpora, pooled by NUTS with few draws, law alone (loss-to-loss table)."""
    return figures.plot_parameters(fit_corpora()[1])


def draw_pooling() -> Figure:
    """Each corpus alone by Huber + bootstrap, and pooled by NUTS with few draws (loss-to-loss table)."""
    return figures.plot_pooling(*fit_corpora())


def draw_ranks() -> Figure:
    """Chains of the pooled fit (loss-to-loss table)."""
    return figures.plot_ranks(fit_corpora()[1], names=["E", "alpha", "beta"])


def draw_losses() -> Figure:
    """Loss on C4 against the loss on each run's own corpus: shifted power law (loss-to-loss table)."""
    own, other = load_sweep("loss-to-loss"), load_sweep("loss-to-loss", response=OTHER_LOSS)
    first = xr.Variable("run", own["loss"].values, {"units": "nats/token", "long_name": "loss on the training corpus"})
    runs = other.assign_coords(L=first).drop_vars(["N", "D", "C"]).assign_attrs(covariates=["L"], scale="L")
    runs["loss"].attrs["long_name"] = "loss on C4"
    shifted = Law("E_1 + K*L**kappa", covariates=("L",), roles={"K": "level", "kappa": "rate"})
    curve = predict(
        baseline(shifted, runs, seed=SEED, bootstrap=RESAMPLES, by="corpus"),
        {"L": np.linspace(first.values.min() * 0.95, first.values.max(), 40)},
    )
    return figures.plot_loss_to_loss(curve, runs)


def draw_bowls() -> Figure:
    """Learning rates of the transformer on English at the points where five were tried (bytelm, Huber + bootstrap)."""
    sweep = load_sweep("bytelm", subset="all")
    wanted = (sweep["corpus"] == "english") & (sweep["architecture"] == "transformer")
    runs = sweep.isel(run=np.flatnonzero(wanted))
    table = pd.DataFrame({name: runs[name].values for name in ("N", "D", "C", "lr")})
    tried = table.groupby(["N", "D"])["lr"].transform("nunique").to_numpy() > 1
    at = table[tried].groupby("N")[["D", "C"]].median().reset_index().iloc[::2]
    tuned = tune(baseline(Law(BOWL, roles=ROLES), runs, seed=SEED, bootstrap=50), "lr", at=at)
    return figures.plot_bowls(tuned, runs=runs.isel(run=np.flatnonzero(tried)))


def draw_multiverse() -> Figure:
    """The best size for 1e24 FLOP under choices of loss and of rows (Chinchilla's digitised runs)."""
    whole = load_sweep("chinchilla")
    dropped = np.argsort(whole["loss"].values - whole["loss"].values.min())[-5:]
    rows = {
        "all": whole,
        "without the five worst": whole.drop_isel(run=dropped),
        "above 1e20 FLOP": whole.isel(run=np.flatnonzero(whole["C"] > 1e20)),
    }
    answers, choices = {}, {}
    for name, sweep in rows.items():
        for method in ("huber", "least_squares"):
            found = baseline(law("chinchilla"), sweep, seed=SEED, bootstrap=RESAMPLES, method=method)
            answer = allocate(found, [1e24])
            answers[f"{name}, {method}"] = answer["N_opt"].assign_attrs(answer.attrs | answer["N_opt"].attrs)
            choices[f"{name}, {method}"] = {"rows": name, "loss": method.replace("_", " ")}
    return figures.plot_multiverse(multiverse(answers, choices))


def draw_laws() -> Figure:
    """Every law of the catalogue."""
    return figures.plot_laws()


BUILDS: dict[str, Build] = {
    **{"sweep": draw_sweep, "extrapolation": draw_extrapolation, "folds": draw_folds, "check": draw_check},
    **{"prediction": draw_prediction, "coverage": draw_coverage, "priors": draw_priors, "estimates": draw_estimates},
    **{"parameters": draw_parameters, "pooling": draw_pooling, "ranks": draw_ranks},
    **{"comparison": draw_comparison, "ranking": draw_ranking},
    **{"crossover": draw_crossover, "multiplier": draw_multiplier},
    **{"allocation": draw_allocation, "isoflops": draw_isoflops, "plan": draw_plan},
    **{"loss-to-loss": draw_losses, "bowls": draw_bowls, "multiverse": draw_multiverse, "laws": draw_laws},
}
"""Every figure by name, in the order of the page."""
