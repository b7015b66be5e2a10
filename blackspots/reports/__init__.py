"""Reports: the workbook."""

from __future__ import annotations

from blackspots.reports.workbook import Sheet, write_workbook

__all__ = ["Sheet", "write_workbook"]
