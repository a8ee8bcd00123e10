"""What instructors have, folders and exports of learning systems, -> submissions. See docs/intake.md.

Nothing from a folder or zip is ever written to disk; names only become ids. What cannot be read is still a
submission, with the reason why, and every file that is none is in `Intake.left_out`.
"""

from grader.intake.gather import alone, find, one, read
from grader.intake.naming import safe_id
from grader.intake.records import Entry, Intake, LeftOut, UsageError

__all__ = ["Entry", "Intake", "LeftOut", "UsageError", "alone", "find", "one", "read", "safe_id"]
