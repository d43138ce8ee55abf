"""A fit card as text: templates of Markdown, HTML and LaTeX, filled and escaped."""

import base64
import io
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from sympy.printing.mathml import mathml

from scaling_bayes.laws.law import Law
from scaling_bayes.questions.checklist import ABOUT
from scaling_bayes.questions.typesetting import break_latex, to_latex
from scaling_bayes.symbols import RESPONSES, latex

PARTS = {
    ABOUT: "About",
    "hypothesis": "Hypothesis",
    "training": "Training setup",
    "data": "Data collection",
    "fitting": "Fitting",
}
DPI = 160
"""Of embedded figures."""

_TEX: dict[str, Any] = {
    **{"variable_start_string": "<<", "variable_end_string": ">>", "block_start_string": "<%"},
    **{"block_end_string": "%>", "comment_start_string": "<#", "comment_end_string": "#>"},
}
"""Marks of templates of LaTeX, whose own braces stay as they are."""


def render(name: str, card: Any, **more: Any) -> str:
    """Fill a template.

    Parameters
    ----------
    name : str
        Of the template, without ``.j2``.
    card : Report
    **more
        Further values that it takes.

    Returns
    -------
    str
        Ends with one line break.
    """
    kind = name.rpartition(".")[2]
    template = _environment(kind).get_template(f"{name}.j2")
    return template.render(card=card, headings=PARTS, **more).rstrip() + "\n"


def embed(figure: Any) -> str:
    """Turn a figure into the address of a picture that holds its own data.

    Parameters
    ----------
    figure : matplotlib.figure.Figure, or path of a PNG file
    """
    if isinstance(figure, str | Path):
        picture = Path(figure).read_bytes()
    else:
        figure.savefig(file := io.BytesIO(), format="png", dpi=DPI, metadata={"Software": None})
        picture = file.getvalue()
    return "data:image/png;base64," + base64.b64encode(picture).decode("ascii")


@cache
def _environment(kind: str) -> jinja2.Environment:
    found = jinja2.Environment(
        loader=jinja2.PackageLoader("scaling_bayes.questions"),
        autoescape=kind == "html",
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        **(_TEX if kind == "tex" else {}),
    )
    found.filters |= {"tex": break_latex, "tex_table": to_latex, "md": escape_markdown, "md_table": _markdown_table}
    found.filters |= {"mathml": write_mathml, "letter": _letter}
    return found


def escape_markdown(text: str) -> str:
    r"""Text that Markdown prints as it is, also in a table.

    Examples
    --------
    >>> print(escape_markdown("A*N**-alpha | a_b <c>"))
    A\*N\*\*-alpha \| a\_b &lt;c&gt;
    """
    escaped = str(text).replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for mark in "*_|`$[]":
        escaped = escaped.replace(mark, f"\\{mark}")
    return " ".join(escaped.split())


def write_mathml(law: Law, response: str) -> str:
    """The law as MathML, which browsers set without a script.

    Examples
    --------
    >>> write_mathml(Law("A*N**-alpha"), "loss").startswith("<math")
    True
    """
    left = f"<mi>{_letter(response).strip(chr(92))}</mi><mo>=</mo>" if len(_letter(response)) == 1 else ""
    return f'<math display="block"><mrow>{left}{mathml(law.expression, printer="presentation")}</mrow></math>'


def _letter(response: str) -> str:
    return latex(response) if response in RESPONSES else rf"\mathrm{{{response}}}"


def _markdown_table(frame: pd.DataFrame) -> str:
    rows = [list(map(str, frame.columns)), ["---"] * len(frame.columns), *frame.values.tolist()]
    escaped = [row if k == 1 else [escape_markdown(cell) for cell in row] for k, row in enumerate(rows)]
    return "\n".join("| " + " | ".join(row) + " |" for row in escaped)
