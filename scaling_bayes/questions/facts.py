"""What a posterior knows of itself, as the lines of a fit card."""

from scaling_bayes.questions.facts_of_model import MODEL_FACTS
from scaling_bayes.questions.facts_of_runs import RUN_FACTS
from scaling_bayes.questions.fitted import Fit

FACTS = MODEL_FACTS | RUN_FACTS
"""Key of the checklist -> what a fit says of it.

A new line is a row of ``checklist.toml`` and, where it is known, one of these.
"""


def state_facts(fit: Fit) -> dict[str, str]:
    """What is known of every line of the checklist; an empty text where nothing is.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> from scaling_bayes.questions.fitted import read_fit
    >>> law, truth = sb.Law("A*N**-alpha"), {"A": 40.0, "alpha": 0.25}
    >>> sweep = sb.simulate_sweep(law, {"N": [1e6, 1e7, 1e8]}, truth=truth, seed=0)
    >>> facts = state_facts(read_fit(sb.baseline(law, sweep, seed=0, bootstrap=20)))
    >>> facts["sizes"], facts["runs"]
    ('1e+06 to 1e+08 parameters (3 distinct)', '3')
    """
    return {key: state(fit) for key, state in FACTS.items()}
