"""Default styles of the GeoPackage's layers, as QGIS reads them (QML)."""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import quoteattr

_HEAD = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>"


def _layer(kind: str, options: Mapping[str, str]) -> str:
    of = {"marker": "SimpleMarker", "line": "SimpleLine", "fill": "SimpleFill"}[kind]
    rows = "".join(
        f'<Option name={quoteattr(k)} type="QString" value={quoteattr(v)}/>'
        for k, v in options.items()
    )
    head = f'<layer class="{of}" enabled="1" pass="0" locked="0">'
    return f'{head}<Option type="Map">{rows}</Option></layer>'


def _symbol(kind: str, name: str, options: Mapping[str, str]) -> str:
    return (
        f'<symbol type="{kind}" name="{name}" alpha="1" clip_to_extent="1" force_rhr="0">'
        f"{_layer(kind, options)}</symbol>"
    )


def single(kind: str, options: Mapping[str, str]) -> str:
    """One symbol for the whole layer (``kind``: marker, line or fill)."""
    return (
        f'{_HEAD}<qgis version="3.28" styleCategories="Symbology">'
        f'<renderer-v2 type="singleSymbol" symbollevels="0" enableorderby="0" forceraster="0">'
        f"<symbols>{_symbol(kind, '0', options)}</symbols></renderer-v2></qgis>"
    )


def categorised(
    kind: str, column: str, categories: Mapping[str, tuple[str, Mapping[str, str]]]
) -> str:
    """A symbol for each value of a column: value to (label, options)."""
    rows = "".join(
        f'<category symbol="{i}" value={quoteattr(value)} label={quoteattr(label)} render="true"/>'
        for i, (value, (label, _)) in enumerate(categories.items())
    )
    symbols = "".join(
        _symbol(kind, str(i), options) for i, (_, options) in enumerate(categories.values())
    )
    return (
        f'{_HEAD}<qgis version="3.28" styleCategories="Symbology">'
        f'<renderer-v2 type="categorizedSymbol" attr={quoteattr(column)} symbollevels="0"'
        f' enableorderby="0" forceraster="0"><categories>{rows}</categories>'
        f"<symbols>{symbols}</symbols></renderer-v2></qgis>"
    )
