"""`grader serve`: an LTI 1.3 tool where learners hand in and read their feedback."""
