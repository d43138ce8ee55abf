"""The application ``scaling-bayes``: its commands, what it says of errors, and its exit codes.

====  =====================================================================================
code  meaning
====  =====================================================================================
0     done
1     the data, the question or a file cannot be used; one sentence on stderr says why
2     the command line cannot be read: an unknown option, a missing argument, a bad value
3     done, but the posterior failed a sampler gate, and ``--strict`` was given
====  =====================================================================================

Results go to stdout, progress and warnings to stderr.
"""

import sys
import warnings
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import scaling_bayes as sb
from scaling_bayes.command import asking, demonstration, fitting, judging, listing, showing
from scaling_bayes.command.printing import say

HELP = (
    "Hierarchical Bayesian scaling laws: from a table of trained networks to a checked extrapolation.\n\n"
    "Results go to stdout, progress and warnings to stderr. Exit codes: 0 done; 1 the data, the question or a file "
    "cannot be used; 2 the command line cannot be read; 3 done, but the posterior failed a sampler gate and --strict "
    "was given."
)


class Commands(TyperGroup):
    """Commands whose errors are one sentence on stderr, unless a traceback was asked for."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; an error of data, question or file ends it with code 1."""
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)  # of which those of sweeps and gates are
            warnings.showwarning = _warn  # type: ignore[assignment]
            try:
                return super().invoke(ctx)
            except (ValueError, TypeError, OSError, ImportError, KeyError, RuntimeError) as error:
                if ctx.params.get("traceback") or isinstance(error, typer.Exit | typer.Abort):
                    raise
                say(f"error: {error.args[0] if isinstance(error, KeyError) and error.args else error}")
                raise typer.Exit(1) from error


def _warn(message: Warning | str, category: type[Warning], filename: str, lineno: int, *where: Any) -> None:
    """Tell a warning on stderr, without its place in the code."""
    say(f"warning: {message}")


app = typer.Typer(
    name="scaling-bayes",
    cls=Commands,
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def choose(
    traceback: Annotated[bool, typer.Option("--traceback", help="Show where in the code an error came from.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """Hold the options of all commands."""
    if version:
        print(sb.__version__)
        raise typer.Exit


COMMANDS: dict[str, Callable[..., None]] = {
    "fit": fitting.fit,
    "predict": asking.predict,
    "compare": asking.compare,
    "crossover": asking.crossover,
    "multiplier": asking.multiplier,
    "allocate": asking.allocate,
    "require": asking.require,
    "plan": judging.plan,
    "check": judging.check,
    "score": judging.score,
    "report": showing.report,
    "figures": showing.figures,
    "explore": showing.explore,
    "sweeps": listing.sweeps,
    "laws": listing.laws,
    "demo": demonstration.demo,
}
"""Name -> function. ``explore`` is there where the package has an explorer."""

for name, command in COMMANDS.items():
    if name != "explore" or "explore" in sb.__all__:
        app.command(name)(command)


def main() -> None:
    """Run the application on the arguments of the process."""
    app(prog_name=sys.argv[0].rpartition("/")[2] or "scaling-bayes")
