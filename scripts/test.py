"""Run the tests in an environment of their own: ``scripts/test``, ``py scripts/test.py``.

The arguments go to pytest, which runs in the checkout whatever the current folder is.
"""

import sys

import bootstrap

if __name__ == "__main__":
    sys.exit(bootstrap.main("test", sys.argv[1:]))
