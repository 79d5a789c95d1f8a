"""Readers of data sets and motion files, one a file."""
