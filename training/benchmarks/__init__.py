"""Benchmarks: each a command that prints a table and writes a file; how it is measured is in `training/evaluation/`."""
