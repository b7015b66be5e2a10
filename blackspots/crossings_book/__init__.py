"""The railway's register of level crossings: a workbook to filter, a document to print.

Both say the same figures, from the same tables: every crossing by line and km, sums by line and
area, the groups of paths to close, and what inventory and maps do not have in common.
"""

from __future__ import annotations

from blackspots.crossings_book.writing import write_register

__all__ = ["write_register"]
