"""Short trainings, one loop per framework. Only workers import this package."""
