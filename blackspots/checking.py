"""A check in words and tables: what can be used, what was repaired, what to put right first."""

from __future__ import annotations

import contextlib
import os
import tempfile
import textwrap
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from blackspots import crs as crs_
from blackspots.errors import BlackspotsError
from blackspots.inputs import rejected_rows
from blackspots.labels import LANGUAGES, format_number, has, text
from blackspots.quality import JUDGED, KM_APART
from blackspots.reports import Sheet, write_workbook
from blackspots.study import Checked

GOOD: Final = 0.9
"""Share from which a register is called good enough in a respect."""
WEAK: Final = 0.7
"""Share below which it is called weak."""
FIRST: Final = 3
"""Losses that are told as what to do first."""
_MOST_ROWS: Final = 50_000
"""Rows of a sheet: a list that nobody can work through does not get longer."""
_LISTED: Final = 3
_CLOSE: Final = 10.0
"""Percent below which shares are told to a tenth."""
_LABEL, _WIDE, _BLOCKS = 16, 92, 10
_NOT_LOST: Final = {"said-duplicate"}
"""Reasons for a rejected row that the user gave: nothing to put right."""
_ROW: Final = ["file", "sheet", "row"]
_SOURCE: Final = ["source_file", "source_sheet", "source_row"]

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Words:
    """Texts and numbers as a language writes them."""

    language: str

    def say(self, key: str, **fields: Any) -> str:
        return text(f"check.{key}", self.language, **fields)

    def number(self, value: float, digits: int = 0) -> str:
        return format_number(value, self.language, digits)

    def head(self, column: str) -> str:
        """Header of a column of the workbook."""
        own = f"check.head.{column}"
        return text(own if has(own) else f"column.{column}", self.language)

    def table(self, name: str) -> str:
        """A table of inputs by name."""
        return self.say(f"table.{name}") if has(f"check.table.{name}") else name

    def share(self, part: float, whole: float) -> str:
        """A share in percent; never 0 % of something, nor 100 % of less than all."""
        percent = 100 * part / whole if whole else 0.0
        digits = 1 if 0 < percent < _CLOSE or 100 - _CLOSE / 10 < percent < 100 else 0  # noqa: PLR2004
        shown = round(percent, digits)
        if percent > 0 and shown == 0:
            return f"< {self.number(0.1, 1)} %"
        if percent < 100 and shown == 100:  # noqa: PLR2004
            return f"> {self.number(99.9, 1)} %"
        return f"{self.number(shown, digits)} %"

    def grade(self, share: float) -> str:
        """Whether a share is good enough, in words."""
        if share == 0:
            return self.say("grade.none")
        grade = "good" if share >= GOOD else "fair" if share >= WEAK else "weak"
        return self.say(f"grade.{grade}")

    @staticmethod
    def short(words: str) -> str:
        """What is wrong, without what to do."""
        return words.partition(": ")[0]

    @staticmethod
    def lower(words: str) -> str:
        """For use inside a sentence: the first letter small, the rest as it is."""
        return words[:1].lower() + words[1:]


@dataclass(frozen=True, slots=True)
class _Loss:
    """Something that costs crashes, how many, and what to do."""

    count: int
    words: str


class _Told:
    """A check, with its counts made once."""

    def __init__(self, checked: Checked, language: str) -> None:
        self.checked = checked
        self.words = _Words(language)
        self.language = language
        self.inputs = checked.inputs
        self.quality = checked.quality
        located = checked.located
        self.read, self.rejected = checked.read, checked.rejected
        self.usable = len(checked.inputs.register.crashes)
        self.placed = int(located["place"].notna().sum())
        self.unplaced = int(located["place"].isna().sum())
        self._reconcile()
        rejects = self.inputs.rejects
        rows = rejects[rejects["table"] == "crashes"].drop_duplicates(_ROW)
        self.rejected_by = _counts(rows["code"])
        self.unplaced_by = _counts(located.loc[located["place"].isna(), "reason"])
        tables = [table for table in dict.fromkeys(rejects["table"]) if table != "crashes"]
        self.rejected_of = {table: rejected_rows(rejects, table) for table in tables}

    def _reconcile(self) -> None:
        """Every row read is usable or rejected, every usable one placed or not."""
        if self.read != self.usable + self.rejected:
            raise RuntimeError(f"read {self.read} != {self.usable} + {self.rejected}")
        if self.usable != self.placed + self.unplaced:
            raise RuntimeError(f"usable {self.usable} != {self.placed} + {self.unplaced}")

    @property
    def name(self) -> str:
        """The study by name."""
        names = self.checked.study.study.name
        return names.get(self.language) or next(iter(names.values()))

    @property
    def banner(self) -> str:
        """That the data are simulated; empty for real data."""
        if not self.checked.study.study.simulated:
            return ""
        order = sorted(LANGUAGES, key=lambda each: each != self.language)
        return " / ".join(text("term.simulated", each) for each in order)

    @property
    def period(self) -> str:
        """First and last day."""
        start, end = (f"{day:%d/%m/%Y}" for day in self.checked.period)
        return self.words.say("period", start=start, end=end)

    @property
    def without_severity(self) -> int:
        """Usable crashes of unknown severity."""
        return self.usable - int(self.quality.completeness["filled"]["severity"])

    @property
    def heaped(self) -> int:
        """Crashes on suspicious coordinates."""
        return int(self.inputs.stacks["crashes"].sum())

    @property
    def outside(self) -> pd.DataFrame:
        """Rejects of points outside the study area."""
        rejects = self.inputs.rejects
        return rejects[rejects["code"] == "outside-area"]

    def remarks(self, kind: str) -> pd.DataFrame:
        """What was ``repaired``, or taken though ``doubtful``, of all tables."""
        remarks = self.inputs.remarks
        return remarks[remarks["kind"] == kind]

    def remarked(self, kind: str) -> dict[str, int]:
        """Number of cells for each thing that was done, in words, most first."""
        found = self.remarks(kind)
        said = pd.Series([self.remark(row) for row in found.itertuples()], dtype=object)
        sums = found["count"].groupby(said.to_numpy()).sum()
        return _sorted({str(words): int(count) for words, count in sums.items()})

    def remark(self, row: Any) -> str:
        """What was done to a cell."""
        return text(f"{row.kind}.{row.code}", self.language, used=row.used)

    def by_reason(self, prefix: str, counts: Counts) -> dict[str, int]:
        """Counts by reason, in words; reasons of the same words are one."""
        made: dict[str, int] = {}
        for code, count in counts.items():
            words = self.words.lower(text(f"{prefix}.{code}", self.language))
            made[words] = made.get(words, 0) + count
        return _sorted(made)

    def columns(self) -> list[str]:
        """Columns that were left out; those of personal data by themselves."""
        register = self.inputs.register
        personal = [name for name in register.personal if name in register.dropped]
        lists = {
            "left-out": [name for name in register.dropped if name not in personal],
            "personal": personal,
            "allowed": [name for name in register.personal if name not in register.dropped],
        }
        return [
            self.words.say(f"columns.{key}", list=", ".join(names))
            for key, names in lists.items()
            if names
        ]

    def others(self) -> list[str]:
        """Rejected rows of the tables other than the register."""
        return [f"{self.words.table(name)}: {n}" for name, n in self.rejected_of.items()]

    def found(self) -> dict[str, tuple[int, str]]:
        """What else was looked for: how often it was found, and the line that says so."""
        say, heaps = self.words.say, len(self.inputs.stacks)
        apart, duplicates = len(self.quality.apart), len(self.quality.duplicates)
        outside = len(self.outside.drop_duplicates(["table", *_ROW]))
        return {
            "apart": (apart, say("count.apart", limit=int(KM_APART), count=apart)),
            "heaps": (heaps, say("count.heaps", count=heaps, crashes=self.heaped)),
            "outside": (outside, say("count.outside", count=outside)),
            "duplicates": (duplicates, say("count.duplicates", count=duplicates)),
        }

    def losses(self) -> list[str]:
        """The greatest losses with what to do, at most three; one line if there is none."""
        words = self.words

        def loss(key: str, count: int, whole: int, *, sheet: str = "", what: str = "") -> _Loss:
            named = words.say(f"sheet.{sheet}") if sheet else ""
            share = words.share(count, whole)
            told = words.say(f"loss.{key}", count=count, share=share, what=what, sheet=named)
            return _Loss(count, told)

        def several(key: str, counts: Counts, whole: int) -> list[_Loss]:
            return [loss(key, n, whole, sheet=key, what=what) for what, n in counts.items()]

        lost = {code: n for code, n in self.rejected_by.items() if code not in _NOT_LOST}
        own = self.remarks("doubtful")
        own = own[own["table"] == "crashes"]
        doubtful: dict[str, int] = {}
        for row in own.itertuples():
            doubtful[self.remark(row)] = doubtful.get(self.remark(row), 0) + int(str(row.count))
        apart, twice = len(self.quality.apart), len(self.quality.duplicates)
        every = [
            *several("rejected", self.by_reason("reject", lost), self.read),
            *several("unplaced", self.by_reason("reason", self.unplaced_by), self.read),
            loss("severity", self.without_severity, self.usable),
            loss("heaps", self.heaped, self.usable, sheet="heaps"),
            loss("apart", apart, self.usable, sheet="apart"),
            loss("duplicates", twice, self.usable, sheet="duplicates"),
            *several("doubtful", doubtful, self.usable),
        ]
        greatest = sorted((each for each in every if each.count), key=lambda each: -each.count)
        told = [f"{i}. {each.words}" for i, each in enumerate(greatest[:FIRST], start=1)]
        return told or [words.say("loss.none")]

    def grades(self) -> list[str]:
        """How good the register is in each respect."""
        words, filled = self.words, self.quality.completeness["filled"]
        persons = int(filled[["deaths", "injured"]].min())
        parts = {
            "usable": (self.usable, self.read),
            "placed": (self.placed, self.read),
            "date": (int(filled["date"]), self.usable),
            "severity": (int(filled["severity"]), self.usable),
            "persons": (persons, self.usable),
        }
        lines = []
        for key, (part, whole) in parts.items():
            told = words.grade(part / whole if whole else 0.0)
            lines.append(words.say(f"good.{key}", share=words.share(part, whole), grade=told))
        good, weak = words.share(GOOD, 1), words.share(WEAK, 1)
        return [*lines, words.say("good.scale", good=good, weak=weak)]


def _counts(codes: pd.Series) -> dict[str, int]:
    return _sorted({str(k): int(n) for k, n in codes.value_counts(sort=False).items()})


def _sorted(counts: Counts) -> dict[str, int]:
    """Most first, equal ones by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def check_lines(checked: Checked, language: str) -> list[str]:
    """A check for the terminal, about forty lines at the most."""
    told = _Told(checked, language)
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


def _row_lines(told: _Told) -> list[str]:
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


def _block(words: _Words, label: str, counts: Counts) -> list[str]:
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


def _filled_lines(told: _Told) -> list[str]:
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


def check_sheets(checked: Checked, language: str) -> list[Sheet]:
    """A check as the sheets of a workbook."""
    told = _Told(checked, language)
    limit = int(KM_APART)
    return [
        _summary(told),
        _rejected(told, "rejected", told.inputs.rejects),
        _unplaced(told),
        _remarks(told, "repaired"),
        _remarks(told, "doubtful"),
        _complete(told),
        _by(told, "district", told.quality.by_district),
        _by(told, "year", told.quality.by_year),
        _apart(told, limit),
        _heaps(told),
        _rejected(told, "outside", told.outside),
        _duplicates(told),
    ]


def _summary(told: _Told) -> Sheet:
    words = told.words
    say = words.say

    def counted(counts: Counts) -> list[str]:
        lines = [f"   {words.number(n)}  –  {what}" for what, n in counts.items()]
        return lines or [f"   {say('none')}"]

    parts: dict[str, Sequence[str]] = {
        "good": told.grades(),
        "first": told.losses(),
        "rejected": counted(told.by_reason("reject", told.rejected_by)),
        "others": [f"   {line}" for line in told.others()] or [f"   {say('none')}"],
        "unplaced": counted(told.by_reason("reason", told.unplaced_by)),
        "repaired": counted(told.remarked("repaired")),
        "doubtful": counted(told.remarked("doubtful")),
        "found": [line for _, line in told.found().values()],
        "columns": told.columns(),
        "sources": told.checked.study.study.sources,
    }
    lines = [say("title", name=told.name), told.period]
    lines.append(
        say(
            "rows.sum",
            read=told.read,
            usable=told.usable,
            rejected=told.rejected,
            placed=told.placed,
            unplaced=told.unplaced,
        )
    )
    for key, texts in parts.items():
        if texts:
            lines += ["", say(f"part.{key}").upper(), *texts]
    return Sheet(say("sheet.summary"), lines)


def _sheet(
    told: _Told,
    key: str,
    columns: Mapping[str, tuple[str, Sequence[Any]]],
    *,
    heads: Mapping[str, str] | None = None,
    printed: int | None = None,
    **about: Any,
) -> Sheet:
    """A sheet of columns: name to number format and values."""
    words = told.words
    title = words.say(f"sheet.{key}")
    lines = [f"{title} – {told.name}", words.say(f"about.{key}", **about)]
    total = len(next(iter(columns.values()))[1])
    if total == 0:
        lines.append(words.say("none"))
    elif total > _MOST_ROWS:
        lines.append(words.say("cut", shown=_MOST_ROWS, total=total))
    cells = [list(values)[:_MOST_ROWS] for _, values in columns.values()]
    return Sheet(
        title,
        lines,
        [(heads or {}).get(column) or words.head(column) for column in columns],
        [list(row) for row in zip(*cells, strict=True)],
        [form for form, _ in columns.values()],
        printed,
    )


def _in_file_order(frame: pd.DataFrame) -> pd.DataFrame:
    """The register first; then as the rows stand in their files."""
    made = frame.assign(_other=frame["table"] != "crashes")
    return made.sort_values(["_other", "table", *_ROW], kind="stable").drop(columns="_other")


def _rejected(told: _Told, key: str, rejects: pd.DataFrame) -> Sheet:
    frame = _in_file_order(rejects)
    fixes = {code: text(f"reject.{code}", told.language) for code in frame["code"].unique()}
    columns: dict[str, tuple[str, Sequence[Any]]] = {
        "table": ("", [told.words.table(name) for name in frame["table"]]),
        **{name: ("0" if name == "row" else "", list(frame[name])) for name in _ROW},
        "column": ("", list(frame["column"])),
        "value": ("", list(frame["value"])),
        "fix": ("", [fixes[code] for code in frame["code"]]),
    }
    return _sheet(told, key, columns)


def _unplaced(told: _Told) -> Sheet:
    located = told.checked.located
    frame = located[located["place"].isna()].reset_index()
    reasons = {code: text(f"reason.{code}", told.language) for code in frame["reason"].unique()}
    columns: dict[str, tuple[str, Sequence[Any]]] = {
        "crash_id": ("", list(frame["crash_id"])),
        "reason": ("", [reasons[code] for code in frame["reason"]]),
        **_crash_columns(frame, ["date", "district", "route", "km", *_SOURCE]),
    }
    return _sheet(told, "unplaced", columns)


def _remarks(told: _Told, kind: str) -> Sheet:
    frame = _in_file_order(told.remarks(kind))
    columns: dict[str, tuple[str, Sequence[Any]]] = {
        "table": ("", [told.words.table(name) for name in frame["table"]]),
        **{name: ("0" if name == "row" else "", list(frame[name])) for name in _ROW},
        "column": ("", list(frame["column"])),
        "count": ("#,##0", list(frame["count"])),
        "value": ("", list(frame["value"])),
        "used": ("", list(frame["used"])),
        "what": ("", [told.remark(row) for row in frame.itertuples()]),
    }
    return _sheet(told, kind, columns)


def _complete(told: _Told) -> Sheet:
    table = told.quality.completeness.loc[list(JUDGED)]
    filled = [int(n) for n in table["filled"]]
    columns: dict[str, tuple[str, Sequence[Any]]] = {
        "column": ("", [told.words.say(f"column.{column}") for column in table.index]),
        "filled": ("#,##0", filled),
        "missing": ("#,##0", [told.usable - n for n in filled]),
        "share": ("0 %", list(table["share"])),
        "grade": ("", [told.words.grade(share) for share in table["share"]]),
    }
    return _sheet(told, "complete", columns)


def _by(told: _Told, key: str, table: pd.DataFrame) -> Sheet:
    """Shares by district or year, then what belongs to none, and all together."""
    judged = list(JUDGED)
    every = told.quality.completeness
    shares = table[judged].astype("float64")
    names: list[Any] = [str(name) if key == "district" else int(name) for name in table.index]
    counts = [int(n) for n in table["crashes"]]
    rows = [list(row) for row in shares.itertuples(index=False)]
    rest = told.usable - sum(counts)
    if rest:
        known = shares.mul(table["crashes"], axis=0).sum()
        left = (every.loc[judged, "filled"] - known).round() / rest
        names.append(told.words.say(f"without-{key}"))
        counts.append(rest)
        rows.append(list(left))
    if names:
        names.append(text("term.total", told.language))
        counts.append(told.usable)
        rows.append(list(every.loc[judged, "share"]))
    # A year is a number, the words below it are text: they stand in one column.
    columns: dict[str, tuple[str, Sequence[Any]]] = {
        key: ("" if key == "district" else "0", names),
        "crashes": ("#,##0", counts),
    }
    for i, column in enumerate(judged):
        columns[f"share-{column}"] = ("0 %", [row[i] for row in rows])
    heads = {f"share-{column}": told.words.say(f"column.{column}") for column in judged}
    return _sheet(told, key, columns, heads=heads)


def _apart(told: _Told, limit: int) -> Sheet:
    frame = told.quality.apart.rename_axis("crash_id").reset_index()
    columns: dict[str, tuple[str, Sequence[Any]]] = {
        "crash_id": ("", list(frame["crash_id"])),
        **_crash_columns(frame, ["route", "km"]),
        "apart": ("#,##0", list(frame["km_difference"].abs())),
        **_crash_columns(frame, _SOURCE),
    }
    return _sheet(told, "apart", columns, limit=limit)


def _heaps(told: _Told) -> Sheet:
    frame = told.inputs.stacks.sort_values("crashes", ascending=False, kind="stable")
    here = told.checked.located.crs
    x, y = (frame[axis].to_numpy(dtype="float64") for axis in ("x", "y"))
    lon, lat = crs_.transform(x, y, here, crs_.WGS84) if len(frame) else (x, y)
    columns: dict[str, tuple[str, Sequence[Any]]] = {
        "crashes": ("#,##0", list(frame["crashes"])),
        "reason": ("", [told.words.say(f"heap.{code}") for code in frame["reason"]]),
        "area": ("", list(frame["area"])),
        "uncertainty": ("#,##0", list(frame["uncertainty"])),
        "coordinate": ("", [f"{a:.6f}, {b:.6f}" for a, b in zip(lat, lon, strict=True)]),
        "ids": ("", [str(ids).replace(";", "; ") for ids in frame["ids"]]),
    }
    return _sheet(told, "heaps", columns, printed=5)


def _duplicates(told: _Told) -> Sheet:
    frame = told.quality.duplicates.rename_axis("crash_id").reset_index()
    partner = ["partner_file", "partner_sheet", "partner_row"]
    columns: dict[str, tuple[str, Sequence[Any]]] = {
        "crash_id": ("", list(frame["crash_id"])),
        "duplicate_of": ("", list(frame["duplicate_of"])),
        **_crash_columns(frame, ["date", "hour", "route", "km", "deaths", "injured"]),
        **_crash_columns(frame, [*_SOURCE, *partner]),
    }
    return _sheet(told, "duplicates", columns)


_FORMATS: Final = {
    "date": "dd/mm/yyyy",
    "km": "0.000",
    **dict.fromkeys(("hour", "deaths", "injured", "source_row", "partner_row"), "0"),
}


def _crash_columns(
    frame: pd.DataFrame, names: Sequence[str]
) -> dict[str, tuple[str, Sequence[Any]]]:
    """Columns of crashes with their number formats."""
    return {name: (_FORMATS.get(name, ""), list(frame[name])) for name in names}


def refuse_other(path: Path) -> None:
    """Raise ``check-foreign`` when ``path`` is there and was not written by a check.

    A mistyped ``--out`` must not replace the register itself.
    """
    if path.exists() and not _is_ours(path):
        raise BlackspotsError("check-foreign", file=str(path))


def _is_ours(path: Path) -> bool:
    """Whether a file is a workbook of this program, even if saved again by another one."""
    try:
        with zipfile.ZipFile(path) as book:
            return b">blackspots</dc:title>" in book.read("docProps/core.xml")
    except (OSError, KeyError, zipfile.BadZipFile):
        return False


def write_check(checked: Checked, path: Path, language: str) -> Path:
    """Write the workbook of a check, whole or not at all; returns its full path.

    Raises
    ------
    BlackspotsError
        ``check-foreign`` when another file is there; ``output-locked`` or ``output-failed``
        when it cannot be replaced or written.
    """
    path = path.resolve()
    refuse_other(path)
    sheets = check_sheets(checked, language)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=".xlsx", dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise BlackspotsError("output-failed", folder=str(path), problem=str(error)) from error
    fresh = Path(name)
    try:
        write_workbook(fresh, sheets, banner=_Told(checked, language).banner)
        fresh.chmod(0o644)
        _replace(fresh, path)
    except OSError as error:
        raise BlackspotsError("output-failed", folder=str(path), problem=str(error)) from error
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
    return path


def _replace(fresh: Path, path: Path) -> None:
    """Put ``fresh`` where ``path`` is; a file that is open elsewhere cannot be replaced."""
    with fresh.open("rb+") as handle:
        os.fsync(handle.fileno())
    try:
        fresh.replace(path)
    except OSError as error:
        if not path.exists():
            raise
        raise BlackspotsError("output-locked", file=str(path)) from error
