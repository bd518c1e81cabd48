"""Benchmarks: regression tasks, what models cost and give on them, and how the figures are compared."""
