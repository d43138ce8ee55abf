"""Some of many draws, evenly spread."""

import numpy as np
from numpy.typing import NDArray


def spread_evenly(count: int, total: int) -> NDArray[np.intp]:
    """Places of `count` draws among `total`, each in the middle of its share.

    Examples
    --------
    >>> spread_evenly(3, 12).tolist(), spread_evenly(2, 2).tolist(), spread_evenly(3, 2).tolist()
    ([2, 6, 10], [0, 1], [0, 1, 1])
    """
    return ((np.arange(count) + 0.5) * total / count).astype(np.intp)
