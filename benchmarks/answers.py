"""How long answers take, ``python -m benchmarks.answers``: seconds for 1,000 draws of 25 groups, with a drift.

The posterior is that of a simulated sweep, Chinchilla's law of 25 corpora with 20 runs each. Each question is asked
twice; the second time, warm, is that of a slider or of a loop. With ``--ratio`` the law may drift along D/N too, so
that optima are searched draw by draw. With ``--by-hand`` nothing is fitted: draws are made around a known law, in the
shape of those of the fit.
"""

import argparse
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

import scaling_bayes as sb
from benchmarks.markdown import format_markdown
from benchmarks.problems import GROUPING, simulate_groups

GROUPS, EVERY, CHAINS, DRAWS, WARMUP = 25, 2, 4, 250, 400
GIGABYTE = 1e9


def state_model(seed: int, axes: tuple[str, ...]) -> tuple[sb.Model, xr.Dataset]:
    """Every parameter and a drift along some axes, pooled over the groups; and the sweep."""
    law, sweep = sb.law("chinchilla"), simulate_groups(GROUPS, seed)
    kept = sweep.isel(run=np.flatnonzero(np.arange(sweep.sizes["run"]) % EVERY == 0))
    pool = dict.fromkeys(law.parameters, sb.Partial(GROUPING))
    return sb.Model(law, pool=pool, discrepancy=sb.Discrepancy(axes)), kept


def fit_posterior(seed: int, axes: tuple[str, ...]) -> xr.DataTree:
    """Fit the model."""
    model, sweep = state_model(seed, axes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sb.GateWarning)  # so few draws are for their number, not for their answers
        return sb.fit(model, sweep, seed=seed, chains=CHAINS, draws=DRAWS, warmup=WARMUP)


def draw_posterior(seed: int, axes: tuple[str, ...]) -> xr.DataTree:
    """Make draws by hand: around a known law, the groups apart and the drift as their priors have them."""
    from tests.questions.conftest import make_posterior  # here, because only this needs pytest

    model, sweep = state_model(seed, axes)
    bound = model.bind(sweep)
    given: dict[str, Any] = {"groups": (GROUPING,), "axes": bound.axes, "drift": bound.axes[0].median}
    return make_posterior(sweep, model.law.formula, prior=None, shape=(CHAINS, DRAWS), seed=seed, **given)


def state_questions(posterior: xr.DataTree) -> Mapping[str, Callable[[], xr.Dataset]]:
    """Name -> question."""
    first, second = posterior["posterior"].to_dataset()[GROUPING].values[:2].tolist()
    scales = [1e20, 1e21, 1e22]
    at: dict[str, Any] = {"tokens_per_parameter": 20}
    return {
        "predict": lambda: sb.predict(posterior, {"N": 1e9, "D": 2e10}),
        "compare": lambda: sb.compare(posterior, GROUPING, at={"C": 1e21}, **at),
        "compare along C": lambda: sb.compare(posterior, GROUPING, at={"C": scales}, baseline=first, **at),
        "crossover": lambda: sb.crossover(
            posterior, GROUPING, between=[first, second], along="C", within=(1e19, 1e23), **at
        ),
        "multiplier": lambda: sb.multiplier(posterior, GROUPING, baseline=first, at={"C": scales}, **at),
        "exponents": lambda: sb.exponents(posterior, {"C": 1e21}, group=GROUPING, **at),
        "allocate": lambda: sb.allocate(posterior, 1e21),
        "allocate, with serving": lambda: sb.allocate(posterior, 1e21, cost=sb.costs.six_nd + sb.costs.inference(1e12)),
        "isoflops": lambda: sb.trace_isoflops(posterior, 1e21),
        "require": lambda: sb.require(posterior, loss=2.6, along="C"),
        "require, fixed ratio": lambda: sb.require(posterior, loss=2.6, along="C", **at),
        "plan": lambda: sb.plan(posterior, {"N": 1e10, "D": 2e11}, target=_ask_loss, choose=GROUPING),
    }


def _ask_loss(posterior: xr.DataTree) -> xr.DataArray:
    """The loss that every group would have at a scale that nobody trained."""
    return sb.predict(posterior, {"N": 1e11, "D": 2e12})["loss"]


def measure(question: Callable[[], xr.Dataset]) -> dict[str, float]:
    """Wall and CPU seconds of the first and of the second time, the size of the answer and of all held on the way."""
    found: dict[str, float] = {}
    for state in ("first", "warm"):
        wall, cpu = time.perf_counter(), time.process_time()
        answer = question()
        found |= {f"{state}_wall": time.perf_counter() - wall, f"{state}_cpu": time.process_time() - cpu}
    tracemalloc.start()
    question()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found | {"gigabytes": answer.nbytes / GIGABYTE, "peak_gigabytes": peak / GIGABYTE}


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, or draw by hand, ask everything, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.answers", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ratio", action="store_true", help="a drift along D/N too")
    parser.add_argument("--by-hand", action="store_true", help="fit nothing, make the draws by hand")
    chosen = parser.parse_args(arguments)
    make = draw_posterior if chosen.by_hand else fit_posterior
    posterior = make(chosen.seed, ("C", "D/N") if chosen.ratio else ("C",))
    rows = [{"question": name, **measure(ask)} for name, ask in state_questions(posterior).items()]
    print(format_markdown(pd.DataFrame(rows), digits=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
