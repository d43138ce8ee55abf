"""`register` and `settle`: a forecast that is written down before the run exists, and scored when it does.

The file is JSON that people can read: a line for each forecast number, with its quantiles; what it was made from; and
the SHA-256 of all of it. Whoever commits the file, or publishes its hash, can show later that it did not change.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date as calendar
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from scaling_bayes.questions.points import QuestionError
from scaling_bayes.questions.scoring import LEVELS, score_sample
from scaling_bayes.symbols import SAMPLE, suggest

FORMAT = "scaling_bayes forecast 1"
QUANTILES = 200
"""Evenly spaced quantiles kept of each number, at (k + 1/2) / 200; scores are those of these as a sample."""

DIGITS = 8
"""Significant digits of what is kept."""

PACKAGES = ("scaling-bayes", "numpy", "xarray")
SUMMARY = ("median", "lower", "upper", "quantiles")
ABOUT = ("law", "method", "failed_gates", "data_hash", "weights")
"""Attributes of an answer that a file keeps, where the answer has them."""


def register(answer: xr.Dataset, path: str | Path, *, date: str, note: str = "") -> str:
    """Write a forecast to a file, before the run exists.

    Parameters
    ----------
    answer : Dataset
        Of any question; every variable with draws is written. A measured run has noise: foretell it with
        ``predict(..., new_run=True)``.
    path : str or Path
        Of a file that does not exist yet; JSON.
    date : str
        Of today, as 2026-01-31: given by you, since a program's clock proves nothing.
    note : str
        What the forecast is for.

    Returns
    -------
    str
        SHA-256 of what was written, to be kept elsewhere.

    Raises
    ------
    FileExistsError
        If the file exists: what was foretold is not foretold again.
    QuestionError
        If the answer has no draws, or some that are not finite, or `date` is none.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> draws = np.random.default_rng(0).normal(2.5, 0.1, (4, 500, 1))
    >>> answer = xr.Dataset({"loss": (("chain", "draw", "point"), draws)}, attrs={"response": "loss"})
    >>> with TemporaryDirectory() as folder:
    ...     digest = register(answer, f"{folder}/forecast.json", date="2026-01-31")
    ...     settled = settle(f"{folder}/forecast.json", {"loss": [2.45]})
    >>> len(digest), settled["pit"].round(1).values.tolist(), settled.attrs["date"]
    (64, [0.3], '2026-01-31')
    """
    path = Path(path)
    drawn = [str(name) for name, array in answer.data_vars.items() if set(SAMPLE) <= set(array.dims)]
    if not drawn:
        raise QuestionError(f"an answer with dims chain and draw is written down, found {tuple(answer.dims)}")
    content = {
        "format": FORMAT,
        "date": _read_date(date),
        "note": str(note),
        "response": str(answer.attrs.get("response", "")),
        "new_run": int(answer.attrs.get("new_run", 0)),
        **{name: str(answer.attrs[name]) for name in ABOUT if name in answer.attrs},
        "versions": {name: version(name) for name in PACKAGES},
        "draws_hash": _hash_draws(answer[drawn]),
        "quantiles_at": f"(k + 1/2) / {QUANTILES}, k = 0 ... {QUANTILES - 1}",
        "forecasts": [number for name in drawn for number in _list_numbers(answer[name])],
    }
    content["hash"] = _hash_content(content)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(_write(content))
    except FileExistsError as error:
        raise FileExistsError(f"{path} holds a forecast already, and is not replaced; choose another name") from error
    return str(content["hash"])


def settle(path: str | Path, observed: Mapping[str, Any] | xr.Dataset | float | Sequence[float]) -> xr.Dataset:
    """Score a forecast that was written down, against what came.

    Parameters
    ----------
    path : str or Path
        What `register` wrote.
    observed : mapping, Dataset or numbers
        Measured values by the name of the forecast quantity, in its unit, in the shape that it was foretold in, or one
        value for all; without a name where one quantity was foretold. Of a sweep the runs are found by their labels.
        NaN is not measured yet, and not scored.

    Returns
    -------
    Dataset
        Along ``run``, one for each number that was foretold and measured: ``observed``, ``median``, ``lower`` and
        ``upper`` (level), ``inside`` (level), ``log_error``, ``pit``, ``crps`` and ``interval_score`` (level): of the
        response on its log, of any other quantity in its own unit. Over all of them ``coverage``; ``rmsle`` over those
        of the response; ``mae`` if they are all of one quantity. Coordinates say which number it was; attributes when
        it was foretold, from what, and ``hash``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    QuestionError
        If the file is no forecast, was changed since it was written, nothing that was foretold was measured, or it was
        measured in another unit.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> draws = np.random.default_rng(0).normal(2.5, 0.1, (4, 500, 2))
    >>> answer = xr.Dataset({"loss": (("chain", "draw", "point"), draws)}, attrs={"response": "loss"})
    >>> with TemporaryDirectory() as folder:
    ...     digest = register(answer, f"{folder}/forecast.json", date="2026-01-31")
    ...     settled = settle(f"{folder}/forecast.json", {"loss": [2.45, np.nan]})
    >>> settled.sizes["run"], settled["inside"].sel(level=0.9).values.tolist()
    (1, [True])
    """
    content = _read(Path(path))
    every = content["forecasts"]
    quantities = list(dict.fromkeys(number["quantity"] for number in every))
    if not isinstance(observed, Mapping):
        if len(quantities) > 1:
            raise QuestionError(f"{len(quantities)} quantities were foretold: give {{name: measured}} of {quantities}")
        observed = {quantities[0]: observed}
    if isinstance(observed, dict) and (unknown := [name for name in observed if name not in quantities]):
        raise QuestionError(f"{unknown[0]!r} was not foretold: {suggest(str(unknown[0]), quantities)}")
    parts = [_match(observed, name, [n for n in every if n["quantity"] == name]) for name in quantities]
    measured = np.concatenate(parts)
    known = np.flatnonzero(~np.isnan(measured))
    if not known.size:
        raise QuestionError(f"nothing that was foretold was measured; it was {', '.join(quantities)}")
    numbers = [every[k] for k in known]
    on_log = np.array([n["quantity"] == content["response"] for n in numbers])
    if (measured[known][on_log] <= 0).any():
        raise QuestionError(f"{content['response']} is scored on its log; what was measured must be positive")
    scored = _score(np.array([n["quantiles"] for n in numbers]), measured[known], on_log)
    if on_log.any():
        scored["rmsle"] = (scored["log_error"][on_log] ** 2).mean("run") ** 0.5
    if len({n["quantity"] for n in numbers}) == 1:
        scored["mae"] = abs(scored["median"] - scored["observed"]).mean("run")
    names = dict.fromkeys(name for n in numbers for name in n if name not in SUMMARY)
    about = {name: value for name, value in content.items() if isinstance(value, str | int)}
    places = {name: ("run", np.array([n.get(name, "") for n in numbers])) for name in names}
    return scored.assign_coords(places).assign_attrs(about)


def _score(quantiles: np.ndarray, observed: np.ndarray, on_log: np.ndarray) -> xr.Dataset:
    """Scores of each number, shape (run, ...), some on the log scale; what has a unit is given on its own."""
    scales = ((on_log, np.log), (~on_log, np.array))
    foretold, came = (np.concatenate([turn(v[rows]) for rows, turn in scales]) for v in (quantiles, observed))
    scored = score_sample(np.sort(foretold.T, axis=0), came, np.asarray(LEVELS, dtype=float), method="hazen")
    for name in ("observed", "median", "lower", "upper"):
        values = scored[name].transpose("run", ...).values
        values[: on_log.sum()] = np.exp(values[: on_log.sum()])
    back = np.concatenate([np.flatnonzero(rows) for rows, _ in scales]).argsort()
    scored = scored.isel(run=back)
    return scored.assign(coverage=scored["inside"].mean("run"))


def _match(observed: Mapping[str, Any] | xr.Dataset, name: str, numbers: list[dict[str, Any]]) -> np.ndarray:
    """Measured value of each number of one quantity; NaN where there is none."""
    nothing = np.full(len(numbers), np.nan)
    if name not in observed:
        return nothing
    unit = getattr(observed[name], "attrs", {}).get("units", numbers[0]["unit"])
    if unit != numbers[0]["unit"]:
        raise QuestionError(
            f"{name!r} was foretold in {numbers[0]['unit']!r} and measured in {unit!r}; convert it first"
        )
    if isinstance(observed, xr.Dataset) and "run" in observed.dims and "run" in numbers[0]:
        found = observed[name].to_series()
        return found.set_axis(found.index.astype(str)).reindex([str(n["run"]) for n in numbers]).to_numpy(dtype=float)
    values = np.asarray(observed[name], dtype=float)
    if values.size not in (1, len(numbers)):
        raise QuestionError(f"{len(numbers)} numbers of {name!r} were foretold, and {values.size} are given")
    return np.broadcast_to(values.ravel(), len(numbers))


def _list_numbers(array: xr.DataArray) -> list[dict[str, Any]]:
    """Each forecast number of one quantity: where it is, and its quantiles."""
    rest = [d for d in array.dims if d not in SAMPLE]
    values = array.transpose(*SAMPLE, *rest).values.reshape(-1, *(array.sizes[d] for d in rest))
    if not np.isfinite(values).all():
        raise QuestionError(f"some draws of {array.name} are not finite; write down what is, as answer[['loss']]")
    at = np.quantile(values, (np.arange(QUANTILES) + 0.5) / QUANTILES, axis=0)
    ends = dict(zip(("median", "lower", "upper"), np.quantile(values, [0.5, 0.05, 0.95], axis=0), strict=True))
    numbers = []
    for index in np.ndindex(values.shape[1:]):
        place = array.isel(dict(zip(rest, index, strict=True)))
        coords = {str(n): _plain(c.item()) for n, c in place.coords.items() if n not in SAMPLE and c.ndim == 0}
        dims = {str(d): k for d, k in zip(rest, index, strict=True) if d not in coords}
        summary = {name: _plain(end[index]) for name, end in ends.items()}
        kept = {"quantiles": [_plain(q) for q in at[(slice(None), *index)]]}
        numbers.append({"quantity": str(array.name), "unit": str(array.attrs.get("units", ""))} | dims | coords)
        numbers[-1] |= summary | kept
    return numbers


def _plain(value: Any) -> Any:
    """A value as JSON keeps it."""
    if isinstance(value, float | np.floating):
        return float(f"{value:.{DIGITS}g}")
    return value.item() if isinstance(value, np.generic) else value


def _hash_draws(draws: xr.Dataset) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(draws.data_vars.items(), key=lambda item: str(item[0])):
        digest.update(repr((str(name), array.dims, array.shape)).encode())
        digest.update(np.ascontiguousarray(array.values, dtype="<f8").tobytes())
    return digest.hexdigest()


def _hash_content(content: Mapping[str, Any]) -> str:
    """SHA-256 of everything but the hash itself, however the file is laid out."""
    kept = {name: value for name, value in content.items() if name != "hash"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _write(content: Mapping[str, Any]) -> str:
    """JSON with a line for each entry, and for each forecast."""
    lines = []
    for name, value in content.items():
        forecasts = name == "forecasts"
        text = "[\n  " + ",\n  ".join(map(json.dumps, value)) + "\n ]" if forecasts else json.dumps(value)
        lines.append(f" {json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise FileNotFoundError(f"no forecast at {path.absolute()}")
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise QuestionError(f"{path} is no forecast that register wrote: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise QuestionError(f"{path} is no forecast that register wrote: its format is not {FORMAT!r}")
    if (found := _hash_content(content)) != content.get("hash"):
        raise QuestionError(
            f"{path} was changed since it was written: its content hashes to {found[:12]}..., and it says "
            f"{str(content.get('hash'))[:12]}...; it is not scored. Take the file as it was committed"
        )
    return content


def _read_date(date: str) -> str:
    try:
        return calendar.fromisoformat(date).isoformat()
    except (TypeError, ValueError) as error:
        raise QuestionError(f"date= is a day such as '2026-01-31', found {date!r}") from error
