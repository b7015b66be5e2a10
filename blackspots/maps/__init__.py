"""The offline map page: one HTML file with the ranking, the map and the evidence."""

from __future__ import annotations

from blackspots.maps.data import MapData
from blackspots.maps.page import ExternalAddressError, page_html, ranked_map, save_page

__all__ = ["ExternalAddressError", "MapData", "page_html", "ranked_map", "save_page"]
