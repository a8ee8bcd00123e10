"""What each command does. `grader.cli` only parses arguments and calls these."""

OK, MEND, USAGE, NOT_FINAL, INTERRUPTED = 0, 1, 2, 3, 130  # exit codes; part of the contract
