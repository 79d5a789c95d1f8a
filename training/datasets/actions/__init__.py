"""Clips of 2D poses with an action each, and the readers of the data sets that hold them."""
