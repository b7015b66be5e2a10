"""A check in words and tables: what can be used, what was repaired, what to put right first."""

from __future__ import annotations

from blackspots.checking.terminal import check_lines
from blackspots.checking.workbook import check_sheets, refuse_other, write_check

__all__ = ["check_lines", "check_sheets", "refuse_other", "write_check"]
