"""Grades as people read them: the terminal, a learner's feedback.md, the class's grades.csv."""
