"""A check on the terminal."""

from __future__ import annotations

import textwrap
from typing import Final

from blackspots.checking.told import Counts, Told, Words
from blackspots.labels import text
from blackspots.quality import JUDGED
from blackspots.study import Checked

_LISTED: Final = 3
"""Reasons that are told one by one."""
_LABEL, _WIDE, _BLOCKS = 16, 92, 10
"""Letters of a label and of a line; blocks of a whole bar."""


def check_lines(checked: Checked, language: str) -> list[str]:
    """A check for the terminal, about forty lines at the most."""
    told = Told(checked, language)
    words, lines = told.words, [text("check.title", language, name=told.name)]
    lines += [told.banner] if told.banner else []
    lines += [told.period, "", *_row_lines(told), ""]
    blocks = {
        "rejected": told.by_reason("reject", told.rejected_by),
        "unplaced": told.by_reason("reason", told.unplaced_by),
        "repaired": told.remarked("repaired"),
        "doubtful": told.remarked("doubtful"),
    }
    for key, counts in blocks.items():
        lines += _block(words, words.say(f"sheet.{key}"), counts)
    lines += ["", words.say("part.complete"), *_filled_lines(told)]
    more = [line for count, line in told.found().values() if count]
    if told.rejected_of:
        more.append(f"{words.say('part.others')}: {', '.join(told.others())}")
    more += told.columns()
    if more:
        lines += ["", *(textwrap.shorten(line, _WIDE, placeholder=" …") for line in more)]
    lines += ["", words.say("part.first")]
    for loss in told.losses():
        lines += textwrap.wrap(loss, _WIDE, initial_indent="  ", subsequent_indent="     ")
    return lines


def _row_lines(told: Told) -> list[str]:
    """How the rows that were read add up."""
    words = told.words
    steps = (
        ("read", told.read, 0),
        ("usable", told.usable, 2),
        ("placed", told.placed, 4),
        ("unplaced", told.unplaced, 4),
        ("rejected", told.rejected, 2),
    )
    wide = max(_LABEL + 2, *(len(words.say(f"rows.{key}")) + indent for key, _, indent in steps))
    digits = len(words.number(told.read))
    lines = []
    for key, count, indent in steps:
        label = f"{' ' * indent}{words.say(f'rows.{key}')}".ljust(wide)
        share = "" if key == "read" else f"  {words.share(count, told.read):>7}"
        lines.append(f"{label}  {words.number(count):>{digits}}{share}")
    return lines


def _block(words: Words, label: str, counts: Counts) -> list[str]:
    """A label, and beside it the counts by reason: the first ones, and the sum of the others."""
    shown = list(counts.items())
    if len(shown) > _LISTED:
        rest = shown[_LISTED - 1 :]
        others = words.say("more")
        shown = [*shown[: _LISTED - 1], (others, sum(n for _, n in rest))]
    if not shown:
        return [f"{label:<{_LABEL}}{words.number(0):>6}"]
    room = _WIDE - _LABEL - 8
    return [
        f"{label if i == 0 else '':<{_LABEL}}{words.number(n):>6}  "
        + textwrap.shorten(words.short(what), room, placeholder=" …")
        for i, (what, n) in enumerate(shown)
    ]


def _bar(share: float) -> str:
    full = int(share * _BLOCKS + 1e-9) if share < 1 else _BLOCKS
    full = max(full, 1) if share > 0 else 0
    return "█" * full + "░" * (_BLOCKS - full)


def _filled_lines(told: Told) -> list[str]:
    """How full each column is, in two columns."""
    words, table = told.words, told.quality.completeness
    names = {column: words.say(f"column.{column}") for column in JUDGED}
    wide = max(map(len, names.values()))
    cells = [
        f"{names[column]:<{wide}}  {_bar(share)} {words.share(share, 1):>7}"
        for column, share in zip(JUDGED, table["share"].loc[list(JUDGED)], strict=True)
    ]
    half = (len(cells) + 1) // 2
    right = [*cells[half:], ""][:half]
    return [f"  {a}    {b}".rstrip() for a, b in zip(cells[:half], right, strict=True)]
