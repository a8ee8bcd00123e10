"""Running learner code: a fork server per framework, one locked-in worker per program."""
