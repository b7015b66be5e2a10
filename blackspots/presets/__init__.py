"""Knowledge as data: definitions, cost tables, countermeasures, headers, labels.

A preset is named by its id or, when it is a user's own, by the path of its file. Every
constant carries a mark: V verified in a source, M from memory, A assumption.
"""

from __future__ import annotations

from blackspots.presets.costs import CostTable, cost_table
from blackspots.presets.countermeasures import Countermeasure, catalogue
from blackspots.presets.definitions import Definition, Rule, definition
from blackspots.presets.headers import aliases, severity_vocabulary

__all__ = [
    "CostTable",
    "Countermeasure",
    "Definition",
    "Rule",
    "aliases",
    "catalogue",
    "cost_table",
    "definition",
    "severity_vocabulary",
]
