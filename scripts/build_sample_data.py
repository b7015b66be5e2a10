"""Build the simulated sample study in ``data/lang-son``.

Run with no arguments. The same code always writes the same bytes: seeds are fixed, coordinates
have six decimals and workbooks a fixed date. What is a fact and what is made up is said in
``data/README.md``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parent))

from sample_data import files, register, works
from sample_data.areas import build_areas
from sample_data.crashes import Planted, build_crashes, chance_spots, plan_spots
from sample_data.finish import build_network
from sample_data.lines import to_lonlat
from sample_data.network import Crossing, Network

SEED = 20_230_000
FOLDER = Path(__file__).resolve().parents[1] / "data" / "lang-son"


def _stream(number: int) -> Random:
    """Return the random numbers of one stage, so that a change in one leaves the others alone."""
    return Random(SEED + number)


def build(folder: Path) -> None:
    """Write the sample study into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    province, districts = build_areas(_stream(1))
    net = build_network(_stream(2), province, districts)
    plans = plan_spots(net)
    crashes = build_crashes(net, plans, _stream(3))
    sheets, dirt = register.build_register(net, crashes, _stream(4))
    rows, works_dirt = works.build_works(net, plans)

    unlisted = _unlisted(net, plans)
    files.write_maps(folder, net, {c.crossing_id for c in unlisted})
    known = ("crossing_id", "railway", "km", "lon", "lat")
    places = [(c.crossing_id, c.railway.name, f"{c.km:.3f}", *to_lonlat(c.point)) for c in unlisted]
    files.write_csv(folder / "unlisted.csv", known, places)
    files.write_xlsx(
        folder / "tai-nan-2021-2023.xlsx", "Sổ theo dõi tai nạn (dữ liệu mô phỏng)", sheets
    )
    files.write_xlsx(
        folder / "sua-chua.xlsx",
        "Danh mục sửa chữa (dữ liệu mô phỏng)",
        {works.SHEET: (works.HEADER, rows)},
    )
    files.write_csv(
        folder / "dirt.csv", ("sheet", "row", "column", "value", "kind"), dirt + works_dirt
    )
    planted = []
    for plan in plans:
        ids = [c.crash_id for c in crashes if c.spot is plan.spot]
        crossing = plan.crossing.crossing_id if plan.crossing else None
        planted.append(
            (
                plan.spot.spot_id,
                plan.spot.kind,
                plan.route,
                f"{plan.km:.3f}",
                crossing,
                *to_lonlat(plan.point),
                ";".join(ids),
                plan.spot.rule,
            )
        )
    header = (
        "spot_id",
        "kind",
        "route",
        "km",
        "crossing_id",
        "lon",
        "lat",
        "crash_ids",
        "rule",
    )
    files.write_csv(folder / "planted.csv", header, planted)
    (folder / "study.toml").write_text(files.STUDY, encoding="utf-8", newline="\n")
    print(
        f"{len(net.roads)} road lines, {len(net.crossings)} level crossings, "
        f"{len(unlisted)} of them in no list, "
        f"{len(crashes)} crashes, {len(plans)} planted spots, "
        f"{len(dirt) + len(works_dirt)} planted errors; "
        f"{chance_spots(crashes)} windows meet the rule by chance"
    )


def _unlisted(net: Network, plans: list[Planted]) -> list[Crossing]:
    """Every fifth self-opened path without a planted spot: the list does not have it."""
    planted = {id(plan.crossing) for plan in plans}
    paths = [c for c in net.crossings if c.kind == "self-opened" and id(c) not in planted]
    return paths[2::5]


if __name__ == "__main__":
    build(FOLDER)
