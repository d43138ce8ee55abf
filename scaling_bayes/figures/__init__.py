"""Figures: an answer in, a closed matplotlib figure out."""

from scaling_bayes.figures.allocation import plot_allocation, plot_isoflops
from scaling_bayes.figures.answers import FigureError
from scaling_bayes.figures.checking import plot_check
from scaling_bayes.figures.comparison import plot_comparison
from scaling_bayes.figures.contents import read_contents
from scaling_bayes.figures.coverage import plot_coverage
from scaling_bayes.figures.crossing import plot_crossover
from scaling_bayes.figures.estimates import plot_estimates
from scaling_bayes.figures.extrapolation import plot_extrapolation
from scaling_bayes.figures.folds import plot_folds
from scaling_bayes.figures.laws import plot_laws
from scaling_bayes.figures.loss_to_loss import plot_loss_to_loss
from scaling_bayes.figures.multiplier import plot_multiplier
from scaling_bayes.figures.multiverse import plot_multiverse
from scaling_bayes.figures.parameters import plot_parameters
from scaling_bayes.figures.planning import plot_plan
from scaling_bayes.figures.pooling import plot_pooling
from scaling_bayes.figures.prediction import plot_prediction
from scaling_bayes.figures.priors import plot_priors
from scaling_bayes.figures.ranking import plot_ranking
from scaling_bayes.figures.ranks import plot_ranks
from scaling_bayes.figures.saving import save_figure
from scaling_bayes.figures.sweep import plot_sweep
from scaling_bayes.figures.tuning import plot_bowls
from scaling_bayes.figures.venues import list_venues, venue

__all__ = [
    "FigureError",
    "list_venues",
    "plot_allocation",
    "plot_bowls",
    "plot_check",
    "plot_comparison",
    "plot_coverage",
    "plot_crossover",
    "plot_estimates",
    "plot_extrapolation",
    "plot_folds",
    "plot_isoflops",
    "plot_laws",
    "plot_loss_to_loss",
    "plot_multiplier",
    "plot_multiverse",
    "plot_parameters",
    "plot_plan",
    "plot_pooling",
    "plot_prediction",
    "plot_priors",
    "plot_ranking",
    "plot_ranks",
    "plot_sweep",
    "read_contents",
    "save_figure",
    "venue",
]
