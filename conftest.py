"""No test and no example reads or fills the cache of whoever runs it; tests of the cache name a folder of their own."""

import os

os.environ["SCALING_BAYES_CACHE"] = "off"
