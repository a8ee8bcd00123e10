"""grader: runs, judges and explains deep-learning exercises handed in as notebooks."""

__version__ = "0.1.0"


def load_ipython_extension(shell: object) -> None:
    """`%load_ext grader` in a notebook: gives it `%check` and `check(function)`."""
    import importlib

    # By name: everything imports this package, so it must not seem to need the modules above everything.
    importlib.import_module("grader.learner.magic").load(shell)
