"""Headers that nearly read like known ones: proposed, and taken only when a person says so."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from blackspots.errors import BlackspotsError
from blackspots.presets import filewords, notations
from blackspots.presets.headers import DATE_PARTS, aliases, plain
from blackspots.sources import personal
from blackspots.sources.raw import RawTable

_SHORTEST: Final = 5
"""Letters of a header; shorter ones resemble too much."""
_LONE: Final = 6
"""Letters of a word that may be mistyped where no other word stands beside it."""
_STEM: Final = 5
"""Letters that two forms of a word share: injury, injuries."""
_ENDING: Final = 3
_WHOLE: Final = 3
"""Words of a known header that says enough for any other word to stand beside it."""
_LEAST: Final = 60.0
"""``token_set_ratio`` below which a header is not looked at word by word."""
_COUNTED: Final = frozenset({"deaths", "serious", "slight", "injured"})
_NEEDED: Final = frozenset({"date", "lat", "lon", "x", "y", "coordinates", "route", "km"})


_BRACKETS: Final = re.compile(r"[(\[][^)\]]*[)\]]")


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

    A header is proposed when each word of a known one stands in it, as it is, in another form
    or mistyped, and its further words say nothing of their own: *crash* in a table of crashes,
    *of*, what stands in brackets. So *Số phương tiện*, a number, is not *Phương tiện*, and
    *Date of Filing* is no *Date Of Crash*. Parts of a date are never proposed, nor a date where
    all of them were found.

    Parameters
    ----------
    found
        Column to header, as :func:`blackspots.sources.columns.match` gives it.
    given
        Columns of which the study speaks: they are not proposed again.
    """
    unasked = {*found, *given, *DATE_PARTS}
    if found.keys() >= set(DATE_PARTS):
        unasked.add("date")
    known = {w: c for w, c in aliases(table).items() if c not in unasked}
    if _has_place(found):
        known = {w: c for w, c in known.items() if c not in _NEEDED - {"date"}}
    taken = set(found.values())
    scored: list[tuple[float, str, str]] = []
    for header in map(str, raw.frame.columns):
        name = plain(header)
        if header in taken or len(name) < _SHORTEST or personal.header_kind(header):
            continue
        best = _nearest(table, name, known)
        if best is None and (bare := plain(_BRACKETS.sub(" ", header))) not in {"", name}:
            best = _nearest(table, bare, {w: c for w, c in known.items() if c in _NEEDED})
        if best is not None:
            scored.append((best[0], best[1], header))
    made: dict[str, Proposal] = {}
    for score, column, header in sorted(scored, key=lambda s: (-s[0], s[2])):
        made.setdefault(column, Proposal(column, header, round(score, 1)))
    return sorted(made.values(), key=lambda p: list(known.values()).index(p.column))


def _has_place(found: Mapping[str, str]) -> bool:
    return {"lat", "lon"} <= found.keys() or {"x", "y"} <= found.keys() or "coordinates" in found


def _nearest(table: str, name: str, known: Mapping[str, str]) -> tuple[float, str] | None:
    """Score and column of the known header that a plain one most resembles, if it means it."""
    alike = process.extract(
        name, list(known), scorer=fuzz.token_set_ratio, score_cutoff=_LEAST, limit=None
    )
    joined = {word for word in known if _joined(word) == _joined(name)}
    scores = {
        (fuzz.ratio(_joined(name), _joined(word)), known[word])
        for word in {word for word, _, _ in alike} | joined
        if word in joined or _means(table, name, word, known[word])
    }
    best = max(scores, default=None)
    ties = {column for score, column in scores if best and score == best[0]}
    return best if len(ties) == 1 else None


def _joined(words: str) -> str:
    """``crash date`` as a program spells it: ``crashdate``."""
    return words.replace(" ", "")


def _means(table: str, name: str, word: str, column: str) -> bool:
    """Whether a plain header says what a known one says, and no more."""
    left, sought = name.split(), word.split()
    if (
        column not in _COUNTED  # Số người chết nam: of the dead only the men
        and len(sought) >= _WHOLE
        and len(left) == len(sought) + 1
        and not Counter(sought) - Counter(left)
    ):
        return True
    lone = len(sought) == 1
    for one in sought:
        same = next((other for other in left if _is_same(one, other, lone=lone)), None)
        if same is None:
            return False
        left.remove(same)
    silent = _silent(table) | (_counting() if column in _COUNTED else frozenset())
    return silent.issuperset(left)


def _is_same(one: str, other: str, *, lone: bool) -> bool:
    """Whether two words are one, in another form or mistyped (not in the first letter)."""
    shorter, longer = sorted((len(one), len(other)))
    if one == other:
        return True
    if one[0] != other[0] or longer < (_LONE if lone else _SHORTEST - 1):
        return False
    shared = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), shorter)
    if shared >= _STEM + lone and longer - shared <= _ENDING:
        return True
    slips = 1 if longer < 2 * (_SHORTEST - 1) else 2
    return OSA.distance(one, other, score_cutoff=slips) <= slips


@cache
def _silent(table: str) -> frozenset[str]:
    """Words that say nothing in a header of a table.

    These are its own names, their initials, and words of the known headers of two columns or
    more, which tell none of them; but not those of counts, nor any that make a header.
    """
    names = filewords.names(table)
    initials = {"".join(part[0] for part in words) for words in names if len(words) > 1}
    used: dict[str, set[str]] = {}
    for word, column in aliases(table).items():
        for part in word.split():
            used.setdefault(part, set()).add(column)
    own = {part for words in names for part in words} | initials
    common = {part for part, columns in used.items() if len(columns) > 1}
    silent = (own | common) - aliases(table).keys() - _counting()
    headers = [set(word.split()) for word in aliases(table)]
    telling = {part for parts in headers if parts <= silent for part in parts - own}
    return frozenset(silent - telling)


@cache
def _counting() -> frozenset[str]:
    """Words that make a number of what stands beside them, and units of persons."""
    return notations.counting() | notations.persons()
