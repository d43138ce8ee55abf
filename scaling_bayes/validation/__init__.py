"""Validation: fit again, then ask; where inference and questions meet. Import the modules; this file loads none."""
