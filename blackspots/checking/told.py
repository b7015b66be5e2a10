"""What a check has to tell: its counts, its words, and what to put right first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import pandas as pd

from blackspots.inputs import rejected_rows
from blackspots.labels import LANGUAGES, format_number, has, text
from blackspots.quality import KM_APART
from blackspots.shown import posts_told
from blackspots.study import Checked

GOOD: Final = 0.9
"""Share from which a register is called good enough in a respect."""
WEAK: Final = 0.7
"""Share below which it is called weak."""
FIRST: Final = 3
"""Losses that are told as what to do first."""
_CLOSE: Final = 10.0
"""Percent below which shares are told to a tenth."""
_NOT_LOST: Final = {"said-duplicate", "total-row", "note-row"}
"""Reasons for a rejected row that loses no crash: nothing to put right."""
ROW: Final = ["file", "sheet", "row"]

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Words:
    """Texts and numbers as a language writes them."""

    language: str

    def say(self, key: str, **fields: Any) -> str:
        """A text of the check."""
        return text(f"check.{key}", self.language, **fields)

    def number(self, value: float, digits: int = 0) -> str:
        """A number as the language writes it."""
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
class Loss:
    """Something that costs crashes, how many, and what to do."""

    count: int
    words: str


class Told:
    """A check, with its counts made once."""

    def __init__(self, checked: Checked, language: str) -> None:
        self.checked = checked
        self.words = Words(language)
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
        rows = rejects[rejects["table"] == "crashes"].drop_duplicates(ROW)
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

    @property
    def posts(self) -> gpd.GeoDataFrame | None:
        """What the km posts were good for; None without any."""
        return self.checked.network.posts if self.checked.network else None

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
        # Equal counts stay in the order of their codes, which no language changes.
        return dict(sorted(made.items(), key=lambda item: -item[1]))

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
        outside = len(self.outside.drop_duplicates(["table", *ROW]))
        found = {
            "apart": (apart, say("count.apart", limit=int(KM_APART), count=apart)),
            "heaps": (heaps, say("count.heaps", count=heaps, crashes=self.heaped)),
            "outside": (outside, say("count.outside", count=outside)),
            "duplicates": (duplicates, say("count.duplicates", count=duplicates)),
        }
        if self.posts is not None:
            unused, jumps = posts_told(self.posts)
            told = say("count.posts", total=len(self.posts), unused=unused, jumps=jumps)
            found["posts"] = (unused + jumps, told)
        return found

    def losses(self) -> list[str]:
        """The greatest losses with what to do, at most three; one line if there is none."""
        words = self.words

        def loss(key: str, count: int, whole: int, *, sheet: str = "", what: str = "") -> Loss:
            named = words.say(f"sheet.{sheet}") if sheet else ""
            share = words.share(count, whole)
            told = words.say(f"loss.{key}", count=count, share=share, what=what, sheet=named)
            return Loss(count, told)

        def several(key: str, counts: Counts, whole: int) -> list[Loss]:
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
