"""`plan`: which run to train next, by what it is expected to teach about a decision, and what it costs."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from scaling_bayes.questions.candidates import list_candidates, list_stages, place_candidates
from scaling_bayes.questions.forecast import describe
from scaling_bayes.questions.learning import Aim, Array, joint_covariance, measure, reweigh, shifts_of
from scaling_bayes.questions.mixture import is_stack, lead, read_weights, tell
from scaling_bayes.questions.points import QuestionError, check_size, read_record
from scaling_bayes.questions.study import Study, Target, draw_study

RESOLVED = 2.0
"""Monte-Carlo errors that a gain must exceed to be told from none."""

LAW_ONLY = 0.2
"""Share of what an exact law promises, below which a gain is flagged as a promise of the law."""


def plan(
    posterior: xr.DataTree,
    candidates: Mapping[str, Any] | pd.DataFrame | xr.Dataset,
    *,
    target: Target,
    choose: str | None = None,
    cost: str | Callable[[pd.DataFrame], Any] = "C",
    replicates: int = 1,
    runs: int = 1,
    budget: float | None = None,
    refine: int = 5,
    seed: int = 0,
) -> xr.Dataset:
    r"""Find the run that teaches most about a target for its cost.

    .. math:: g_k = \mathrm{var}(t) - E_{y_k}[\mathrm{var}(t \mid y_k)] \approx
        \frac{\mathrm{cov}(t, s_k)^2}{\mathrm{var}(s_k) + \sigma_k^2 / m}

    with :math:`s_k` the log mean of candidate k, law and drift together, :math:`\sigma_k` the noise of a run and m the
    replicates. All candidates are screened in this closed form; for the `refine` best the expectation is taken over
    the posterior's own draws, weighted by what a run may turn out to give. With `choose` the gain is the fall of the
    expected regret of a decision; see `scaling_bayes.questions.learning`.

    Parameters
    ----------
    posterior : DataTree
        From `fit`, `baseline`, `stack` or `open_posterior`; see the notes for stacks and chains.
    candidates : mapping, DataFrame or Dataset
        Runs that could be trained: covariates and labels of groups, as in `predict`. A grouping that is not named is
        crossed with all of its labels.
    target : callable
        What is to be known, as a question to a posterior that gives one number a draw:
        ``lambda p: sb.predict(p, {"N": 1e10, "corpus": "web"})["loss"]``. It is asked of the posterior with its drift
        drawn at the candidates, so that target and candidates belong to the same draws; hence no draws made before.
    choose : str, optional
        Dim of the target, such as a group, along which the least is to be picked; the target is then the loss of each
        option.
    cost : str or callable
        A column of the candidates, a function of their table, or a cost of `scaling_bayes.costs`. Compute C by
        default, 6 N D where C is not known.
    replicates : int
        Runs of each design, which differ in their noise.
    runs : int
        Designs that are chosen one after the other, each for what it adds to those before, or adds for its cost, by
        which way ends better; a design may come again.
    budget : float, optional
        What the chosen ones may cost together.
    refine : int
        Candidates whose gain is refined.
    seed : int
        For drift beyond the data, groups never seen, and noise.

    Returns
    -------
    Dataset
        Along candidate ``cost``; ``gain`` in the square of the target's unit (with `choose` in its unit) with its
        Monte-Carlo standard error ``gain_error``; ``share``, the gain over what there is to gain (``attrs["open"]``);
        ``gain_per_cost``; ``sd_after``, the target's standard deviation afterwards, on average (root mean square);
        ``gain_linear`` in closed form, ``refined`` (whether `gain` is the refined one) and ``effective_draws`` behind
        it; ``share_if_law_exact``, the share if the law had no drift anywhere; ``outside``, the factor by which the
        candidate lies beyond the fitted range, of the covariate or axis ``outside_along``; ``flag``; and ``rank`` by
        gain per cost, with those that nobody can tell from zero last. With `runs` above one, along step the ``choice``
        (a candidate), ``share_so_far`` and ``cost_so_far``, in closed form. Of a stack also ``gain_if_law_known``, in
        closed form, and ``attrs["open_if_law_known"]``; of a chain a coordinate such as ``expected_loss``, what its
        first stage expects of each candidate.

    Raises
    ------
    QuestionError
        If `target` gives no draws of one finite number, a cost is unknown or not positive, or a candidate cannot be
        predicted.

    Notes
    -----
    ``flag`` is "unresolved" where the gain is below two Monte-Carlo errors, and "law only" where it is below a fifth
    of what an exact law promises: the design would teach much of the law's parameters, and the drift says that they
    tell little of the target.

    Of a stack, a run may tell the laws apart as well as teach the parameters of each. With weights :math:`w_k`,

    .. math:: \mathrm{var}(t) = \sum_k w_k \mathrm{var}_k(t) + \mathrm{var}_k(E_k[t])

    and likewise afterwards, with the weights that the run would leave: what it teaches within the laws is
    ``gain_if_law_known``, and what exceeds it in ``gain`` is between them. Draws of all members are weighted together;
    the closed form cannot see that weights change, and is a lower bound of the gain.

    Of a chain, a run measures the responses of both stages, loss and error: the first teaches the first stage, and the
    second one, the loss being known, the second stage. That stage is probed at the loss that is expected of the
    candidate.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, truth = sb.Law("E + A*N**-alpha"), {"E": 1.8, "A": 400.0, "alpha": 0.35}
    >>> sweep = sb.simulate_sweep(law, {"N": [1e7, 3e7, 1e8, 3e8, 1e9]}, truth=truth, seed=0)
    >>> posterior = sb.baseline(law, sweep, seed=0, bootstrap=400)
    >>> def loss(posterior):
    ...     return sb.predict(posterior, {"N": 1e11})["loss"]
    >>> answer = plan(posterior, {"N": [1e7, 1e9, 1e10]}, target=loss, cost="N")
    >>> answer["share"].values.round(1).tolist(), answer["outside"].values.round(1).tolist()
    ([0.1, 0.4, 0.8], [1.0, 1.0, 10.0])
    """
    _check_counts(replicates=replicates, runs=runs)
    table = list_candidates(posterior, candidates, cost)
    _check_size(posterior, len(table))
    spent = replicates * table.pop("cost").to_numpy()
    aim, rng = Aim(decide=choose is not None), np.random.default_rng(seed).spawn(3)
    draw = partial(draw_study, posterior, table, target, choose, replicates)
    study, drifts = draw(rng[0]), any(read_record(stage).axes for stage in list_stages(posterior))
    alone = draw(rng[1], exact=True) if drifts else study
    exact, exact_error = alone.screen(aim)
    found = _refine(aim, study, spent, refine, replicates, rng[2])
    found["share_if_law_exact"] = exact / (aim.open(alone.target) or 1.0)
    said = {"open": aim.open(study.target), "choose": choose or "", "replicates": replicates}
    if len(study.members) > 1:
        found["gain_if_law_known"], _ = study.screen_apart(aim)
        said["open_if_law_known"] = study.open_apart(aim)
    found = _judge(found, aim, study, promised=exact > RESOLVED * exact_error)
    answer = found.rename_axis("candidate").to_xarray()
    answer = answer.assign_coords(place_candidates(posterior, table, study.expected))
    if runs > 1 or budget is not None:
        answer = answer.merge(_choose_batch(aim, study, spent, runs, np.inf if budget is None else budget))
    unit = getattr(cost, "unit", "FLOP" if cost == "C" else "")
    return answer.assign_attrs(_describe(posterior), **said, cost_unit=unit)


def _check_size(posterior: xr.DataTree, candidates: int) -> None:
    """Refuse more candidates than their draws, and the covariance of all of them, may fill."""
    draws = max(
        stage["posterior"].sizes["chain"] * stage["posterior"].sizes["draw"] for stage in list_stages(posterior)
    )
    check_size(candidates * max(draws, candidates), "give fewer candidates, or name their groups")


def _describe(posterior: xr.DataTree) -> dict[str, Any]:
    """Attributes of a plan; those of a stack are what its members say, as in other answers."""
    if not is_stack(posterior):
        return describe(posterior, read_record(posterior))
    weights = read_weights(posterior)
    said = {name: _describe(posterior.children[name]) for name, weight in weights.items() if weight}
    return tell(said, _describe(lead(posterior)), weights)


def plan_table(answer: xr.Dataset) -> pd.DataFrame:
    """Candidates of a plan, the most gain per cost first.

    Parameters
    ----------
    answer : Dataset
        From `plan`.

    Returns
    -------
    DataFrame
        One row a candidate: its covariates and groups, and the columns of `plan` that a choice needs. The name of the
        columns tells which sampler gates the posterior failed.

    Raises
    ------
    QuestionError
        If `answer` is no plan.

    Examples
    --------
    >>> plan_table(xr.Dataset())
    Traceback (most recent call last):
    ...
    scaling_bayes.questions.points.QuestionError: plan_table needs the answer of sb.plan; it lacks rank
    """
    if "rank" not in answer:
        raise QuestionError("plan_table needs the answer of sb.plan; it lacks rank")
    shown = [
        "cost",
        "share",
        "gain",
        "gain_error",
        "gain_per_cost",
        "sd_after",
        "share_if_law_exact",
        "outside",
        "flag",
    ]
    columns = [str(n) for n, c in answer.coords.items() if c.dims == ("candidate",) and n not in ("candidate", "rank")]
    kept = answer.reset_coords()[[*columns, *(n for n in shown if n in answer and n not in columns), "rank"]]
    failed = str(answer.attrs.get("failed_gates", ""))
    table = kept.to_dataframe().reset_index().set_index("rank").sort_index()
    return table.rename_axis(columns=f"SAMPLER GATES FAILED: {failed}" if failed else None)


def _refine(
    aim: Aim, study: Study, spent: Array, refine: int, replicates: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Gains in closed form, and by weighted draws for those with the most gain per cost."""
    gain, error = study.screen(aim)
    found = pd.DataFrame({"cost": spent, "gain": gain, "gain_error": error, "gain_linear": gain})
    found = found.assign(refined=False, effective_draws=np.nan)
    told = np.where(gain > RESOLVED * error, gain / spent, 0.0)
    for k in np.argsort(-told, kind="stable")[:refine]:
        refined, scatter, effective = reweigh(aim, study.target, *study.outcomes(k, replicates, rng), study.halves)
        found.loc[k, ["gain", "gain_error", "effective_draws"]] = refined, np.hypot(scatter, error[k]), effective
        found.loc[k, "refined"] = True
    return found


def _judge(found: pd.DataFrame, aim: Aim, study: Study, promised: NDArray[np.bool_]) -> pd.DataFrame:
    """Shares, ranks and flags."""
    now = aim.open(study.target)
    if not now > 0:
        raise QuestionError("one choice is the best in every draw: there is nothing left to decide, and no run to plan")
    left = np.maximum(now - found["gain"], 0.0)
    after = {"regret_after": left} if aim.decide else {"sd_after": np.sqrt(left)}
    found = found.assign(share=found["gain"] / now, gain_per_cost=found["gain"] / found["cost"], **after)
    told = found["gain"] > RESOLVED * found["gain_error"]
    law_only = promised & (found["share"] < LAW_ONLY * found["share_if_law_exact"])
    found["flag"] = np.select([law_only, ~told], ["law only", "unresolved"], "")
    order = found.assign(told=told).sort_values(["told", "gain_per_cost"], ascending=False, kind="stable").index
    return found.assign(rank=pd.Series(np.arange(1, len(found) + 1), index=order))


def _choose_batch(aim: Aim, study: Study, spent: Array, runs: int, budget: float) -> xr.Dataset:
    """Designs one after the other, in closed form: the better of the most further gain, and the most per cost."""
    if not (spent <= budget).any():
        raise QuestionError(f"budget={budget:g} pays for no candidate: the cheapest costs {spent.min():g}")
    batches = [_walk_greedily(aim, study, spent, by, runs, budget) for by in (np.ones(len(spent)), spent)]
    choice, gained, paid = (np.array(column) for column in zip(*max(batches, key=lambda b: b[-1][1]), strict=True))
    columns = {"choice": choice, "share_so_far": gained / aim.open(study.target), "cost_so_far": paid.cumsum()}
    return xr.Dataset({name: ("step", values) for name, values in columns.items()})


def _walk_greedily(
    aim: Aim, study: Study, spent: Array, by: Array, runs: int, budget: float
) -> list[tuple[int, float, float]]:
    """Candidate, gain so far and cost of each step, by the further gain over `by`."""
    noise, mean = study.noise.mean(axis=0), study.target.mean(axis=0)
    covariance = joint_covariance(study.target, study.signal)
    before, gained, left = np.zeros((len(mean), 0)), 0.0, budget
    steps: list[tuple[int, float, float]] = []
    while len(steps) < runs and (affordable := spent <= left).any():
        shifts = shifts_of(covariance, noise)
        every = np.concatenate([np.broadcast_to(before, (len(shifts), *before.shape)), shifts], axis=-1)
        gain = aim.gain(mean, every)
        k = int(np.where(affordable, (gain - gained) / by, -np.inf).argmax())
        before, gained, left, covariance = every[k], gain[k], left - spent[k], measure(covariance, noise, k)
        steps.append((k, gained, spent[k]))
    return steps


def _check_counts(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1 or count != int(count):
            raise QuestionError(f"{name} is 1 or more, found {count!r}")
