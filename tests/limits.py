"""How long tests wait for what should end by itself."""

HANGS = 1800
"""Seconds after which a process, or a worker of one, will never answer: on a busy machine ten minutes pass."""
