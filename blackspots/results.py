"""What a run, a check or a placing found; the outputs are made from these alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import geopandas as gpd
import pandas as pd

from blackspots.appraisal import CrashCosts
from blackspots.config import Study
from blackspots.crossings.closing import Closures
from blackspots.inputs import Inputs, rejected_rows
from blackspots.knowledge import Knowledge
from blackspots.level_crossings import CrossingRegister, Railway
from blackspots.locating import Placement
from blackspots.network import Network
from blackspots.programme import Programme
from blackspots.quality import Quality
from blackspots.screening import Expectation

__all__ = ["Checked", "Placed", "Result"]


@dataclass(frozen=True, slots=True)
class Result:
    """Everything a run found; the outputs are made from this alone."""

    study: Study
    knowledge: Knowledge
    inputs: Inputs
    period: tuple[date, date]
    network: Network | None
    located: gpd.GeoDataFrame
    candidates: pd.DataFrame
    placement: Placement
    expectation: Expectation
    sites: gpd.GeoDataFrame
    certainty: pd.DataFrame
    railway: Railway | None
    crossings: CrossingRegister | None
    closures: Closures | None
    clusters: pd.DataFrame | None
    projects: gpd.GeoDataFrame
    programme: Programme | None
    crash_costs: CrashCosts
    areas: pd.DataFrame
    segments: gpd.GeoDataFrame | None
    parts: pd.DataFrame | None

    @property
    def read(self) -> int:
        """Rows of the register."""
        return self.inputs.register.read

    @property
    def rejected(self) -> int:
        """Rows of the register that were refused."""
        return rejected_rows(self.inputs.rejects, "crashes")

    @property
    def placed(self) -> int:
        """Crashes that have a place."""
        return int(self.located["place"].notna().sum())

    @property
    def unplaced(self) -> int:
        """Crashes that have none."""
        return int(self.located["place"].isna().sum())

    @property
    def gone(self) -> gpd.GeoDataFrame | None:
        """Sites of the earlier list that are not found now; None where no list was read."""
        before = self.inputs.listed
        return None if before is None else before.sites[~before.sites.index.isin(self.sites.index)]

    @property
    def valued(self) -> bool:
        """Whether severities are known, so that crashes have a cost."""
        return (
            bool(self.sites["cost_per_year"].notna().any())
            if len(self.sites)
            else bool((self.located["severity"] != "unknown").any())
        )


@dataclass(frozen=True, slots=True)
class Placed:
    """Where the crashes of a study lie."""

    study: Study
    inputs: Inputs
    network: Network | None
    placement: Placement
    railway: Railway | None = None

    @property
    def located(self) -> gpd.GeoDataFrame:
        """The crashes in their places."""
        return self.placement.crashes

    @property
    def read(self) -> int:
        """Rows of the register."""
        return self.inputs.register.read

    @property
    def rejected(self) -> int:
        """Rows of the register that were refused."""
        return rejected_rows(self.inputs.rejects, "crashes")


@dataclass(frozen=True, slots=True)
class Checked(Placed):
    """What a check found: also the period, and how good the register is."""

    period: tuple[date, date] = field(kw_only=True)
    quality: Quality = field(kw_only=True)

    def remarked(self, kind: str) -> int:
        """Cells of the register that were ``repaired``, or used though ``doubtful``."""
        remarks = self.inputs.remarks
        of_kind = (remarks["table"] == "crashes") & (remarks["kind"] == kind)
        return int(remarks.loc[of_kind, "count"].sum())
