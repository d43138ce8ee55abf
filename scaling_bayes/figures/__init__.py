"""Figures: an answer in, a closed matplotlib figure out."""

from scaling_bayes.figures.allocation import plot_allocation, plot_isoflops
from scaling_bayes.figures.answers import FigureError
from scaling_bayes.figures.checking import plot_check
from scaling_bayes.figures.comparison import plot_comparison
from scaling_bayes.figures.crossing import plot_crossover
from scaling_bayes.figures.extrapolation import plot_extrapolation
from scaling_bayes.figures.folds import plot_folds
from scaling_bayes.figures.laws import plot_laws
from scaling_bayes.figures.multiplier import plot_multiplier
from scaling_bayes.figures.planning import plot_plan
from scaling_bayes.figures.prediction import plot_prediction
from scaling_bayes.figures.priors import plot_priors
from scaling_bayes.figures.ranking import plot_ranking
from scaling_bayes.figures.style import save_figure
from scaling_bayes.figures.sweep import plot_sweep

__all__ = [
    "FigureError",
    "plot_allocation",
    "plot_check",
    "plot_comparison",
    "plot_crossover",
    "plot_extrapolation",
    "plot_folds",
    "plot_isoflops",
    "plot_laws",
    "plot_multiplier",
    "plot_plan",
    "plot_prediction",
    "plot_priors",
    "plot_ranking",
    "plot_sweep",
    "save_figure",
]
