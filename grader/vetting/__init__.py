"""Contracts as programs: each yields named checks that an extension must pass."""
