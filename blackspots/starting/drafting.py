"""The study file, with a comment in the user's language to whatever is not plain."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Final

from blackspots import labels
from blackspots.errors import BlackspotsError
from blackspots.labels import Term
from blackspots.starting.found import Choice, Survey, Taken

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_HEADER: Final = {"areas": "[[areas]]"}
_COMMENT_AT: Final = 31


def draft(found: Survey, language: str) -> str:
    """The text of a ``study.toml`` for what was found."""
    writer = _Writer(language)
    writer.study(found)
    writer.register(found)
    for taken in found.layers:
        writer.layer(taken)
    if not found.can_place:
        writer.comment("no-places")
    writer.rest(found)
    return writer.text()


def report_lines(found: Survey, language: str) -> list[str]:
    """What each file was taken for, and what to confirm."""
    writer = _Writer(language)
    lines = []
    for taken in found.findings:
        named = labels.Term(f"start.{taken.table}", {"level": taken.level})
        if taken.doubt is not None:
            why = writer.term(taken.doubt)
            lines.append(writer.say("unsure", file=_name(taken), table=named, why=why))
        elif taken.part.seen:
            lines.append(writer.say("took", file=_name(taken), table=named, rows=taken.rows))
        else:
            lines.append(writer.say("took-unseen", file=_name(taken), table=named))
    if found.unused:
        lines.append(writer.say("unused-about"))
        lines += [
            "  " + writer.say("unused", file=file, why=writer.term(why))
            for file, why in found.unused
        ]
    for table, choices in (
        ("crashes", found.columns),
        *((t.table, t.columns) for t in found.layers if t.doubt is None),
    ):
        if choices:
            lines.append(writer.say("confirm-these", table=table))
        for choice in choices:
            header = choice.header or writer.say("none")
            shown = header if isinstance(header, str) else ", ".join(header)
            why = writer.term(choice.note)
            said = writer.say("columns-line", column=choice.column, header=shown, why=why)
            lines.append(f"  {said}")
    if not found.can_place:
        lines.append(writer.say("no-places"))
    return lines


class _Writer:
    """Collects lines; ``off`` lines stand as comments."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.lines: list[str] = []

    def text(self) -> str:
        return "\n".join(self.lines).rstrip("\n") + "\n"

    def say(self, key: str, **fields: Any) -> str:
        return _one_line(labels.text(f"start.{key}", self.language, **fields))

    def term(self, term: Term | BlackspotsError) -> str:
        if isinstance(term, BlackspotsError):
            return _one_line(term.message(self.language))
        return _one_line(labels.text(term.key, self.language, **term.fields))

    def comment(self, key: str, **fields: Any) -> None:
        self.lines.append(f"# {self.say(key, **fields)}")

    def note(self, term: Term | BlackspotsError) -> None:
        self.lines.append(f"# {self.term(term)}")

    def line(self, key: str, value: Any, comment: str = "", *, off: bool = False) -> None:
        made = f"{'# ' if off else ''}{_key(key)} = {_value(value)}"
        self.lines.append(f"{made:<{_COMMENT_AT - 1}} # {comment}" if comment else made)

    def gap(self) -> None:
        if self.lines and self.lines[-1]:
            self.lines.append("")

    def study(self, found: Survey) -> None:
        self.comment("head")
        self.gap()
        self.lines.append("[study]")
        self.line("name", found.folder.resolve().name or "study")
        self.line("language", self.language, self.say("language"))
        if found.grid is None:
            self.line("crs", "EPSG:...", self.say("no-grid"), off=True)
        else:
            name = found.grid.name
            self.line("crs", found.grid.to_string(), self.say("grid", name=name))
        if found.start and found.end:
            self.line("start", found.start, self.say("start"))
            self.line("end", found.end, self.say("end"))
        else:
            self.comment("undated")
            for key, day in (("start", "2021-01-01"), ("end", "2023-12-31")):
                self.lines.append(f"# {key} = {day}")
        if found.stray:
            self.comment("stray", years=", ".join(map(str, found.stray)))
        self.line("definition", "vn-26-2012", self.say("definition"))
        self.line("costs", "vn-2024", self.say("costs"))
        self.line("sources", [self.say("source-example")], self.say("sources"), off=True)

    def register(self, found: Survey) -> None:
        self.gap()
        self.comment("crashes-about")
        self.lines.append("[crashes]")
        names = [t.part.file for t in found.register if t.doubt is None]
        self.files(list(dict.fromkeys(names)))
        for taken in found.register:
            if taken.doubt is not None:
                self.comment("left-file", file=_name(taken), why=self.term(taken.doubt))
        if found.sheets:
            self.line("sheets", found.sheets, self.say("sheets"))
        if found.crs is not None:
            self.note(found.crs.note)
            self.line("crs", found.crs.crs)
        if found.month_first is not None:
            self.line("date_order", "mdy", self.say("mdy", value=found.month_first))
        self.choices("crashes", found.columns, off=False)
        if found.severity:
            self.gap()
            self.comment("severity-about")
            self.lines.append("# [crashes.severity]")
            for word in found.severity:
                self.line(word, "...", off=True)

    def files(self, names: Sequence[str]) -> None:
        if len(names) == 1:
            self.line("files", names)
            return
        self.lines.append("files = [")
        self.lines += [f"  {_value(name)}," for name in names]
        self.lines.append("]")

    def choices(self, table: str, choices: Sequence[Choice], *, off: bool) -> None:
        if not choices:
            return
        self.gap()
        closed = off or all(choice.open for choice in choices)
        self.lines.append(f"{'# ' if closed else ''}[{table}.columns]")
        for choice in choices:
            self.note(choice.note)
            self.line(choice.column, choice.header, off=off or choice.open)
            for other in choice.instead:
                self.line(choice.column, other, off=True)

    def layer(self, taken: Taken) -> None:
        """A section; in doubt the whole of it is a comment."""
        off, table, part = taken.doubt is not None, taken.table, taken.part
        mark = "# " if off else ""
        self.gap()
        self.comment(f"{table}-about")
        if taken.doubt is not None:
            self.comment("doubtful", why=self.term(taken.doubt))
        self.lines.append(mark + _HEADER.get(table, f"[{table}]"))
        if table == "areas":
            self.line("level", taken.level or "area", off=off)
        self.line("file", part.file, off=off)
        if part.layer is not None:
            self.line("layer", part.layer, off=off)
        if taken.crs is not None:
            self.note(taken.crs.note)
            self.line("crs", taken.crs.crs, off=off)
        if taken.keep is not None:
            header, words = taken.keep
            made = f"{{ {_key(header)} = {_value(list(words))} }}"
            self.lines.append(f"{mark}filter = {made}  # {self.say('filter')}")
        if taken.unit is not None:
            self.line("unit", taken.unit[0], self.term(taken.unit[1]), off=off)
        self.choices(table, taken.columns, off=off)

    def rest(self, found: Survey) -> None:
        self.gap()
        self.comment("budget-about")
        for made in ("[budget]", "amount = 5000", 'unit = "million"'):
            self.lines.append(f"# {made}")
        self.gap()
        self.comment("output-about")
        self.lines.append("[output]")
        self.line("folder", "out")
        if found.unused:
            self.gap()
            self.comment("unused-about")
            for file, why in found.unused:
                self.comment("unused", file=_one_line(file), why=self.term(why))


def _name(taken: Taken) -> str:
    part = taken.part
    return f"{part.file} [{part.layer}]" if part.layer else part.file


def _one_line(words: str) -> str:
    """Text that may stand in a comment of TOML, which holds no control characters."""
    kept = (" " if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} else c for c in words)
    return " ".join("".join(kept).split())


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quoted(name)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return str(value)


def _quoted(words: str) -> str:
    made = []
    for c in words:
        if c in '"\\':
            made.append("\\" + c)
        elif unicodedata.category(c) == "Cc":
            made.append(f"\\u{ord(c):04x}")
        else:
            made.append(c)
    return '"' + "".join(made) + '"'
