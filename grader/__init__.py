"""grader: runs, judges and explains deep-learning exercises handed in as notebooks."""

__version__ = "0.1.0"
