"""A first study file for a folder of data: what each file is for, and what to confirm.

Pure of outputs: :func:`survey` reads the folder, :func:`draft` gives the text of a
``study.toml``. What is unsure stands in it as a comment with the reason; what is taken all the
same, so that the study runs, is marked.
"""

from __future__ import annotations

from blackspots.starting.drafting import draft, report_lines
from blackspots.starting.found import Survey, Taken
from blackspots.starting.survey import survey

__all__ = ["Survey", "Taken", "draft", "report_lines", "survey"]
