"""What a posterior knows of its law, its model and its sampler: parts hypothesis and fitting of a fit card."""

from collections.abc import Callable

from scaling_bayes.questions.fitted import Fit
from scaling_bayes.questions.points import read_record
from scaling_bayes.questions.sensitivity import coordinate_priors
from scaling_bayes.symbols import COVARIATES, RESPONSES

LONG = 300.0
"""Seconds beyond which a fit is told in minutes."""

METHODS = {
    "NUTS": "posterior density of the model, sampled with NUTS in float64",
    "huber": "Huber loss on residuals of the log response, minimised",
    "least_squares": "squared residuals of the log response, minimised",
}
NOISES = {
    "normal": "normal on the log response",
    "student_t": "Student-t on the log response, degrees of freedom estimated",
    "laplace": "Laplace on the log response",
    "frontier": "runs lie above the law of the best ones by what tuning left",
    "beta_binomial": "beta-binomial counts",
}


def _law(fit: Fit) -> str:
    name = f", '{fit.record.law.name}' of the catalogue" if fit.record.law.name else ""
    first = read_record(fit.posterior.children["first"]) if "first" in fit.posterior.children else None
    after = f"; second stage, after {first.response} = {first.law.formula}" if first else ""
    return f"{fit.record.response} = {fit.record.law.formula}{name}{after}"


def _response(fit: Fit) -> str:
    symbol = RESPONSES.get(fit.record.response)
    return f"{symbol.description if symbol else fit.record.response} in {fit.record.unit or 'no unit'}"


def _covariates(fit: Fit) -> str:
    said = []
    for name in fit.record.law.covariates:
        unit = str(fit.runs[name].attrs.get("units", "")) if name in fit.runs else ""
        what = COVARIATES[name].description if name in COVARIATES else ""
        inside = ", ".join(filter(None, (what, unit if unit not in (*what.split(), "1") else "")))
        said.append(f"{name} ({inside})" if inside else name)
    return ", ".join(said)


def _parameters(fit: Fit) -> str:
    roles = fit.record.law.roles
    free = [p for p in roles if fit.record.pooling[p]["kind"] != "Fixed"]
    return f"{len(free)}: " + ", ".join(f"{p} ({roles[p]})" for p in free)


def _pooling(fit: Fit) -> str:
    kinds: dict[str, list[str]] = {}
    for p, pool in fit.record.pooling.items():
        inside = str(pool["value"]) if pool["kind"] == "Fixed" else ", ".join(pool["groups"])
        kinds.setdefault(f"{pool['kind']}({inside})", []).append(p)
    return "; ".join(f"{', '.join(parameters)}: {kind}" for kind, parameters in kinds.items())


def _priors(fit: Fit) -> str:
    if "prior" not in fit.posterior.children:
        return "none: a bootstrap has no prior" if not fit.sampled else ""
    given = [f"{p} ~ {prior}" for p, prior in fit.record.priors.items()]
    coordinates = fit.record.coordinates
    owners = zip(coordinates.names, coordinates.owners(), *coordinate_priors(fit.posterior, fit.record), strict=True)
    rows = [(name, mean, width) for name, owner, mean, width in owners if owner not in fit.record.priors]
    spread = (
        f"; spreads between the labels of {', '.join(fit.record.factors)} half-normal" if fit.record.factors else ""
    )
    return ", ".join([*given, *(f"{name} ~ Normal({mean:.2g}, {width:.2g})" for name, mean, width in rows)]) + spread


def _noise(fit: Fit) -> str:
    record, said = fit.record, [NOISES.get(fit.record.noise, fit.record.noise)]
    said += [f"spread changes along {record.noise_axis.name}"] if record.noise_axis else []
    said += ["measured standard errors add to it"] if record.measured else []
    said += [f"rows of one {record.within} share an effect"] if record.within else []
    return "; ".join(said)


def _discrepancy(fit: Fit) -> str:
    axes = ", ".join(axis.name for axis in fit.record.axes)
    kept = f"the log response drifts along {axes}, an integrated Wiener process" if axes else "none"
    return "; ".join(filter(None, (kept, str(fit.told.get("discrepancy", "")))))


def _sampler(fit: Fit) -> str:
    sizes = fit.posterior["posterior"].sizes
    if not fit.sampled:
        return f"{sizes['draw']} bootstrap resamples of rows, each minimised from several starts"
    lengths = fit.read("sampler", {})
    warm = f" after {lengths['warmup']} of warm-up" if "warmup" in lengths else ""
    continued = f"continued {fit.told['continued']}" if fit.told.get("continued") else ""
    return "; ".join(filter(None, (f"{sizes['chain']} chains of {sizes['draw']} draws{warm}", continued)))


def _uncertainty(fit: Fit) -> str:
    kind = "posterior draws" if fit.sampled else "bootstrap resamples"
    drift = ", with the drift of the law carried beyond the data" if fit.record.axes else ""
    return f"central intervals of {kind}{drift}"


def _gates(fit: Fit) -> str:
    gates = fit.read("gates", [])
    failed = [gate["name"] for gate in gates if not gate["passed"]]
    if not gates:
        return "none: no sampler"
    return f"FAILED: {', '.join(failed)}" if failed else f"all {len(gates)} passed"


def _validation(fit: Fit) -> str:
    if fit.scores is None:
        return ""
    count = fit.scores.sizes["run"]
    table = [f"{count} held-out run{'s' * (count != 1)}, up to {float(fit.scores['extrapolation'].max()):.3g} times"]
    table.append(f"the largest fitted scale: RMSLE {float(fit.scores['rmsle']):.3g}")
    kept = [f"{100 * float(c):.0f}% inside {100 * float(c['level']):g}% intervals" for c in fit.scores["coverage"]]
    return f"{' '.join(table)}; {', '.join(kept)}"


def _versions(fit: Fit) -> str:
    return ", ".join(f"{name} {version}" for name, version in fit.read("versions", {}).items())


def _device(fit: Fit) -> str:
    if "seconds" not in fit.told:
        return ""
    seconds = float(fit.told["seconds"])
    took = f"{seconds:.3g} s" if seconds < LONG else f"{seconds / 60:.3g} min"
    return f"{fit.told.get('device', 'unknown device')}, {took}"


MODEL_FACTS: dict[str, Callable[[Fit], str]] = {
    "law": _law,
    "response": _response,
    "covariates": _covariates,
    "parameters": _parameters,
    "pooling": _pooling,
    "priors": _priors,
    "noise": _noise,
    "discrepancy": _discrepancy,
    "objective": lambda fit: METHODS.get(str(fit.told.get("method", "")), str(fit.told.get("method", ""))),
    "sampler": _sampler,
    "uncertainty": _uncertainty,
    "gates": _gates,
    "validation": _validation,
    "seed": lambda fit: str(fit.told.get("seed", "")),
    "versions": _versions,
    "device": _device,
}
