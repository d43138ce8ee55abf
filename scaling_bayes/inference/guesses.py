"""Where the posterior of every site is, roughly, and how wide: starts and first mass matrix of the sampler."""

from dataclasses import dataclass

import numpy as np

from scaling_bayes.inference.linearisation import Linearisation
from scaling_bayes.inference.potential import latent_shapes
from scaling_bayes.model.bound import BoundModel
from scaling_bayes.model.design import Design


@dataclass(frozen=True)
class Guess:
    """Centre and scale of a site on its unconstrained scale."""

    centre: np.ndarray
    scale: np.ndarray


def guess_sites(program: BoundModel, design: Design, around: Linearisation) -> dict[str, Guess]:
    """Guess every sampled site from one least-squares fit per cell; latents are standard normal under the transport.

    Parameters
    ----------
    program, design
        The model and its arrays.
    around : Linearisation

    Returns
    -------
    dict
        site -> Guess, for unconstrained values.
    """
    shapes = latent_shapes(program, design)
    known = {**_population(program, around, shapes), **_scales(program, design, around)}
    return {name: _fill(known.get(name, (0.0, 1.0)), shape) for name, shape in shapes.items()}


def _population(
    program: BoundModel, around: Linearisation, shapes: dict[str, tuple[int, ...]]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Guesses of the population values whose prior the user gave."""
    theta = np.asarray(around.theta).reshape(-1, len(program.coordinates.names))
    centre = theta.mean(axis=0)
    scale = np.sqrt((theta.var(axis=0) + 1e-4) / len(theta))
    names = {f"population_{n}": i for i, n in enumerate(program.coordinates.names)}
    return {name: (centre[i], scale[i]) for name, i in names.items() if name in shapes}


def _scales(program: BoundModel, design: Design, around: Linearisation) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Guesses of the logarithms of scales, and of the slope of the noise's."""
    runs, cells = float(np.sum(design.weight)), around.theta.shape[0] * around.theta.shape[1]
    drift = (np.log(np.asarray(design.drift_median)), np.full(len(design.drift_median), 0.3))
    spread = np.asarray(design.spread_scale)
    return {
        "sigma": (np.log(np.clip(around.scale, 1e-4, 1.0)), np.asarray(1 / np.sqrt(runs))),
        "noise_slope": (np.asarray(around.slope), np.asarray(1 / np.sqrt(runs))),
        "inefficiency": (np.log(np.clip(around.scale, 1e-3, 1.0)), np.asarray(1 / np.sqrt(runs))),
        "within_spread": (np.log(np.clip(around.scale, 1e-4, 1.0)), np.asarray(0.5)),
        "nu_above_2": (np.log(np.asarray(5.0)), np.asarray(0.5)),
        "drift_spread_common": drift,
        "drift_spread_own": drift,
        **{f"correlation_{g}": (np.asarray(0.0), np.asarray(1 / np.sqrt(cells))) for g, _ in program.correlated},
        "spread": (np.log(spread / 2), np.full(len(spread), np.sqrt(0.5 / max(cells, 2)))),
    }


def _fill(guess: tuple[np.ndarray | float, np.ndarray | float], shape: tuple[int, ...]) -> Guess:
    return Guess(*(np.broadcast_to(np.asarray(part, dtype=np.float64), shape) for part in guess))
