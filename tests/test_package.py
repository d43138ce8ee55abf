"""The shop window: every public name is there, and comes when it is asked for."""

import subprocess
import sys

import pytest

import scaling_bayes as sb


@pytest.mark.parametrize("name", sb.__all__)
def test_every_public_name_resolves(name):
    value = getattr(sb, name)
    assert value is getattr(sb, name)
    assert value.__doc__


def test_dir_is_the_public_names():
    assert dir(sb) == sorted(sb.__all__)
    assert len(set(sb.__all__)) == len(sb.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'scaling_bayes' has no attribute 'prediction'"):
        sb.prediction  # noqa: B018 - the access is what is tested


def test_the_version_is_the_installed_one():
    assert sb.__version__[0].isdigit()


@pytest.mark.parametrize(
    ("expression", "loaded"),
    [
        ("sb.predict, sb.score, sb.check, sb.summarise, sb.open_posterior", ""),
        ("sb.compare, sb.rank, sb.crossover, sb.multiplier, sb.exponents", ""),
        ("sb.report, sb.write_report, sb.to_latex, sb.latex_macros", ""),
        ("sb.law('chinchilla'), sb.load_sweep", ""),
        ("sb.figures", "matplotlib"),
        ("sb.Model", "jax numpyro"),
    ],
)
def test_a_name_loads_only_what_it_needs(expression, loaded):
    heavy = "{'jax', 'numpyro', 'matplotlib'}"
    script = f"import sys, scaling_bayes as sb; {expression}; print(*sorted({heavy} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", script], text=True).split() == loaded.split()


def test_numpyro_is_whole_after_arviz():
    script = (
        "import arviz_stats, scaling_bayes as sb, sys; sb.Model; sys.modules['numpyro.distributions'].distribution.Unit"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
