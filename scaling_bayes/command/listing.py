"""``sweeps`` and ``laws``: what the catalogues hold."""

from typing import Annotated

import typer

import scaling_bayes as sb
from scaling_bayes.command.printing import Json, print_json, print_table

SWEEP_COLUMNS = ("rows", "groups", "local", "title")
LAW_COLUMNS = ("family", "covariates", "formula")


def sweeps(as_json: Json = False) -> None:
    """List the public tables; `local` ones need no network."""
    table = sb.list_sweeps().set_index("name")
    print_table(table if as_json else table[list(SWEEP_COLUMNS)], as_json=as_json)


def laws(
    name: Annotated[str | None, typer.Argument(help="A law to show in full.")] = None,
    family: Annotated[str | None, typer.Option(help="Only laws of this family.")] = None,
    as_json: Json = False,
) -> None:
    """List the laws of the catalogue, or show one."""
    if name is None:
        table = sb.list_laws(family=family)
        print_table(table if as_json else table[list(LAW_COLUMNS)], as_json=as_json)
        return
    law = sb.law(name)
    row = sb.list_laws().loc[name]
    if as_json:
        print_json({"law": name, **row.to_dict(), "roles": dict(law.roles), "pooling": dict(law.pooling)})
        return
    print(f"{name}: {row['use']}\n{law.formula}\n{law.latex}\n{row['source']} {row['arxiv']}".rstrip())
    for parameter, role in law.roles.items():
        print(f"  {parameter}: {role}, {law.pooling.get(parameter, 'shared')}")
