"""Explorer: a posterior in JupyterLab, without a fit."""
