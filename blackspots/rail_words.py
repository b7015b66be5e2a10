"""Codes of level crossings in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from blackspots.labels import format_number, text
from blackspots.results import Result

Note = tuple[str, Mapping[str, Any]]


def rate_reason(code: str, language: str) -> str:
    """Why a crossing is not rated; ``needs:trains`` and the like, joined by ``;``."""
    made = []
    for one in code.split(";"):
        name, _, figure = one.partition(":")
        told = {"figure": text(f"rate-figure.{figure}", language)} if figure else {}
        made.append(text(f"rate-reason.{name}", language, **told))
    return ", ".join(made)


def rate_note(note: Note, language: str) -> str:
    """A note of the rating (:class:`blackspots.crossings.rating.Rated`)."""
    code, about = note
    told = {name: said(value, language) for name, value in about.items()}
    if "reason" in about:
        told["reason"] = rate_reason(str(about["reason"]), language)
    if "figure" in about:
        told["figure"] = text(f"rate-figure.{about['figure']}", language)
    return text(f"rate-note.{code}", language, **told)


def said(value: Any, language: str) -> Any:
    """A field of a sentence: numbers as the language writes them, of texts its own."""
    if isinstance(value, dict):
        return value.get(language) or next(iter(value.values()))
    if isinstance(value, float):
        digits = 0 if value == round(value) else 1 if abs(value) >= 10 else 3  # noqa: PLR2004
        return format_number(value, language, digits)
    return format_number(value, language) if isinstance(value, int) else value


def rail_notes(result: Result, language: str) -> list[str]:
    """Methods, assumptions and limits of what is said of level crossings."""
    railway, made, known = result.railway, result.crossings, result.knowledge.crossings
    if railway is None:
        return []
    matched, lines = railway.matched, []
    counts = railway.found["status"].value_counts()
    told = {code: int(counts.get(code, 0)) for code in ("candidate", "review", "apart", "verified")}
    if result.inputs.roads is not None and len(railway.lines.lines):
        lines.append(text("rail-note.found", language, total=len(railway.found), **told))
    if matched.listed and matched.found_count:
        share = {"pairs": matched.pairs, "listed": matched.listed, "found": matched.found_count}
        lines.append(text("rail-note.matched", language, **share))
    if matched.shift is not None:
        shift = matched.shift
        metres = {"dx": round(shift.dx), "dy": round(shift.dy), "count": shift.count}
        lines.append(text("rail-note.shift", language, listed=matched.listed, **metres))
    if made is not None:
        rated, rules = made.rated, known.rules
        fields = {
            "model": known.model.title[language],
            "mark": text(f"mark.{known.model.mark}", language),
        }
        lines.append(text(f"rail-note.model-{rated.used}", language, **fields))
        lines += [rate_note(note, language) for note in rated.notes]
        lines.append(
            text(
                "rail-note.rules",
                language,
                title=rules.title[language],
                citation=rules.citation,
                mark=text(f"mark.{rules.mark}", language),
            )
        )
        lines += [
            text(
                "rail-note.withheld",
                language,
                citation=version.citation,
                why=version.disabled_because,
            )
            for version in rules.withheld
        ]
    if result.closures is not None and known.closing is not None:
        lines.append(text("rail-note.closing", language, title=known.closing.title[language]))
        for code, count in result.closures.notes.items():
            if count:
                lines.append(text(f"close-note.{code}", language, count=int(count)))
    elif made is not None:
        lines.append(text("rail-note.no-closing", language))
    return lines
