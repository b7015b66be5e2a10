"""What the files of several commands show alike: styles of layers, and rows in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import geopandas as gpd
import pandas as pd

from blackspots import styles
from blackspots.inputs import Inputs
from blackspots.labels import LANGUAGES, text
from blackspots.locating import Placement

_NAMED: Final = 10
"""Crashes that a line names."""

_SEVERITY_COLOURS: Final = {
    "fatal": ("square", "122,14,74"),
    "serious": ("triangle", "217,120,6"),
    "slight": ("circle", "70,140,200"),
    "injury": ("circle", "70,140,200"),
    "pdo": ("circle", "160,160,160"),
    "unknown": ("diamond", "120,120,120"),
}
_VERDICT_COLOURS: Final = {
    "black-spot": "178,24,43",
    "undetermined": "118,92,168",
    "potential": "217,120,6",
    "none": "60,110,160",
}
_AGREEMENT_COLOURS: Final = {
    "both": ("square", "178,24,43"),
    "legal-only": ("square", "225,170,170"),
    "eb-only": ("circle", "217,120,6"),
    "cluster-only": ("triangle", "118,92,168"),
    "eb-undetermined": ("diamond", "217,120,6"),
    "undetermined": ("diamond", "160,160,160"),
    "eb": ("circle", "178,24,43"),
    "neither": ("circle", "190,190,190"),
}


_CROSSING_COLOURS: Final = {
    "official": ("square", "23,50,77"),
    "self-opened": ("diamond", "217,120,6"),
    "unknown": ("diamond", "120,120,120"),
}
_FOUND_COLOURS: Final = {
    "listed": ("circle", "160,160,160"),
    "verified": ("circle", "11,122,95"),
    "candidate": ("diamond", "178,24,43"),
    "review": ("diamond", "118,92,168"),
    "apart": ("cross2", "190,190,190"),
    "refused": ("cross2", "120,120,120"),
}


def rejected_table(rejects: pd.DataFrame) -> pd.DataFrame:
    """Rejected rows with what to do about each, in both languages."""
    made = rejects.copy()
    for language in LANGUAGES:
        made[f"fix_{language}"] = [text(f"reject.{code}", language) for code in made["code"]]
    return made


def remark_table(remarks: pd.DataFrame) -> pd.DataFrame:
    """Remarks with what was done or is in doubt, in both languages."""
    made = remarks.copy()
    keys = (made["kind"] + "." + made["code"]).tolist()
    for language in LANGUAGES:
        said = zip(keys, made["used"], strict=True)
        made[f"text_{language}"] = [text(key, language, used=used) for key, used in said]
    return made


def posts_told(posts: gpd.GeoDataFrame) -> tuple[int, int]:
    """Km posts that are of no use, and places where the km jump: two posts of one km are one."""
    jumps = posts.loc[posts["jump"].notna(), ["route_id", "km"]].drop_duplicates()
    return int(posts["reason"].notna().sum()), len(jumps)


def layer_styles(language: str, levels: Iterable[str]) -> dict[str, str]:
    """Default styles of the GeoPackages' layers, by name; ``levels`` are those of areas."""
    severity = {
        level: (
            text(f"severity.{level}", language),
            {
                "name": shape,
                "color": f"{rgb},255",
                "size": "2.2",
                "outline_color": "255,255,255,255",
            },
        )
        for level, (shape, rgb) in _SEVERITY_COLOURS.items()
    }

    def verdicts(options: Any) -> dict[str, tuple[str, dict[str, str]]]:
        return {
            verdict: (text(f"verdict.{verdict}", language), options(rgb))
            for verdict, rgb in _VERDICT_COLOURS.items()
        }

    line = {"line_color": "150,140,120,255", "line_width": "0.3"}
    return {
        "boundary": styles.single(
            "fill", {"style": "no", "outline_color": "90,90,90,255", "outline_width": "0.5"}
        ),
        **{
            f"areas_{level}": styles.single(
                "fill", {"style": "no", "outline_color": "170,170,170,255", "outline_width": "0.2"}
            )
            for level in levels
        },
        "railways": styles.single(
            "line", {"line_color": "70,70,70,255", "line_width": "0.5", "line_style": "dash"}
        ),
        "segments": styles.single("line", line),
        "junctions": styles.single(
            "marker",
            {"name": "circle", "color": "190,190,190,255", "size": "0.8", "outline_style": "no"},
        ),
        "crossings": styles.single(
            "marker",
            {
                "name": "cross2",
                "color": "60,60,60,255",
                "outline_color": "60,60,60,255",
                "size": "2",
            },
        ),
        **_rail_styles(language),
        "crashes": styles.categorised("marker", "severity", severity),
        "clusters": styles.single("line", {"line_color": "118,92,168,160", "line_width": "2.2"}),
        "agreement": styles.categorised(
            "marker",
            "agreement",
            {
                code: (
                    text(f"agreement.{code}", language),
                    {"name": shape, "color": f"{rgb},255", "size": "3"},
                )
                for code, (shape, rgb) in _AGREEMENT_COLOURS.items()
            },
        ),
        "projects_road": styles.single(
            "line", {"line_color": "11,122,95,255", "line_width": "0.8", "line_style": "dot"}
        ),
        "projects_point": styles.single(
            "marker", {"name": "cross", "outline_color": "11,122,95,255", "size": "3"}
        ),
        "sites_area": styles.categorised(
            "fill", "verdict", verdicts(lambda c: {"color": f"{c},60", "outline_color": f"{c},255"})
        ),
        "sites_road": styles.categorised(
            "line", "verdict", verdicts(lambda c: {"line_color": f"{c},255", "line_width": "1.6"})
        ),
        "sites_point": styles.categorised(
            "marker",
            "verdict",
            verdicts(
                lambda c: {
                    "name": "circle",
                    "color": f"{c},255",
                    "size": "4",
                    "outline_color": "255,255,255,255",
                }
            ),
        ),
    }


def _rail_styles(language: str) -> dict[str, str]:
    """Styles of what is known of level crossings."""

    def marks(prefix: str, known: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
        return {
            code: (
                text(f"{prefix}.{code}", language),
                {"name": shape, "color": f"{rgb},255", "size": "2.6"},
            )
            for code, (shape, rgb) in known.items()
        }

    return {
        "rail_lines": styles.single("line", {"line_color": "70,70,70,255", "line_width": "0.6"}),
        "crossing_register": styles.categorised(
            "marker", "kind", marks("crossing-kind", _CROSSING_COLOURS)
        ),
        "crossings_found": styles.categorised(
            "marker", "status", marks("found-status", _FOUND_COLOURS)
        ),
        "closures": styles.single(
            "line", {"line_color": "11,122,95,255", "line_width": "0.9", "line_style": "dash"}
        ),
    }


def stale(inputs: Inputs, placement: Placement) -> list[str]:
    """Crashes whose decision means no place that is known now."""
    moved = inputs.decisions.moved if inputs.decisions else ()
    return sorted({*placement.stale, *moved})


def decided(inputs: Inputs, placement: Placement) -> list[str]:
    """Crashes whose decision was used."""
    used = inputs.decisions.used if inputs.decisions else {}
    return sorted({*used} - {*placement.stale})


def _places(rejects: pd.DataFrame, language: str) -> Iterator[str]:
    """File, sheet and first rows of rejects."""
    for (file, sheet), rows in rejects.groupby(["file", "sheet"], sort=False, dropna=False)["row"]:
        name = f"{file} [{sheet}]" if isinstance(sheet, str) else str(file)
        numbers = [*map(str, rows.iloc[:_NAMED]), *(["…"] if len(rows) > _NAMED else [])]
        yield text("review.rows", language, file=name, rows=", ".join(numbers))


def place_lines(inputs: Inputs, placement: Placement, language: str) -> list[str]:
    """How many places are uncertain, decided, or to be decided again."""
    lines = []
    uncertain, fixed = int(placement.crashes["uncertain"].sum()), decided(inputs, placement)
    if uncertain:
        lines.append(text("summary.uncertain", language, count=uncertain))
    if fixed:
        lines.append(text("summary.decided", language, count=len(fixed)))
    unused = inputs.rejects[inputs.rejects["table"] == "decisions"]
    if len(unused):
        where = ", ".join(_places(unused, language))
        lines.append(text("summary.unused", language, count=len(unused), list=where))
    again = stale(inputs, placement)
    if again:
        told = ", ".join([*again[:_NAMED], *(["…"] if len(again) > _NAMED else [])])
        lines.append(text("summary.stale", language, count=len(again), list=told))
    return lines
