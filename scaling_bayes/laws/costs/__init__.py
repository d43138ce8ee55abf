r"""What training, or owning, a network costs, and the data that a budget leaves for a size.

Every cost here is linear in the data,

.. math:: c(N, D) = r(N)\, D + s(N)

with a rate :math:`r` a token and a standing cost :math:`s`, so that the data are known from size and budget:
:math:`D = (c - s(N)) / r(N)`.
"""

from scaling_bayes.laws.costs.cost import Cost, CostError, six_nd
from scaling_bayes.laws.costs.measured import measured
from scaling_bayes.laws.costs.spending import gmacs, gpu_hours, inference, memory_traffic, step_time
from scaling_bayes.laws.costs.transformer import transformer, transformer_width

__all__ = [
    "Cost", "CostError", "gmacs", "gpu_hours", "inference", "measured", "memory_traffic", "six_nd", "step_time",
    "transformer", "transformer_width",
]  # fmt: skip
