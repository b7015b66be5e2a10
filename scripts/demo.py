"""Run the sample study in an environment of its own: ``scripts/demo``, ``py scripts/demo.py``."""

import sys

import bootstrap

if __name__ == "__main__":
    sys.exit(bootstrap.main("demo", sys.argv[1:]))
