"""``python -m scaling_bayes``: the command line, as ``scaling-bayes``."""

from scaling_bayes.command.application import app

if __name__ == "__main__":
    app(prog_name="python -m scaling_bayes")
