"""The page itself: a folium map that carries the data and the script that shows them.

Text of the user's never passes through a template: branca compiles what a ``MacroElement``
renders once more as Jinja, so the page's own elements hand back their string unchanged, and
the data stand in the page as JSON only. A content security policy lets nothing but the
page's own scripts and styles run, by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import html
import os
import re
import tempfile
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files
from math import isfinite
from pathlib import Path
from typing import Any, Final

import folium
from branca.element import Element, Figure

from blackspots.maps.data import MapData, in_languages, payload
from blackspots.maps.encode import script_json

MAP_ID: Final = "blackspots"

_SCRIPTS: Final = (
    "core.js",
    "symbols.js",
    "model.js",
    "scene.js",
    "layer.js",
    "charts.js",
    "table.js",
    "programme.js",
    "sheet.js",
    "rail_model.js",
    "rail_scene.js",
    "rail_table.js",
    "rail_sheet.js",
    "filters.js",
    "export.js",
    "main.js",
)
_LEAFLET_LINK: Final = 'href="https://leafletjs.com" '
_VIEWPORT: Final = re.compile(r'<meta name="viewport"[^>]*/>')
_HERE_ONLY: Final = ("#", "data:")
_ADDRESS_ATTRIBUTES: Final = frozenset(
    ("src", "href", "srcset", "xlink:href", "data", "poster", "action", "formaction", "background")
)
_STYLE_ADDRESS: Final = re.compile(r"@import[^;]*|url\(\s*['\"]?([^'\")]*)", re.IGNORECASE)
_SCRIPT_ADDRESS: Final = re.compile(r"(?:https?|wss?|ftp):\\?/\\?/[^\s'\"`<>)]*|['\"`]//\w[^'\"`]*")
_NAMESPACES: Final = ("http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink")


class ExternalAddressError(ValueError):
    """The page would load something from outside itself."""


class _Raw(Element):
    """An element whose text is taken as it is: no template is made of it."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__()
        self._name = name
        self._id = MAP_ID
        self.text = text

    def render(self, **kwargs: Any) -> str:
        return self.text


class _Page(Element):
    """Child of the map: puts the page around it."""

    def __init__(self, data: MapData) -> None:
        super().__init__()
        self._name = "page"
        self._id = MAP_ID
        self.json = script_json(payload(data))

    def render(self, **kwargs: Any) -> str:
        figure = self.get_root()
        chart = self._parent
        if not isinstance(figure, _PageFigure) or not isinstance(chart, folium.Map):
            raise TypeError("the page belongs to the map that ranked_map() makes")
        frame = f'<div class="folium-map" id="{chart.get_name()}"></div>'
        start = "\n".join(_static(name) for name in _SCRIPTS)
        parts = (
            (figure.header, "leaflet_style", f"<style>{_leaflet_css()}</style>"),
            (figure.header, "leaflet_script", f"<script>{_leaflet_js()}</script>"),
            (
                figure.header,
                "page_style",
                f"<style>{_static('page.css')}{_static('rail.css')}</style>",
            ),
            (figure.html, chart.get_name(), _static("page.html").replace("<!--map-->", frame)),
            (
                figure.html,
                "page_data",
                f'<script type="application/json" id="page-data">{self.json}</script>',
            ),
            (figure.script, "page", f"(function (L, map) {{\n{start}\n}})(L, {chart.get_name()});"),
        )
        for place, name, text in parts:
            place.add_child(_Raw(name, text), name=name)
        return ""


class _PageFigure(Figure):
    """The document: checked for external addresses, and closed by its security policy."""

    def __init__(self, language: str, title: str) -> None:
        super().__init__(height="720px")
        self.language = language
        self.heading = title

    def render(self, **kwargs: Any) -> str:
        for child in self._children.values():
            child.render(**kwargs)
        header = _VIEWPORT.sub("", self.header.render(**kwargs))
        body = self.html.render(**kwargs)
        script = f"<script>\n{self.script.render(**kwargs)}\n</script>"
        found = _scan(header + body + script)
        return "".join(
            (
                f'<!DOCTYPE html>\n<html lang="{self.language}">\n<head>\n<meta charset="utf-8">\n',
                f'<meta http-equiv="Content-Security-Policy" content="{_policy(found)}">\n',
                '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
                '<meta name="color-scheme" content="light dark">\n',
                '<link rel="icon" href="data:,">\n',
                f"<title>{html.escape(self.heading)}</title>\n",
                f"{header}\n</head>\n<body>\n{body}\n{script}\n</body>\n</html>\n",
            )
        )


def ranked_map(data: MapData) -> folium.Map:
    """The page as a folium map: shows in a notebook, saves itself, takes further layers.

    Parameters
    ----------
    data
        What the page shows.

    Returns
    -------
    folium.Map
        Without tiles. The same data give the same page, byte for byte.
    """
    centre = _centre(data)
    chart = folium.Map(
        location=centre,
        tiles=None,
        zoom_start=9,
        maxZoom=19,
        minZoom=6,
        zoomSnap=0.25,
        wheelPxPerZoomLevel=90,
        zoom_control=False,
        attributionControl=False,
    )
    chart._id = MAP_ID
    # On the instance: the lists of the class belong to every map of the process.
    chart.default_js = []
    chart.default_css = []
    figure = _PageFigure(data.language, in_languages(data.title)[data.language])
    figure.add_child(chart, name="map")
    chart.add_child(_Page(data), name="page")
    return chart


def _centre(data: MapData) -> list[float]:
    for frame in (data.segments, data.sites, data.crashes, data.register, data.found):
        if frame is not None and len(frame) and frame.crs is not None:
            west, south, east, north = frame.to_crs(4326).total_bounds
            if isfinite(west):
                return [round((south + north) / 2, 5), round((west + east) / 2, 5)]
    return [21.85, 106.76]


def page_html(data: MapData) -> str:
    """The whole page, in one self-contained string.

    Raises
    ------
    ExternalAddressError
        If anything in it points outside the page.
    """
    return str(ranked_map(data).get_root().render())


def save_page(data: MapData, path: str | Path) -> Path:
    """Write the page to ``path``, whole or not at all."""
    path = Path(path)
    text = page_html(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


@cache
def _static(name: str) -> str:
    folder = files("blackspots") / "maps" / "static"
    return folder.joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")


@cache
def _leaflet_css() -> str:
    """Leaflet's styles without the pictures of markers and layer buttons, which are not used."""
    return re.sub(r"background-image:\s*url\(images/[^)]*\);", "", _static("leaflet/leaflet.css"))


@cache
def _leaflet_js() -> str:
    """Leaflet without the address in its attribution and its head comment."""
    text = _static("leaflet/leaflet.js").replace(_LEAFLET_LINK, "")
    text = text.replace("https://leafletjs.com", "leafletjs.com")
    return re.sub(r"//# sourceMappingURL=\S*", "", text)


class _Scan(HTMLParser):
    """Collects what the page runs and what it would load."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.external: list[str] = []
        self._into: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._into = None
        if tag == "script" and "json" not in given.get("type", ""):
            self._into = self.scripts
        elif tag == "style":
            self._into = self.styles
        if self._into is not None:
            self._into.append("")
        for name, value in given.items():
            outside = value.strip() and not value.strip().startswith(_HERE_ONLY)
            if name in _ADDRESS_ATTRIBUTES and outside:
                self.external.append(f"<{tag} {name}={value!r}>")
            elif name == "style":
                self.external += _style_addresses(value)

    def handle_endtag(self, tag: str) -> None:
        self._into = None

    def handle_data(self, data: str) -> None:
        if self._into is not None:
            self._into[-1] += data


def _style_addresses(style: str) -> list[str]:
    return [
        match.group(0)
        for match in _STYLE_ADDRESS.finditer(style)
        if match.group(1) is None or not match.group(1).startswith(_HERE_ONLY)
    ]


def _scan(page: str) -> _Scan:
    """What the page runs, after making sure that it loads nothing.

    Raises
    ------
    ExternalAddressError
        Naming every address found.
    """
    found = _Scan()
    found.feed(page)
    found.close()
    external = list(found.external)
    for style in found.styles:
        external += _style_addresses(style)
    for script in found.scripts:
        external += [a for a in _SCRIPT_ADDRESS.findall(script) if a not in _NAMESPACES]
    if external:
        raise ExternalAddressError("the page would load from outside: " + "; ".join(external[:10]))
    return found


def _policy(found: _Scan) -> str:
    scripts = " ".join(dict.fromkeys(_hash(text) for text in found.scripts))
    styles = " ".join(dict.fromkeys(_hash(text) for text in found.styles))
    return (
        f"default-src 'none'; script-src {scripts}; style-src {styles}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
