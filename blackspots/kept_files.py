"""Files of the results that a person fills in and a later run reads: never written over."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class KeptFile:
    """Such a file: its name, and the one a new one gets where the first is the file read."""

    name: str
    other: str

    def name_in(self, folder: Path, read: Path | None) -> str:
        """Name of the new file in a folder of results; ``read`` is the file that was read."""
        taken = read is not None and read.resolve() == (folder / self.name).resolve()
        return self.other if taken else self.name

    def keep(self, folder: Path, fresh: Path, read: Path | None) -> None:
        """Copy the file that was read into the folder that takes its folder's place."""
        if self.name_in(folder, read) != self.name:
            shutil.copy2(folder / self.name, fresh / self.name)


def as_written(path: Path, folder: Path) -> str:
    """The path as a study in ``folder`` would name it."""
    full, folder = path.resolve(), folder.resolve()
    return (full.relative_to(folder) if full.is_relative_to(folder) else full).as_posix()
