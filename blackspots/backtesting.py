"""The backtest of a study: which way of ranking would have caught the most later crashes."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from blackspots.appraisal import crash_costs
from blackspots.config import Study
from blackspots.errors import BlackspotsError
from blackspots.knowledge import knowledge_of
from blackspots.labels import LANGUAGES, format_number, text
from blackspots.screening.backtest import ALL, COLUMNS, SHARES, Split, backtest, splits_of
from blackspots.screening.model import KNOWN
from blackspots.screening.scores import METHODS, ORACLE, RANDOM, TARGETS
from blackspots.screening.units import Units, units_of
from blackspots.store import whole_file, write_csv
from blackspots.study import Placed, Progress, place_study

STAGES: Final = ("read", "network", "locate", "backtest")

_METRES_A_KM: Final = 1000.0
_TOLD_AT: Final = 0.05
"""Share of the road for which the interval and the verdict are told."""
_FEW: Final = 30
"""Fewer later crashes than this decide nothing, whatever the interval says (assumption A)."""
_WIDE, _NARROW = 24, 9
"""Letters of a column with an interval, and of one without."""
_DIGITS: Final = 6
_COLUMNS: Final = ("split", *COLUMNS)


@dataclass(frozen=True, slots=True)
class Backtest:
    """What a backtest found.

    ``table`` is that of :func:`blackspots.screening.backtest.backtest`; ``undated`` and
    ``off_road`` count the placed crashes that it could not use.
    """

    placed: Placed
    units: Units
    window: float
    splits: list[Split]
    table: pd.DataFrame
    undated: int
    off_road: int

    @property
    def ways_left_out(self) -> list[str]:
        """Ways of ranking that the data do not allow, in some split at least."""
        have = set(self.table.loc[self.table["split"] == ALL, "method"])
        return [name for name in METHODS if name not in have]

    @property
    def targets_left_out(self) -> list[str]:
        """Targets that are not recorded, or of which nothing came later."""
        return [name for name in TARGETS if name not in set(self.table["target"])]

    def verdict(self, target: str, split: str = ALL, share: float = _TOLD_AT) -> pd.DataFrame:
        """Rows of one target, share of the road and split, the best way first."""
        table = self.table
        rows = table[(table["target"] == target) & (table["split"] == split)]
        rows = rows[(rows["share_of_length"] - share).abs() < 1e-9]  # noqa: PLR2004
        return rows.sort_values("caught", ascending=False, kind="stable")


def backtest_study(
    study: Study, progress: Progress = lambda _stage: None, *, train_until: int | None = None
) -> Backtest:
    """Read and place a study's crashes, rank on the first years and score on the next.

    Parameters
    ----------
    study
        From :func:`blackspots.config.load_study`.
    progress
        Called with the name of each stage (:data:`STAGES`) as it begins.
    train_until
        Rank on the years up to this one, score on all later ones; by default every year but
        the first is scored by the years before it.

    Raises
    ------
    BlackspotsError
        What is wrong with the inputs, or why they allow no backtest: no roads, no dates, one
        year only, no crash on a road, or a year that leaves nothing to rank by or score on.
    """
    file = study.path.name
    if study.roads is None:
        raise BlackspotsError("backtest-no-roads", file=file)
    known = knowledge_of(study)
    placed = place_study(study, progress)
    progress("backtest")
    located, network = placed.located, placed.network
    if network is None or not len(network.routes):
        raise BlackspotsError("backtest-no-roads", file=file)
    units = units_of(
        located,
        network.routes,
        network.segments,
        network.junctions,
        network.nodes,
        length=known.window,
        radius=known.reach.junction,
    )
    here = located[located["place"].notna()]
    on_road = (units.of_crash.reindex(here.index) >= 0).to_numpy()
    dated = here["date"].notna().to_numpy()
    used = here[on_road & dated]
    if not on_road.any():
        raise BlackspotsError("backtest-no-crashes", file=file)
    if used.empty:
        raise BlackspotsError("backtest-no-dates", file=file)
    years = pd.to_datetime(used["date"]).dt.year
    first, last = int(years.min()), int(years.max())
    if first == last:
        raise BlackspotsError("backtest-one-year", file=file, year=str(first))
    splits = splits_of(years, train_until=train_until)
    if not splits:
        raise BlackspotsError(
            "backtest-train-until", year=str(train_until), first=str(first), last=str(last - 1)
        )
    valued = used["severity"].isin(KNOWN).any()
    costs = crash_costs(located, known.costs).cost if valued else None
    table = backtest(units, used, splits, costs=costs)
    return Backtest(
        placed=placed,
        units=units,
        window=known.window,
        splits=splits,
        table=table,
        undated=int((on_road & ~dated).sum()),
        off_road=int((~on_road).sum()),
    )


def backtest_lines(found: Backtest, language: str) -> list[str]:
    """A backtest in words and tables, for the terminal."""

    def say(key: str, **fields: Any) -> str:
        return text(f"backtest.{key}", language, **fields)

    study = found.placed.study.study
    name = study.name.get(language) or next(iter(study.name.values()))
    lines = [say("title", name=name)]
    if study.simulated:
        lines.append(_banner(found))
    lines += ["", *_about(found, language)]
    for target in TARGETS:
        rows = found.verdict(target)
        if rows.empty:
            continue
        total = int(rows["later"].iloc[0])
        lines += ["", say(f"target.{target}", count=total), *_table(found, target, language)]
        lines += [f"  {line}" for line in _words(found, target, language)]
    lines += ["", say("how-oracle"), say("how-interval")]
    return lines


def _about(found: Backtest, language: str) -> list[str]:
    """What was ranked and scored, and what could not be."""

    def say(key: str, **fields: Any) -> str:
        return text(f"backtest.{key}", language, **fields)

    table = found.units.table
    lines = [
        say("splits", list=", ".join(split.name for split in found.splits)),
        say(
            "units",
            sections=int((table["kind"] == "section").sum()),
            junctions=int((table["kind"] == "junction").sum()),
            window=found.window,
            km=round(float(table["length"].sum()) / _METRES_A_KM),
        ),
    ]
    if found.undated:
        lines.append(say("undated", count=found.undated))
    if found.off_road:
        lines.append(say("off-road", count=found.off_road))
    if found.targets_left_out:
        names = [say(f"goal.{name}") for name in found.targets_left_out]
        lines.append(say("no-target", list=", ".join(names)))
    if found.ways_left_out:
        names = [say(f"method.{name}") for name in found.ways_left_out]
        lines.append(say("left-out", list=", ".join(names)))
    return lines


def _table(found: Backtest, target: str, language: str) -> list[str]:
    """Share caught by each way, the best first, for each share of the road."""
    order = list(found.verdict(target)["method"])
    names = {way: text(f"backtest.method.{way}", language) for way in order}
    wide = max(len(name) for name in names.values())
    by_share = {share: found.verdict(target, share=share).set_index("method") for share in SHARES}
    heads, cells = [], {way: list[str]() for way in order}
    for share, rows in by_share.items():
        told = share == _TOLD_AT
        heads.append(f"{format_number(100 * share, language)} %".rjust(_WIDE if told else _NARROW))
        for way in order:
            row = rows.loc[way]
            cell = f"{format_number(100 * row['caught'], language, 1)} %"
            if told:
                ends = (format_number(100 * row[end], language, 1) for end in ("low", "high"))
                cell = f"{cell} ({'–'.join(ends)})" if row["low"] == row["low"] else cell
            cells[way].append(cell.rjust(_WIDE if told else _NARROW))
    rows_of = [f"  {names[way]:<{wide}}{''.join(cells[way])}" for way in order]
    return [f"  {'':<{wide}}{''.join(heads)}", *rows_of]


def _words(found: Backtest, target: str, language: str) -> list[str]:
    """Which way is the best, how far the plain count lies behind, and each split."""

    def say(key: str, **fields: Any) -> str:
        return text(f"backtest.{key}", language, **fields)

    def percent(value: Any) -> str:
        return format_number(100 * value, language, 1)

    def best_of(split: str) -> tuple[pd.Series, pd.DataFrame] | None:
        """The best way, and all by name; None where none does better than chance."""
        rows = found.verdict(target, split).set_index("method")
        if rows.empty:
            return None
        real = rows.drop(index=[RANDOM, ORACLE])
        beats = len(real) > 0 and real["caught"].iloc[0] > rows.at[RANDOM, "caught"]
        return (real.iloc[0], rows) if beats else None

    share = format_number(100 * _TOLD_AT, language)
    best = best_of(ALL)
    if best is None:
        made = [say("no-better", share=share)]
    else:
        way, rows = best
        name = text(f"backtest.method.{way.name}", language)
        made = [say("best", share=share, method=name, caught=percent(way["caught"]))]
        if way.name != "count":
            points, low, high = (
                float(rows[name]["count"]) for name in ("behind", "behind_low", "behind_high")
            )
            sure = low > 0 and float(way["later"]) >= _FEW
            made.append(
                say(
                    "ahead" if sure else "ahead-unsure",
                    points=percent(points),
                    low=percent(low),
                    high=percent(high),
                )
            )
    for split in found.splits if len(found.splits) > 1 else ():
        one = best_of(split.name)
        if one is not None:
            way, rows = one
            made.append(
                say(
                    "by-split",
                    split=split.name,
                    count=int(way["later"]),
                    method=text(f"backtest.method.{way.name}", language),
                    caught=percent(way["caught"]),
                    plain=percent(float(rows["caught"]["count"])),
                )
            )
    return made


def _banner(found: Backtest) -> str:
    if not found.placed.study.study.simulated:
        return ""
    return " / ".join(text("term.simulated", language) for language in LANGUAGES)


def refuse_other(path: Path) -> None:
    """Raise ``backtest-foreign`` when ``path`` is there and is no backtest of this program.

    A mistyped ``--out`` must not replace the register itself.
    """
    if path.exists() and not _is_ours(path):
        raise BlackspotsError("backtest-foreign", file=str(path))


def _is_ours(path: Path) -> bool:
    """Whether a file begins with the columns of a backtest."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return tuple(next(csv.reader(file), ()))[: len(_COLUMNS)] == _COLUMNS
    except (OSError, UnicodeDecodeError, csv.Error):
        return False


def write_backtest(found: Backtest, path: Path) -> Path:
    """Write the table of a backtest, whole or not at all; returns its full path.

    Raises
    ------
    BlackspotsError
        ``backtest-foreign`` when another file is there; ``output-locked`` or ``output-failed``
        when it cannot be replaced or written.
    """
    path = path.resolve()
    refuse_other(path)
    with whole_file(path) as fresh:
        write_csv(
            found.table[list(_COLUMNS)].round(_DIGITS), fresh, index=False, notice=_banner(found)
        )
    return path
