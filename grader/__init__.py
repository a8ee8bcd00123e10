"""grader: runs, judges and explains deep-learning exercises handed in as notebooks."""

__version__ = "0.1.0"


def load_ipython_extension(shell: object) -> None:
    """`%load_ext grader` in a notebook: gives it `%check` and `check(function)`."""
    from grader.learner.magic import load

    load(shell)
