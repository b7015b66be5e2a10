"""Where the answers agree, against sums by hand."""

from __future__ import annotations

import pandas as pd

from blackspots.screening import agreement_table

COLUMNS = [
    *("verdict", "eb", "cluster", "agreement", "sites", "crashes", "fatal", "unknown", "deaths"),
    *("injured", "length", "expected", "excess"),
]
KINDS = {
    **dict.fromkeys(("crashes", "fatal", "unknown"), "int64"),
    **dict.fromkeys(("deaths", "injured"), "Int64"),
    **dict.fromkeys(("length", "expected", "excess"), "float64"),
    **dict.fromkeys(("eb", "cluster"), "boolean"),
}


def sites(*rows: tuple[str, bool, bool | None, int, int, int]) -> pd.DataFrame:
    """A row: verdict, eb, cluster, crashes, of them fatal and of unknown severity."""
    names = ["verdict", "eb", "cluster", "crashes", "fatal", "unknown"]
    made = pd.DataFrame(list(rows), columns=names)
    made = made.assign(agreement="both", length=500.0, expected=1.0, excess=0.5)
    made[["deaths", "injured"]] = pd.NA
    return made.astype(KINDS)


def test_sums_by_combination_the_strongest_first() -> None:
    made = agreement_table(
        sites(
            ("none", True, None, 2, 0, 0),
            ("black-spot", False, True, 3, 1, 1),
            ("black-spot", True, True, 5, 2, 2),
            ("black-spot", True, True, 4, 1, 4),
            ("black-spot", True, False, 4, 0, 1),
        )
    )
    assert list(made) == COLUMNS
    assert made["verdict"].tolist() == [*["black-spot"] * 3, "none"]
    assert made["eb"].tolist() == [True, True, False, True]
    assert made["sites"].tolist() == [2, 1, 1, 1]
    assert made["crashes"].tolist() == [9, 4, 3, 2]
    assert made["fatal"].tolist() == [3, 0, 1, 0]
    assert made["unknown"].tolist() == [6, 1, 1, 0]
    assert made["deaths"].isna().all()


def test_without_a_known_severity_it_is_not_known_how_many_were_fatal() -> None:
    made = agreement_table(
        sites(
            ("black-spot", True, True, 5, 0, 5),
            ("black-spot", True, True, 3, 0, 3),
            ("potential", True, True, 3, 0, 2),
            ("none", True, True, 0, 0, 0),
        )
    )
    assert made["fatal"].isna().tolist() == [True, False, False]
    assert made["fatal"].tolist()[1:] == [0, 0]
    assert made["unknown"].tolist() == [8, 2, 0]


def test_no_site_is_a_table_with_its_columns() -> None:
    empty = pd.DataFrame(columns=list(sites(("none", True, None, 1, 0, 0))))
    for none in (empty, empty.astype(KINDS)):
        made = agreement_table(none)
        assert made.empty
        assert list(made) == COLUMNS
