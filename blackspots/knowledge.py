"""What a study goes by: definition, costs, catalogue and distances."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from blackspots.appraisal import Terms
from blackspots.config import Study
from blackspots.errors import BlackspotsError
from blackspots.level_crossings import CrossingKnowledge
from blackspots.locating import Reach
from blackspots.presets import (
    CostTable,
    Countermeasure,
    Definition,
    catalogue,
    cost_table,
    definition,
)
from blackspots.presets.closing import closing_prices
from blackspots.presets.crossing_models import crossing_model
from blackspots.presets.crossing_rules import crossing_rules
from blackspots.presets.crossing_traffic import crossing_traffic
from blackspots.presets.files import shipped
from blackspots.presets.spfs import PublishedFunction, published_function

CLOSING = "vn-2019"
"""Prices of closing paths that are shipped."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The presets that a study uses, with its overrides."""

    definition: Definition
    costs: CostTable
    terms: Terms
    catalogue: dict[str, Countermeasure]
    reach: Reach
    window: float
    months: int
    published: dict[str, PublishedFunction]
    crossings: CrossingKnowledge


def knowledge_of(study: Study) -> Knowledge:
    """The presets of a study with what it sets itself.

    Raises
    ------
    BlackspotsError
        A preset that is not there or not complete, or two that do not fit together.
    """
    folder, header = study.folder, study.study
    rules = definition(header.definition, folder)
    costs = cost_table(header.costs, folder)
    remedies = catalogue(header.catalogue, folder)
    for remedy in remedies.values():
        if remedy.currency and remedy.currency != costs.currency:
            raise BlackspotsError(
                "catalogue-currency",
                name=header.catalogue,
                one=remedy.currency,
                costs=costs.id,
                other=costs.currency,
            )
    rate, growth = study.appraisal.discount_rate, study.appraisal.growth
    return Knowledge(
        definition=rules,
        costs=costs,
        terms=Terms(
            costs.discount_rate if rate is None else rate,
            costs.growth if growth is None else growth,
        ),
        catalogue=remedies,
        reach=Reach(
            tolerance=study.locating.tolerance,
            junction=study.locating.junction_radius or rules.junction_radius,
            crossing=study.locating.crossing_radius or rules.crossing_radius,
            train=study.locating.train_radius,
            footprint=study.level_crossings.footprint,
        ),
        window=study.screening.window or rules.window,
        months=study.screening.months or rules.months,
        published=_published(study),
        crossings=_of_crossings(study, rules, costs),
    )


def _of_crossings(study: Study, rules: Definition, costs: CostTable) -> CrossingKnowledge:
    """The presets of level crossings.

    Raises
    ------
    BlackspotsError
        One that is not there or not complete; ``closing-currency``.
    """
    named, folder = study.level_crossings, study.folder
    country = rules.jurisdiction.lower()
    own = country if country in shipped("crossing_rules") else "default"
    closing = closing_prices(named.closing or CLOSING, folder)
    if closing.currency != costs.currency and named.closing:
        raise BlackspotsError(
            "closing-currency",
            name=named.closing,
            one=closing.currency,
            costs=costs.id,
            other=costs.currency,
        )
    return CrossingKnowledge(
        model=crossing_model(named.model, folder),
        rules=crossing_rules(named.rules or own, folder, on=study.study.end or date.max),
        traffic=crossing_traffic(named.traffic, folder),
        closing=closing if closing.currency == costs.currency else None,
    )


def _published(study: Study) -> dict[str, PublishedFunction]:
    """The published functions that a study names, by kind of place.

    Raises
    ------
    BlackspotsError
        One that is not there or not complete, or that asks for more than a study knows.
    """
    made: dict[str, PublishedFunction] = {}
    for kind, name in study.screening.spf.items():
        function = published_function(name, study.folder)
        other = sorted(set(function.powers) - {"aadt"})
        if function.site != kind or other:
            needs = ", ".join(other) or function.site
            raise BlackspotsError(
                "spf-unfit", file=study.path.name, kind=kind, name=name, needs=needs
            )
        made[kind] = function
    return made
