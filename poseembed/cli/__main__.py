"""`python -m poseembed.cli` is the `poseembed` command."""

import sys

from poseembed.cli import main

if __name__ == "__main__":
    sys.exit(main())
