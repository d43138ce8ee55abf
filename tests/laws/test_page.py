"""The committed page is what the catalogue says."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from scaling_bayes.laws import CATALOGUE
from scaling_bayes.laws.catalogue import read_entries, read_papers
from scaling_bayes.laws.catalogue.page import write_page

DOCS = Path(__file__).parents[2] / "docs"
PAGE = write_page()


def section(name):
    return re.search(rf"^### {name}\n(.*?)(?=^##)", PAGE, flags=re.MULTILINE | re.DOTALL)[1]


def test_the_committed_page_is_in_step():
    told = "docs/laws.md is not what the catalogue says: run `python -m scaling_bayes.figures.pages docs`"
    assert (DOCS / "laws.md").read_text("utf-8") == PAGE, told
    assert (DOCS / "laws.png").is_file()


@pytest.mark.parametrize("entry", read_entries().values(), ids=read_entries())
def test_a_section_says_all_of_it(entry):
    text, law = section(entry.name), CATALOGUE[entry.name]
    assert f"$$y = {law.latex}$$" in text
    assert f"`{law.formula}`" in text
    for along in entry.alongs:
        for label, numbers in entry.reported(along).items():
            rows = [line for line in text.splitlines() if line.startswith(f"| {label}")]
            assert any(line.endswith(f"| {numbers.trust} |") for line in rows)


def test_numbers_from_memory_are_marked():
    row = next(line for line in section("fp_quant").splitlines() if line.startswith("| Sun et al."))
    assert row.endswith("| memory |")


def test_every_paper_has_a_row_and_every_link_a_target():
    for paper in read_papers().values():
        assert f"| {paper.source.citation} ({paper.source.year}) |" in PAGE
    targets = {heading.lower() for heading in re.findall(r"^### (.+)$", PAGE, flags=re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= targets


def test_tables_have_as_many_cells_as_their_heads():
    cells = [len(re.findall(r"(?<!\\)\|", line)) for line in PAGE.splitlines()]
    for before, after in pairwise(cells):
        assert before == after or 0 in (before, after)
