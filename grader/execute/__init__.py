"""Running a whole notebook, cell by cell, in a sandbox of its own: does it run clean from top to bottom?"""
