"""``python -m blackspots``."""

from __future__ import annotations

import sys

from blackspots.cli import main

if __name__ == "__main__":
    sys.exit(main())
