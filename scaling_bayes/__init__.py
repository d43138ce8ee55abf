"""Hierarchical Bayesian scaling laws."""
