"""Headers that nearly read like known ones: proposed, and taken only when a person says so."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rapidfuzz import fuzz, process

from blackspots.errors import BlackspotsError
from blackspots.presets.headers import aliases, plain
from blackspots.sources import personal
from blackspots.sources.raw import RawTable

ALIKE: Final = 75.0
"""``token_sort_ratio`` from which a header is proposed for a column."""
WITHIN: Final = 90.0
"""``token_set_ratio`` from which one is, for a column that a table cannot do without."""
_SHORTEST: Final = 5
"""Letters of a header; shorter ones resemble too much."""
_NEEDED: Final = frozenset({"date", "lat", "lon", "x", "y", "coordinates", "route", "km"})


@dataclass(frozen=True, slots=True)
class Proposal:
    """A header that may stand for a column; ``score`` from 0 to 100."""

    column: str
    header: str
    score: float


class UnconfirmedHeaders(BlackspotsError):
    """Headers that a person must confirm; the message holds the lines to paste.

    Parameters
    ----------
    asked
        Where a table stands, and what is proposed for it.
    known
        Column to the headers that other tables have for it: they must stay when a study
        comes to name the column.
    """

    def __init__(
        self,
        table: str,
        asked: Sequence[tuple[str, Sequence[Proposal]]],
        known: Mapping[str, Iterable[str]],
    ) -> None:
        self.table = table
        self.proposals = {p.header: p for _, some in asked for p in some}
        self._known = known
        self.columns = self.confirmed(self.proposals)
        where = ", ".join(dict.fromkeys(where for where, _ in asked))
        super().__init__("headers-unconfirmed", file=where, table=table, block=block(self.columns))

    def confirmed(self, headers: Container[str]) -> dict[str, str | list[str]]:
        """What a study must say when those of the headers are right and the others wrong.

        ``""`` among the headers of a column says that a table may have none of them.
        """
        merged: dict[str, list[str]] = {}
        for proposal in self.proposals.values():
            names = merged.setdefault(proposal.column, list(self._known.get(proposal.column, ())))
            names.append(proposal.header if proposal.header in headers else "")
        distinct = {column: list(dict.fromkeys(names)) for column, names in merged.items()}
        return {c: names[0] if len(names) == 1 else names for c, names in distinct.items()}


def block(columns: Mapping[str, str | Sequence[str]]) -> str:
    """Lines of TOML that name the headers of columns."""
    lines = []
    for column, headers in columns.items():
        names = [headers] if isinstance(headers, str) else list(headers)
        quoted = ['"' + n.replace("\\", "\\\\").replace('"', '\\"') + '"' for n in names]
        value = quoted[0] if len(quoted) == 1 else f"[{', '.join(quoted)}]"
        lines.append(f"{column} = {value}")
    return "\n".join(lines)


def propose(
    raw: RawTable,
    table: str,
    found: Mapping[str, str],
    given: Collection[str],
) -> list[Proposal]:
    """At most one header for each column that was neither found nor given.

    Parameters
    ----------
    found
        Column to header, as :func:`blackspots.sources.columns.match` gives it.
    given
        Columns of which the study speaks: they are not proposed again.
    """
    known = {w: c for w, c in aliases(table).items() if c not in found and c not in given}
    if _has_place(found):
        known = {w: c for w, c in known.items() if c not in _NEEDED - {"date"}}
    words = [word for word in known if len(word) >= _SHORTEST]
    taken = set(found.values())
    scored: list[tuple[float, str, str]] = []
    for header in map(str, raw.frame.columns):
        name = plain(header)
        if header in taken or len(name) < _SHORTEST or personal.header_kind(header):
            continue
        best = process.extractOne(name, words, scorer=fuzz.token_sort_ratio, score_cutoff=ALIKE)
        if best is None:
            needed = [w for w in words if known[w] in _NEEDED]
            best = process.extractOne(
                name, needed, scorer=fuzz.token_set_ratio, score_cutoff=WITHIN
            )
        if best is not None:
            scored.append((best[1], known[best[0]], header))
    made: dict[str, Proposal] = {}
    for score, column, header in sorted(scored, key=lambda s: (-s[0], s[2])):
        made.setdefault(column, Proposal(column, header, round(score, 1)))
    return sorted(made.values(), key=lambda p: list(known.values()).index(p.column))


def _has_place(found: Mapping[str, str]) -> bool:
    return {"lat", "lon"} <= found.keys() or {"x", "y"} <= found.keys() or "coordinates" in found
