"""What the tests of the readers share: reading that must end well, apart and within limits."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from blackspots.errors import BlackspotsError
from blackspots.sources.files import Source
from blackspots.sources.raw import RawTable

_APART = """
import json, resource, sys, time
limit = int(sys.argv[3]) << 20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
from pathlib import Path
from blackspots.errors import BlackspotsError
from blackspots.sources.files import read_raw
def peak():
    # Not ru_maxrss, which a new process takes over from the one that started it.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])
began, before = time.perf_counter(), peak()
try:
    code = sum(len(raw.frame) for raw in read_raw(Path(sys.argv[1])))
except BlackspotsError as error:
    assert error.message("vi") and error.message("en")
    code = error.code
seconds = time.perf_counter() - began
grown = (peak() - before) >> 10
print(json.dumps([code, seconds, grown]))
"""


def apart(path: Path, limit: int = 3000) -> tuple[Any, float, int]:
    """Read a file in a process of its own: rows or code, seconds, megabytes more than before."""
    command = [sys.executable, "-c", _APART, str(path), "", str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    code, seconds, grown = json.loads(done.stdout)
    return code, seconds, grown


def code_of(read: Callable[[], object]) -> str | None:
    """The code of the error that reading ends in, which has its sentences; none if it ends well."""
    try:
        read()
    except BlackspotsError as error:
        found = error
    else:
        return None
    assert all(found.message(language) for language in ("vi", "en"))
    return found.code


def table(path: Path, **options: Any) -> RawTable:
    return Source(path, **options).table("crashes")


def cells(frame: pd.DataFrame) -> list[list[Any]]:
    """The cells row by row, none as None."""
    return frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
