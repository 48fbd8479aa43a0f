"""Measurements: whole handovers, beside floors of the same run."""
