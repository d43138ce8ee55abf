r"""`to_latex` and `latex_macros`: numbers of a paper, written from draws.

A table is one for ``booktabs``; a macro holds a median with its interval.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.questions.digits import round_interval, round_number
from scaling_bayes.questions.points import QuestionError
from scaling_bayes.questions.ranking import is_comparison, rank
from scaling_bayes.questions.summaries import summarise
from scaling_bayes.symbols import SAMPLE, latex

INTERVAL = ("median", "lower", "upper")
LONGEST = 40
"""Rows that a page holds; a longer table is set in parts."""

LONG_WORD = 24
"""Letters after which a word may be broken."""

NAMING = ("quantity", "parameter")
"""Columns whose cells are names of quantities, and no labels."""

DAGGER = r"^{\dagger}"
"""Mark of a number whose posterior failed a sampler gate."""

_SPECIAL = str.maketrans(
    {char: f"\\{char}" for char in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "−": "$-$", "×": r"$\times$", "–": "--"}
)
_LETTERS = re.compile(r"[A-Za-z]+")
_SYMBOL = re.compile(r"(?:[A-Za-z]|alpha|beta|gamma|delta|eta|kappa|lambda|mu|nu|rho|sigma|tau|zeta)(?:_[A-Za-z0-9]+)*")


def to_latex(
    table: xr.Dataset | pd.DataFrame,
    *,
    level: float = 0.9,
    caption: str = "",
    label: str = "",
    note: str = "",
    figures: int = 3,
) -> str:
    r"""Write an answer or a table as LaTeX, for the package ``booktabs``.

    Parameters
    ----------
    table : Dataset or DataFrame
        An answer with draws, which is set as `summarise` has it, a comparison as `rank` has it; or what these,
        `score_table` or any other function returns as a table.
    level : float
        Of the intervals of an answer with draws.
    caption, label : str
        Of the floating table; LaTeX as it is. Without both there is a bare ``tabular``.
    note : str
        Text below the table.
    figures : int
        Significant digits of numbers without an interval.

    Returns
    -------
    str
        One row a row of the table; more than 40 are set as several tables, each short enough for a page. A median and
        its ends are one column, with the digits that the interval supports; other numbers have `figures`. Text is
        escaped, names of parameters are set as mathematics. Sampler gates that the posterior failed are named below
        the table.

    Raises
    ------
    TypeError
        If `table` is neither.
    ValueError
        If an answer has no draws.

    Examples
    --------
    >>> answer = xr.Dataset({"alpha": (("chain", "draw"), np.linspace(0.3, 0.4, 101)[None])})
    >>> print(to_latex(answer))
    \begin{tabular}{lc}
    \toprule
    quantity & median [90\% interval] \\
    \midrule
    $\alpha$ & $0.350\;[0.305, 0.395]$ \\
    \bottomrule
    \end{tabular}
    """
    if isinstance(table, xr.Dataset):
        rows = rank if is_comparison(table) else summarise
        table, said = rows(table, level=level), f"{100 * level:g}% interval"
    elif isinstance(table, pd.DataFrame):
        said = "interval"
    else:
        raise TypeError(f"a table is an answer with draws or a DataFrame, found {type(table).__name__}")
    warning = str(table.columns.name or "")
    text = _as_text(table, said, figures)
    numbers = {str(name) for name in table.select_dtypes("number").columns}
    align = "".join("r" if name in numbers else "c" if name.startswith("median [") else "l" for name in text.columns)
    text.columns = [_name(column) for column in text.columns]
    bodies = [
        text[k : k + LONGEST].to_latex(index=False, escape=False, column_format=align).rstrip()
        for k in range(0, max(len(text), 1), LONGEST)
    ]
    below = escape_latex(" ".join(filter(None, (warning, note))))
    if not (caption or label):
        return "\n\\par\\bigskip\\noindent\n".join(bodies) + (f"\n\\par\\smallskip\\noindent {below}" if below else "")
    return "\n".join(_float(body, k, caption, label, below) for k, body in enumerate(bodies))


def _float(body: str, part: int, caption: str, label: str, below: str) -> str:
    """A floating table; further parts of one have its number, and its label is the first's."""
    lines = [r"\begin{table}", r"\centering"]
    if part:
        lines += [r"\addtocounter{table}{-1}", rf"\caption[]{{{caption} (continued)}}"]
    else:
        lines += [rf"\caption{{{caption}}}"] * bool(caption) + [rf"\label{{{label}}}"] * bool(label)
    lines += [body, *([rf"\par\smallskip {below}"] if below else []), r"\end{table}"]
    return "\n".join(lines)


def latex_macros(numbers: Mapping[str, Any], *, level: float = 0.9) -> str:
    r"""Write numbers as LaTeX macros.

    Parameters
    ----------
    numbers : mapping
        Name of the macro -> an answer with draws of one number (a Dataset with one variable, or a DataArray), a plain
        number, or a text. A name is letters alone, as LaTeX has it.
    level : float
        Of the intervals.

    Returns
    -------
    str
        For draws ``\Name`` (median and interval), ``\NameMedian``, ``\NameLower`` and ``\NameUpper``; for a number or a
        text ``\Name``. Digits are those that the interval supports. A number whose posterior failed a sampler gate has
        a dagger; a comment says what it was made from.

    Raises
    ------
    QuestionError
        For a name that LaTeX cannot have or that is used twice, and for draws of several numbers, or of none.

    Examples
    --------
    >>> answer = xr.Dataset({"C": (("chain", "draw"), np.geomspace(1e20, 4e20, 101)[None])}, attrs={"units": "FLOP"})
    >>> print(latex_macros({"CrossoverC": answer, "Runs": 40}))
    \newcommand{\CrossoverC}{$2.0\;[1.1, 3.7] \times 10^{20}$}% 90% interval, C
    \newcommand{\CrossoverCMedian}{$2.0 \times 10^{20}$}
    \newcommand{\CrossoverCLower}{$1.1 \times 10^{20}$}
    \newcommand{\CrossoverCUpper}{$3.7 \times 10^{20}$}
    \newcommand{\Runs}{$40$}
    """
    lines: dict[str, str] = {}
    for name, value in numbers.items():
        if not _LETTERS.fullmatch(name):
            raise QuestionError(f"a macro's name is letters alone, found {name!r}; write digits as words")
        made = _macros(name, value, level)
        if twice := sorted(made.keys() & lines.keys()):
            raise QuestionError(f"two numbers make the macro {twice[0]!r}; name one of them otherwise")
        lines |= made
    return "\n".join(lines.values())


def escape_latex(text: str) -> str:
    r"""Text that LaTeX prints as it is.

    Examples
    --------
    >>> escape_latex("90% of run_1 & C^2")
    '90\\% of run\\_1 \\& C\\textasciicircum{}2'
    """
    return str(text).translate(_SPECIAL)


def break_latex(text: str) -> str:
    r"""Text as `escape_latex` has it, with places at which a long word, such as a hash, may be broken.

    Examples
    --------
    >>> break_latex("sha256 " + 14 * "a_")
    'sha256 a\\_a\\_a\\_a\\_a\\_a\\_a\\_a\\_a\\_a\\_a\\_a\\_\\allowbreak{}a\\_a\\_'
    """
    pieces = re.sub(rf"\S{{{LONG_WORD}}}(?=\S)", "\\g<0>\0", str(text)).split("\0")
    return r"\allowbreak{}".join(map(escape_latex, pieces))


def _macros(name: str, value: Any, level: float) -> dict[str, str]:
    """Lines by the macro that each defines."""
    if not isinstance(value, xr.Dataset | xr.DataArray):
        number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        said = f"${_mathematics(round_number(float(value), 4))}$" if number else escape_latex(str(value))
        return {name: _define(name, said)}
    drawn = value.to_dataset(name=str(value.name or name)) if isinstance(value, xr.DataArray) else value
    if not set(SAMPLE) <= set(drawn.dims):
        raise QuestionError(f"{name!r} has no draws: give an answer with dims chain and draw, or a plain number")
    table = summarise(drawn, level=level)
    if len(table) != 1:
        raise QuestionError(
            f"{name!r} holds {len(table)} numbers, and a macro is one: select one variable and one point"
        )
    if "probability" in table:
        share = _mathematics(round_number(float(table["probability"].iloc[0]), 3))
        return {name: _define(name, f"${share}{DAGGER if table.columns.name else ''}$") + _remark(drawn, level)}
    texts = round_interval(*(float(table[column].iloc[0]) for column in INTERVAL))
    mark = DAGGER if table.columns.name else ""
    made = {name: _define(name, f"${join_interval(*texts)}{mark}$") + _remark(drawn, level)}
    for ending, text in zip(("Median", "Lower", "Upper"), texts, strict=True):
        made[name + ending] = _define(name + ending, f"${_mathematics(text)}{mark}$")
    return made


def _remark(drawn: xr.Dataset, level: float) -> str:
    """Comment that says what a macro holds."""
    attrs, (name, *_) = drawn.attrs, map(str, drawn.data_vars)
    said = [
        f"{100 * level:g}% interval",
        name,
        *(f"{key} {attrs[key]}" for key in ("law", "data_hash") if key in attrs),
    ]
    if failed := attrs.get("failed_gates"):
        said.append(f"SAMPLER GATES FAILED: {failed}")
    return "% " + ", ".join(said)


def _define(name: str, said: str) -> str:
    return rf"\newcommand{{\{name}}}{{{said}}}"


def join_interval(median: str, lower: str, upper: str) -> str:
    r"""Median and ends as mathematics, a common power of ten written once.

    Examples
    --------
    >>> join_interval("0.35", "0.30", "0.40"), join_interval("2.0e+20", "1.1e+20", "3.7e+20")
    ('0.35\\;[0.30, 0.40]', '2.0\\;[1.1, 3.7] \\times 10^{20}')
    """
    parts = [text.partition("e") for text in (median, lower, upper)]
    powers = {power for _, _, power in parts}
    if len(powers) == 1 and "" not in powers:
        first, second, third = (mantissa for mantissa, _, _ in parts)
        return rf"{first}\;[{second}, {third}] \times 10^{{{int(powers.pop())}}}"
    first, second, third = map(_mathematics, (median, lower, upper))
    return rf"{first}\;[{second}, {third}]"


def _mathematics(text: str) -> str:
    """A written number as mathematics."""
    if text.lstrip("-") in ("inf", "nan"):
        return text.replace("inf", r"\infty").replace("nan", r"\mathrm{none}")
    mantissa, _, power = text.partition("e")
    return rf"{mantissa} \times 10^{{{int(power)}}}" if power else mantissa


def _index_names(table: pd.DataFrame) -> list[str]:
    plain = isinstance(table.index, pd.RangeIndex) and table.index.name is None
    return [] if plain else [str(name or "") for name in table.index.names]


def _as_text(table: pd.DataFrame, interval: str, figures: int) -> pd.DataFrame:
    """Every cell as LaTeX; index levels become columns, a median and its ends become one."""
    names = _index_names(table)
    columns: dict[str, list[str]] = {
        name: [_cell(value, name, figures) for value in table.index.get_level_values(k)] for k, name in enumerate(names)
    }
    whole = set(INTERVAL) <= set(table.columns)
    for column in table.columns:
        if whole and column == "median":
            rows = table[list(INTERVAL)].astype(float).itertuples(index=False)
            columns[f"median [{interval}]"] = [f"${join_interval(*round_interval(*row))}$" for row in rows]
        elif not (whole and column in INTERVAL):
            columns[str(column)] = [_cell(value, str(column), figures) for value in table[column]]
    text = pd.DataFrame(columns)
    if whole and "probability" in table:  # one row is of a quantity or of an event
        event = table["probability"].notna().to_numpy()
        text.loc[event, f"median [{interval}]"], text.loc[~event, "probability"] = "", ""
    return text


def _cell(value: Any, column: str, figures: int) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | float | np.number):
        return f"${_mathematics(round_number(float(value), figures))}$"
    return _name(str(value)) if column in NAMING else escape_latex(str(value))


def _name(text: str) -> str:
    """A parameter's name as mathematics, with the groups in brackets behind it as text; other text escaped."""
    head, bracket, inside = text.partition("[")
    if _SYMBOL.fullmatch(head):
        return f"${latex(head)}$" + (f" {escape_latex(inside.removesuffix(']'))}" if bracket else "")
    return escape_latex(text.replace("_", " "))
