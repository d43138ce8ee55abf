"""The command line, thin over the package: a table in, a checked posterior, answers, figures and a fit card out."""
