"""Inference: NUTS on a bound model, gates, baselines, storage. Import the modules; this file loads none of them."""
