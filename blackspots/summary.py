"""A run in words and figures: what was read, found and funded, by which methods."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import pandas as pd

from blackspots import __version__
from blackspots.appraisal import MEASURE
from blackspots.inputs import rejected_rows
from blackspots.labels import LANGUAGES, format_number, text
from blackspots.rail_words import rail_notes
from blackspots.shown import decided, place_lines, stale
from blackspots.study import Result

MILLION: Final = 1e6


def banner(result: Result, language: str) -> str:
    """What stands on top of every output of simulated data; empty for real data."""
    if not result.study.study.simulated:
        return ""
    other = next(name for name in LANGUAGES if name != language)
    return f"{text('term.simulated', language)} / {text('term.simulated', other)}"


def preset_names(result: Result) -> dict[str, dict[str, str]]:
    """Names that come with the study's presets, in each language, by label key."""
    known = result.knowledge
    countermeasures = {f"countermeasure.{c.id}": c.name for c in known.catalogue.values()}
    rules = {f"rule.{r.id}": r.title for r in known.definition.rules}
    for language in LANGUAGES:
        key = f"countermeasure.{MEASURE}"
        countermeasures.setdefault(key, {})[language] = text(key, language)
    return countermeasures | {key: title for key, title in rules.items() if title}


def summarise(result: Result) -> dict[str, Any]:
    """The run in figures: what was read, found, funded, and how."""
    programme = result.programme
    return {
        "version": __version__,
        "command": "run",
        "name": result.study.study.name,
        "simulated": result.study.study.simulated,
        "notice": banner(result, result.study.study.language),
        "period": [day.isoformat() for day in result.period],
        "crs": result.study.study.crs,
        "definition": result.knowledge.definition.id,
        "costs": result.knowledge.costs.id,
        "read": result.read,
        "placed": result.placed,
        "unplaced": result.unplaced,
        "rejected": result.rejected,
        "placed_at": _tally(result.located["place"]),
        "unplaced_because": _tally(result.located["reason"]),
        "uncertain": int(result.located["uncertain"].sum()),
        "decided": len(decided(result.inputs, result.placement)),
        "decisions_stale": stale(result.inputs, result.placement),
        "rejected_because": _tally(
            result.inputs.rejects.loc[result.inputs.rejects["table"] == "crashes"].drop_duplicates(
                ["file", "sheet", "row"]
            )["code"]
        ),
        "repaired": _remarked(result, "repaired"),
        "doubtful": _remarked(result, "doubtful"),
        "columns_left_out": list(result.inputs.register.dropped),
        "sites": _tally(result.sites["verdict"]),
        "site_list": _followed(result),
        "crossings": _crossings(result),
        "programme": None
        if programme is None
        else {
            "budget": programme.budget,
            "spent": programme.spent,
            "currency": result.knowledge.costs.currency,
            "works": int(programme.projects["funded"].sum()),
            "npv": _known(programme.npv),
            "crashes_avoided": _known(programme.crashes_avoided),
            "deaths_avoided": _known(programme.deaths_avoided),
            "injuries_avoided": _known(programme.injuries_avoided),
            "gap": round(programme.gap, 9) if np.isfinite(programme.gap) else None,
        },
        "sources": result.study.study.sources,
    }


def _crossings(result: Result) -> dict[str, Any] | None:
    """Level crossings by kind, places where roads meet the railway by status, groups to close."""
    if result.railway is None:
        return None
    register = None if result.crossings is None else result.crossings.register
    closing = None if result.closures is None else result.closures.table
    return {
        "kinds": {} if register is None else _tally(register["kind"]),
        "found": _tally(result.railway.found["status"]),
        "closure_groups": 0 if closing is None else int(closing["best"].sum()),
    }


def _followed(result: Result) -> dict[str, int] | None:
    """How many sites the earlier list had, too, how many not, and how many it has beside."""
    if result.gone is None:
        return None
    new = int(result.sites["new"].sum())
    return {"kept": len(result.sites) - new, "new": new, "gone": len(result.gone)}


def _remarked(result: Result, kind: str) -> dict[str, int]:
    """Cells of the register that were taken with a remark of a kind, by its code."""
    remarks = result.inputs.remarks
    rows = remarks[(remarks["table"] == "crashes") & (remarks["kind"] == kind)]
    counts = rows.groupby("code")["count"].sum().sort_values(ascending=False, kind="stable")
    return {str(code): int(count) for code, count in counts.items()}


def _known(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 6)


def _tally(values: pd.Series) -> dict[str, int]:
    return {
        str(k): int(n) for k, n in values.dropna().value_counts(sort=False).sort_index().items()
    }


def _lower(words: str) -> str:
    """For use inside a sentence: the first letter small, the rest as it is."""
    return words[:1].lower() + words[1:]


def summary_lines(result: Result, language: str) -> list[str]:
    """The run in a few lines, for the terminal and the workbook."""

    def say(key: str, **fields: Any) -> str:
        return text(f"summary.{key}", language, **fields)

    def listed(counts: dict[str, int], prefix: str) -> str:
        parts = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        words = {code: text(f"{prefix}.{code}", language).split(":")[0] for code, _ in parts}
        return ", ".join(f"{_lower(words[c])} {format_number(n, language)}" for c, n in parts)

    figures = summarise(result)
    start, end = (f"{day:%d/%m/%Y}" for day in result.period)
    lines = [
        say("period", start=start, end=end),
        say(
            "rows",
            read=result.read,
            placed=result.placed,
            unplaced=result.unplaced,
            rejected=result.rejected,
        ),
    ]
    for key, prefix, line in (
        ("placed_at", "kind", "by-place"),
        ("unplaced_because", "reason", "unplaced"),
        ("rejected_because", "reject", "rejected"),
        ("repaired", "repaired", "repaired"),
        ("doubtful", "doubtful", "doubtful"),
    ):
        if figures[key]:
            lines.append(say(line, list=listed(figures[key], prefix)))
    lines += place_lines(result.inputs, result.placement, language)
    layers = _tally(result.inputs.rejects["table"].loc[lambda t: ~t.isin(["crashes", "repairs"])])
    if layers:
        lines.append(say("layers-rejected", list=listed(layers, "table")))
    if figures["columns_left_out"]:
        lines.append(say("dropped", list=", ".join(figures["columns_left_out"])))
    if len(result.sites):
        lines.append(
            say("sites", total=len(result.sites), list=listed(figures["sites"], "verdict"))
        )
    else:
        lines.append(say("no-sites"))
    if figures["site_list"] is not None:
        lines.append(say("site-list", **figures["site_list"]))
    lines += _crossing_lines(figures["crossings"], language)
    if result.inputs.repairs is not None:
        rejected = rejected_rows(result.inputs.rejects, "repairs")
        lines.append(say("works", read=len(result.inputs.repairs) + rejected, rejected=rejected))
    lines += _programme_lines(result, language)
    return lines


def _crossing_lines(rail: dict[str, Any] | None, language: str) -> list[str]:
    if rail is None or not rail["kinds"]:
        return []
    kinds = ", ".join(
        f"{text(f'crossing-kind.{kind}', language)} {format_number(count, language)}"
        for kind, count in sorted(rail["kinds"].items(), key=lambda item: (-item[1], item[0]))
    )
    told = {"candidates": rail["found"].get("candidate", 0), "groups": rail["closure_groups"]}
    return [
        text("summary.crossings", language, total=sum(rail["kinds"].values()), list=kinds, **told)
    ]


def _programme_lines(result: Result, language: str) -> list[str]:
    programme = result.programme
    if programme is None:
        lines = [text("summary.no-budget", language)]
        return lines if result.valued else [*lines, text("summary.no-value", language)]

    def amount(value: float, digits: int = 0) -> str:
        return format_number(value, language, digits)

    currency = result.knowledge.costs.currency
    gap = round(programme.gap * 100, 3)
    state = (
        text("summary.optimal", language)
        if gap == 0
        else text("summary.gap", language, gap=amount(gap, 3))
    )
    lines = [
        text(
            "summary.budget",
            language,
            count=int(programme.projects["funded"].sum()),
            spent=amount(programme.spent / MILLION),
            budget=amount(programme.budget / MILLION),
            currency=currency,
            state=state,
        )
    ]
    if result.valued:
        lines.append(
            text(
                "summary.buys",
                language,
                deaths=amount(programme.deaths_avoided, 1),
                injuries=amount(programme.injuries_avoided, 1),
                crashes=amount(programme.crashes_avoided, 1),
                npv=amount(programme.npv / MILLION),
                currency=currency,
            )
        )
    else:
        lines.append(text("summary.buys-unvalued", language))
    return lines


def _interval(ends: tuple[float, float], language: str) -> str:
    """An interval in brackets, nothing where there is none."""
    if not all(map(math.isfinite, ends)):
        return ""
    low, high = (format_number(end, language, 3) for end in ends)
    return f" ({low}–{high})"


def notes(result: Result, language: str) -> list[str]:
    """Methods, assumptions and limits of a run, in words."""

    def note(key: str, **fields: Any) -> str:
        return text(f"note.{key}", language, **fields)

    known, located = result.knowledge, result.located
    rules = known.definition
    lines = [
        note(
            "definition",
            name=rules.id,
            citation=rules.citation,
            mark=text(f"mark.{rules.mark}", language),
            window=known.window,
            junction=known.reach.junction,
            crossing=known.reach.crossing,
            months=known.months,
        ),
        note("potential", minimum=rules.potential_minimum),
        *filter(None, [rules.notes.get(language, "")]),
    ]
    unknown = int((located["severity"] == "unknown").sum())
    if unknown == len(located):
        lines.append(note("severity-none"))
    elif not result.valued:
        lines.append(note("severity-few", known=len(located) - unknown, total=len(located)))
    elif unknown:
        lines.append(note("severity-unknown", count=unknown, total=len(located)))
    dateless = int(located["date"].isna().sum())
    if dateless:
        one_period = result.expectation.years * 12 <= known.months + 12 / 365.25
        key = "no-date-one-period" if one_period else "no-date"
        lines.append(note(key, count=dateless, months=known.months))
    for kind, population in result.expectation.populations.items():
        spf = population.spf
        lines.append(
            note(
                "spf",
                kind=text(f"kind.{kind}", language),
                method=text(f"spf.{spf.method}", language),
                units=spf.units,
                crashes=spf.crashes,
                k=format_number(spf.k, language, 3),
                range=_interval(spf.k_interval, language),
                said="".join(
                    "; " + text(f"spf-note.{code}", language, about=about)
                    for code, about in population.notes
                ),
            )
        )
    lines += [note("selected"), note("rank" if result.valued else "rank-crashes")]
    if result.valued:
        formula = known.costs.formula.get(language, "")
        lines += [note("costs", formula=formula), note(f"persons-{result.crash_costs.basis}")]
    lines += rail_notes(result, language)
    if len(result.projects):
        lines.append(note("remedies"))
    if result.programme:
        lines.append(note("programme", gap=round(result.programme.gap * 100, 4)))
    return lines
