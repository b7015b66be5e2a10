"""One cell to one value.

A cell that cannot be read raises :class:`Unreadable` with a code; one that was taken though it
is not cleanly written gives :class:`Noted`. The parsers stand in ``cells`` (text and numbers),
``times``, ``posts`` (km and road numbers) and ``places`` (coordinates).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from blackspots.sources.cells import (
    Noted,
    Unreadable,
    amount,
    boolean,
    count,
    flag,
    integer,
    is_blank,
    number,
    text,
)
from blackspots.sources.places import (
    Angle,
    Degrees,
    Grid,
    angle,
    check_letters,
    pair,
    resolution,
)
from blackspots.sources.posts import KmPost, km, km_post, route
from blackspots.sources.times import (
    DAYS,
    HOURS,
    MONTHS,
    DateOrder,
    day,
    hour,
    hour_of_date,
    is_month_first,
    order_of_dates,
)

__all__ = [
    "DAYS",
    "HOURS",
    "MONTHS",
    "PARSERS",
    "Angle",
    "DateOrder",
    "Degrees",
    "Grid",
    "KmPost",
    "Noted",
    "Unreadable",
    "amount",
    "angle",
    "boolean",
    "check_letters",
    "count",
    "day",
    "flag",
    "hour",
    "hour_of_date",
    "integer",
    "is_blank",
    "is_month_first",
    "km",
    "km_post",
    "number",
    "order_of_dates",
    "pair",
    "resolution",
    "route",
    "text",
]

PARSERS: Final[dict[str, Callable[[Any], Any]]] = {
    "text": text,
    "number": number,
    "integer": integer,
    "boolean": boolean,
    "date": day,
}
