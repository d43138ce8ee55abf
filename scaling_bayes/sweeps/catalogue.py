"""The catalogue of public sweeps: list them, load one."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import xarray as xr

from scaling_bayes.sweeps.assembly import assemble, declare_shared
from scaling_bayes.sweeps.cards import Card, Response, find_cards, read_card
from scaling_bayes.sweeps.checks import SweepError
from scaling_bayes.sweeps.declaration import Declaration, pick_names
from scaling_bayes.sweeps.downloads import fetch_file, find_local
from scaling_bayes.sweeps.readers import SAVED, read_saved
from scaling_bayes.sweeps.subsets import choose_rows
from scaling_bayes.sweeps.tables import join_tables

NORMAL_95 = 1.959963984540054
"""Half-width of a central 95 % interval of a normal distribution, in standard errors."""


def list_sweeps() -> pd.DataFrame:
    """Catalogue of public sweeps, one row each; nothing is downloaded.

    Returns
    -------
    DataFrame
        Columns name, title, rows, groups, licence, citation, url, local (whether loading needs no network).

    Examples
    --------
    >>> list_sweeps().set_index("name").loc["chinchilla", "rows"].item()
    245
    """
    cards = [read_card(name) for name in find_cards()]
    rows = [
        {
            "name": card.name,
            "title": card.title,
            "rows": card.rows,
            "groups": ", ".join(pick_names(card.sweep.get("groups", ()))),
            "licence": card.licence,
            "citation": card.citation,
            "url": card.url,
            "local": not missing_files(card.name),
        }
        for card in cards
    ]
    return pd.DataFrame(rows)


def missing_files(name: str) -> list[str]:
    """Files of a sweep that are neither shipped, nor in the mirror, nor in the cache.

    Examples
    --------
    >>> isinstance(missing_files("chinchilla"), list)
    True
    """
    card = read_card(name)
    return [file.name for file in card.files if find_local(file, card.folder) is None]


def load_sweep(name: str, *, response: str | None = None, subset: str | None = None, **overrides: Any) -> xr.Dataset:
    """Load a public sweep by name.

    Files come from ``$SCALING_BAYES_MIRROR``, the cache or the network, in this order, and are checked by sha256.
    What looks wrong with a published table is flagged and kept in ``attrs["notes"]``, not warned about.

    Parameters
    ----------
    name : str
        A name of `list_sweeps`.
    response : str, optional
        Another column of the table to take as response, for instance another evaluation set; by default the subset's
        own, if its card names one, or the sweep's.
    subset : str, optional
        Rows that the card names, for instance ``"published_fit"``, or ``"all"``; what is left out is counted in attrs.
    **overrides
        Arguments of `as_sweep`, in place of the card's.

    Raises
    ------
    SweepError
        If the name, response or subset is unknown, or a file cannot be had or is not the one described.

    Examples
    --------
    >>> load_sweep("chinchila")
    Traceback (most recent call last):
    ...
    scaling_bayes.symbols.words.SweepError: no sweep 'chinchila' in the catalogue: did you mean 'chinchilla'? Known: ...
    """
    card = read_card(name)
    paths = [fetch_file(file, card.folder) for file in card.files]
    if paths[0].name.endswith(SAVED):
        if response or overrides:
            raise SweepError(f"sweep {name!r} is saved as it is: it takes no response= or other argument of as_sweep.")
        whole = read_saved(paths[0]).assign_attrs(_provenance(card))
        whole = declare_shared(whole) if card.sweep.get("response_se_shared") else whole
        rows, why = choose_rows(card, subset, lambda column: whole[column].values, str(whole.attrs["response"]))
        return _count_dropped(whole.isel(run=rows), whole.sizes["run"] - len(rows), why)
    table = join_tables(card, paths)
    own = card.subsets.get(subset or card.default_subset, {}).get("response")
    chosen = card.find_response(response or own, list(table.columns))
    rows, why = choose_rows(card, subset, lambda column: table[column].to_numpy(), chosen.column)
    sweep = assemble(*_declare(table.iloc[rows], card, chosen, overrides))
    return _count_dropped(sweep, card.rows - len(rows), why)


def _count_dropped(sweep: xr.Dataset, dropped: int, why: list[str]) -> xr.Dataset:
    """Say in attrs how many rows the card and a subset left out."""
    sweep.attrs["dropped"] += dropped
    sweep.attrs["dropped_why"] = [*why, *sweep.attrs["dropped_why"]]
    return sweep


def _provenance(card: Card) -> dict[str, str]:
    return {"sweep": card.name, "title": card.title, "source": card.url, "citation": card.citation,
            "licence": card.licence}  # fmt: skip


def _declare(
    table: pd.DataFrame, card: Card, response: Response, overrides: Mapping[str, Any]
) -> tuple[pd.DataFrame, Declaration]:
    """Join the card's declaration with what the caller overrides."""
    stated: dict[str, Any] = {**card.sweep, **overrides, "response": {response.symbol: response.column}}
    wanted = [*pick_names(stated["covariates"]), response.symbol]
    units = {**card.sweep["units"], response.symbol: response.unit, **overrides.get("units", {})}
    stated["units"] = {name: unit for name, unit in units.items() if name in wanted}
    if response.interval:
        low, high = (table[end] for end in response.interval)
        table = table.assign(**{"published standard error": (high - low) / (2 * NORMAL_95)})
        stated.setdefault("response_se", "published standard error")
    attrs = _provenance(card) | {"response_column": response.column}
    return table, Declaration(**stated, extra_attrs=attrs)
