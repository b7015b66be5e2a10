"""Where the answers agree: the definition, Empirical Bayes and clusters, side by side."""

from __future__ import annotations

from typing import Final

import pandas as pd

from blackspots.schema import VERDICTS

_SUMS: Final = (
    *("crashes", "fatal", "unknown", "deaths", "injured", "length", "expected", "excess"),
)


def agreement_table(sites: pd.DataFrame) -> pd.DataFrame:
    """How many sites each combination of verdicts has, and what lies there.

    Parameters
    ----------
    sites
        :data:`blackspots.schema.SITES`.

    Returns
    -------
    DataFrame
        One row a combination that occurs, the strongest first: ``verdict`` (of the
        definition), ``eb`` and ``cluster`` (boolean, missing where not tested), ``agreement``
        (the code of its meaning), ``sites``, and sums: ``crashes``, ``fatal``, ``unknown``
        (crashes of unknown severity), ``deaths``, ``injured``, ``length`` [m] (of sites on
        roads), ``expected`` and ``excess`` [1/year]. A sum is missing where no site has the
        figure; ``fatal`` where no crash has a severity. No row without a site.
    """
    keys = ["verdict", "eb", "cluster", "agreement"]
    frame = pd.DataFrame(sites[[*keys, *_SUMS]]).assign(
        verdict=pd.Categorical(sites["verdict"], categories=list(VERDICTS), ordered=True)
    )
    groups = frame.groupby(keys, dropna=False, observed=True)
    made: pd.DataFrame = groups[list(_SUMS)].sum(min_count=1)
    made.insert(0, "sites", groups.size())
    # Of crashes without a severity none is known to be fatal, nor known not to be.
    nothing = (made["crashes"] > 0) & (made["unknown"] == made["crashes"])
    made["fatal"] = made["fatal"].astype("Int64").mask(nothing)
    made = made.reset_index()
    made = made.astype({"eb": "boolean", "cluster": "boolean"})
    found = pd.DataFrame({"eb": ~made["eb"], "cluster": ~made["cluster"].fillna(False)})
    order = found.assign(verdict=made["verdict"].cat.codes)
    order = order.sort_values(["verdict", "eb", "cluster"], kind="stable")
    made = made.loc[order.index].reset_index(drop=True)
    return made.assign(verdict=made["verdict"].astype("object"))
