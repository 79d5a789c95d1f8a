"""How action recognition is measured: tasks, systems, fits and tables."""
