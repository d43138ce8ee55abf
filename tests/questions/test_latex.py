"""LaTeX is set by pdflatex itself: tables, macros and the fit card, with every character that it could stumble over."""

import shutil
import subprocess

import pandas as pd
import pytest

import scaling_bayes as sb

PDFLATEX = shutil.which("pdflatex")
HEAD = "\\documentclass{article}\n\\usepackage{booktabs}\n"
STRANGE = r"50% of <b>runs</b> & $x_1$ | {a} \alpha ~ ^ # × − –"
LAW = "E + A*N**-alpha + B*D**-beta"
POINT = {"N": 1e9, "D": 2e10}

needs_latex = pytest.mark.skipif(
    PDFLATEX is None, reason="pdflatex is not installed (Debian: texlive-latex-recommended)"
)


@pytest.fixture(scope="module")
def posterior(make_posterior, make_sweep):
    labels = ["a_1", "web & 50%", *(f"corpus-{k}" for k in range(8))]  # ten groups: fifty rows of parameters
    return make_posterior(make_sweep(LAW, corpus=labels), LAW, groups=("corpus",), shape=(2, 50))


def set_by_latex(folder, body: str, macros: str = "") -> str:
    """What pdflatex says of a document; an error ends it."""
    (folder / "paper.tex").write_text(f"{HEAD}{macros}\n\\begin{{document}}\n{body}\n\\end{{document}}\n", "utf-8")
    command = [str(PDFLATEX), "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="latin-1", timeout=120)
    assert done.returncode == 0, "\n".join(line for line in done.stdout.splitlines() if line.startswith(("!", "l.")))
    assert (folder / "paper.pdf").stat().st_size > 0
    return done.stdout


@needs_latex
def test_the_fit_card_is_set_within_its_pages(posterior, tmp_path):
    card = sb.report(posterior, {"title": STRANGE, "training": {"optimizer": STRANGE}})
    said = set_by_latex(tmp_path, card.to_latex())
    assert "too high" not in said
    assert "too wide" not in said


@needs_latex
def test_tables_and_macros_are_set(posterior, tmp_path):
    answers = {
        "answer": sb.predict(posterior, POINT),
        "ranks": sb.rank(sb.compare(posterior, "corpus", at=POINT)),
        "parameters": sb.parameters(posterior),
        "long": pd.DataFrame({"runs": range(100), "label": [STRANGE] * 100}),
        "failed": sb.predict(posterior, POINT).assign_attrs(failed_gates="R-hat > 1.01"),
    }
    named = {name: {"caption": r"Of $L$", "label": f"tab:{name}", "note": STRANGE} for name in answers}
    tables = [sb.to_latex(answer, **more) for name, answer in answers.items() for more in ({}, named[name])]
    refer = " ".join(rf"\ref{{tab:{name}}}" for name in answers)
    loss = answers["failed"]["loss"].sel(corpus="a_1").assign_attrs(answers["failed"].attrs)
    macros = sb.latex_macros({"TargetLoss": loss, "Runs": 40, "Law": STRANGE})
    used = r"\TargetLoss, \TargetLossMedian, \TargetLossLower, \TargetLossUpper, \Runs, \Law"
    said = set_by_latex(tmp_path, "\n\\clearpage\n".join([refer, used, *tables]), macros)
    assert "too high" not in said
    assert "multiply defined" not in said


def test_a_table_longer_than_a_page_is_set_in_parts():
    table = pd.DataFrame({"runs": range(81)})
    assert sb.to_latex(table).count(r"\begin{tabular}") == 3
    floats = sb.to_latex(table, caption="Runs", label="tab:runs", note="every run")
    assert floats.count(r"\begin{table}") == floats.count("every run") == 3
    assert floats.count(r"\label{tab:runs}") == 1
    assert floats.count(r"\caption[]{Runs (continued)}") == 2
