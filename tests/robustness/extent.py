"""How much is tried by the attacks that take long (`pytest -m long`), and where they begin."""

import os

LONG = int(os.environ.get("POSEEMBED_ATTACKS", "2500"))
"""How many inputs of each kind."""

FIRST = int(os.environ.get("POSEEMBED_ATTACKS_FIRST", "1"))
"""Number of the first: damage follows from its number, so another one tries what was never tried."""
