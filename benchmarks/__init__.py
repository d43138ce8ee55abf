"""Scoreboards that anyone can run: extrapolation to held-out scales, and speed."""
