"""A training run: its recipe, its steps, its state on disk and its log."""
