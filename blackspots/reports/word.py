"""Chapters with tables as a Word document that an office can edit and print.

Tables are written as the markup of whole rows: the object model of python-docx takes minutes
for a nation's crossings. All text enters as characters of a run, so that none becomes a field,
a link or markup.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

import docx
from docx.enum.section import WD_ORIENT
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt, RGBColor

FONT: Final = "Times New Roman"
"""A font with all Vietnamese marks that every office has."""
CREATED: Final = datetime(2000, 1, 1)  # noqa: DTZ001 - core properties hold none; fixed for equal bytes
_INK, _PAPER, _RULE = "17324D", "E9EFF5", "C8D2DC"
_WARN, _WARN_PAPER, _GREY = "9A3412", "FFF1E6", "555555"
_LONG, _SHORT = 297.0, 210.0
"""Sides of A4 [mm]."""
_LEFT, _OTHER = 20.0, 15.0
"""Margins [mm]; the left one leaves room for binding."""
_TWIPS: Final = 1440 / 25.4
"""Twentieths of a point in a millimetre."""
_WIDTH: Final = round((_LONG - _LEFT - _OTHER) * _TWIPS)
_PADDING: Final = 70
"""Left and right of a cell's text [twips]; as much is a table moved in, so that it ends with the
text above it."""
_LANGUAGES: Final = {"vi": "vi-VN", "en": "en-GB"}
"""What the spelling check of the reader's program takes the text for."""
_REFUSED: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has no way to hold (section 2.2)."""
_SPACE: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: headers, rows of text, and the share of the width that each column takes.

    ``right`` columns stand at the right, as numbers do; ``strong`` rows are bold, as sums are.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    shares: Sequence[float]
    right: Collection[int] = ()
    strong: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class Chapter:
    """A heading of a level, lines below it, and a table."""

    title: str
    level: int = 1
    lines: Sequence[str] = ()
    grid: Grid | None = None
    new_page: bool = False


def clean(text: str) -> str:
    r"""Text without the characters that XML refuses.

    Examples
    --------
    >>> clean("Km45\x00+300\x0b")
    'Km45+300'
    """
    return _REFUSED.sub("", text)


def write_document(
    path: Path,
    *,
    title: str,
    lines: Sequence[str],
    chapters: Iterable[Chapter],
    language: str,
    banner: str = "",
) -> None:
    """Write a document on A4 landscape, with page numbers; equal content gives equal bytes.

    Parameters
    ----------
    lines
        What stands below the title.
    language
        ``vi`` or ``en``: what the spelling check goes by.
    banner
        A line on top of every page (that the data are simulated), in a warning colour.
    """
    document = docx.Document()
    _set_up(document, title, language)
    _head_and_foot(document, title, banner)
    body = document.element.body
    last = body.sectPr
    for each in _blocks(title, lines, chapters):
        last.addprevious(each)
    held = io.BytesIO()
    document.save(held)
    _write_fixed(path, held)


def _set_up(document: Any, title: str, language: str) -> None:
    """Page, styles and properties."""
    section = document.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Mm(_LONG), Mm(_SHORT)
    section.left_margin = Mm(_LEFT)
    section.right_margin = section.top_margin = section.bottom_margin = Mm(_OTHER)
    section.header_distance = section.footer_distance = Mm(8)
    defaults = document.styles.element.find(f".//{qn('w:rPrDefault')}/{qn('w:rPr')}")
    spoken = defaults.find(qn("w:lang"))
    for name in ("val", "eastAsia"):
        spoken.set(qn(f"w:{name}"), _LANGUAGES.get(language, "en-GB"))
    _style(document, "Normal", size=11, after=4)
    _style(document, "Title", size=20, bold=True, colour=_INK, after=4)
    _style(document, "Heading 1", size=15, bold=True, colour=_INK, before=14, after=4)
    _style(document, "Heading 2", size=12, bold=True, colour=_INK, before=10, after=3)
    for name in ("Cell", "Number", "Head"):
        made = document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        made.base_style = document.styles["Normal"]
        head = name == "Head"
        _style(document, name, size=9, bold=head, colour=_INK if head else None)
    document.styles["Number"].element.get_or_add_pPr().get_or_add_jc().set(qn("w:val"), "right")
    document.styles["Head"].element.get_or_add_pPr().get_or_add_jc().set(qn("w:val"), "center")
    border = document.styles["Title"].element.pPr.find(qn("w:pBdr"))
    if border is not None:
        border.getparent().remove(border)
    properties = document.core_properties
    properties.title = clean(title)[:255]
    properties.author = properties.last_modified_by = "blackspots"
    properties.comments = properties.keywords = properties.subject = ""
    properties.created = properties.modified = CREATED
    properties.revision = 1
    # The template brings a picture of its own first page.
    rels = document.part.package.rels
    for name in [name for name, rel in rels.items() if rel.reltype.endswith("/thumbnail")]:
        del rels[name]


def _style(
    document: Any,
    name: str,
    *,
    size: float,
    bold: bool = False,
    colour: str | None = None,
    before: float = 0,
    after: float = 0,
) -> None:
    style = document.styles[name]
    style.font.size, style.font.bold = Pt(size), bold
    if colour is not None:
        style.font.color.rgb = RGBColor.from_string(colour)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    # A theme's font would win over the name.
    for attribute in list(fonts.attrib):
        del fonts.attrib[attribute]
    for script in ("ascii", "hAnsi", "eastAsia", "cs"):
        fonts.set(qn(f"w:{script}"), FONT)
    layout = style.paragraph_format
    layout.space_before, layout.space_after, layout.line_spacing = Pt(before), Pt(after), 1.0


def _head_and_foot(document: Any, title: str, banner: str) -> None:
    """The banner on top of every page; title and page number below it."""
    section = document.sections[0]
    if banner:
        top = section.header.paragraphs[0]._p  # noqa: SLF001 - its only way to the markup
        top.getparent().replace(top, parse_xml(_warning(banner)))
    below = section.footer.paragraphs[0]._p  # noqa: SLF001
    grey = f'<w:rPr><w:color w:val="{_GREY}"/><w:sz w:val="18"/></w:rPr>'

    def field(name: str) -> str:
        return f'<w:fldSimple w:instr=" {name} "><w:r>{grey}<w:t>1</w:t></w:r></w:fldSimple>'

    foot = (
        f'<w:p {nsdecls("w")}><w:pPr><w:tabs><w:tab w:val="right" w:pos="{_WIDTH}"/></w:tabs>'
        f"</w:pPr>{_run(title, grey)}<w:r>{grey}<w:tab/></w:r>"
        f"{field('PAGE')}<w:r>{grey}<w:t>/</w:t></w:r>{field('NUMPAGES')}</w:p>"
    )
    below.getparent().replace(below, parse_xml(foot))


def _warning(banner: str) -> str:
    look = f'<w:rPr><w:b/><w:color w:val="{_WARN}"/><w:sz w:val="20"/></w:rPr>'
    return (
        f'<w:p {nsdecls("w")}><w:pPr><w:shd w:val="clear" w:color="auto" w:fill="{_WARN_PAPER}"/>'
        f'<w:spacing w:before="0" w:after="120"/><w:jc w:val="center"/></w:pPr>'
        f"{_run(banner, look)}</w:p>"
    )


def _blocks(title: str, lines: Sequence[str], chapters: Iterable[Chapter]) -> Iterable[Any]:
    """Paragraphs and tables from first to last."""
    yield _paragraph(title, "Title")
    for line in lines:
        yield _paragraph(line, "Normal")
    for chapter in chapters:
        more = "<w:pageBreakBefore/>" if chapter.new_page else ""
        yield _paragraph(chapter.title, f"Heading{chapter.level}", more)
        for line in chapter.lines:
            keep = "<w:keepNext/>" if chapter.grid is not None else ""
            yield _paragraph(line, "Normal", keep)
        if chapter.grid is not None:
            yield parse_xml(_table(chapter.grid))
            yield _paragraph("", "Cell")  # tables that touch would become one


def _paragraph(text: str, style: str, more: str = "") -> Any:
    return parse_xml(
        f'<w:p {nsdecls("w")}><w:pPr><w:pStyle w:val="{style}"/>{more}</w:pPr>{_run(text)}</w:p>'
    )


def _run(text: str, look: str = "") -> str:
    plain = _SPACE.sub(" ", clean(text)).strip()
    if not plain:
        return ""
    return f'<w:r>{look}<w:t xml:space="preserve">{escape(plain)}</w:t></w:r>'


def _table(grid: Grid) -> str:
    """The markup of a table whose header stands on every page it runs over."""
    total = sum(grid.shares)
    widths = [round(_WIDTH * share / total) for share in grid.shares]
    right = set(grid.right)
    styles = ["Number" if i in right else "Cell" for i in range(len(widths))]
    starts = [
        f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/></w:tcPr>'
        f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr>'
        for width, style in zip(widths, styles, strict=True)
    ]
    head = "".join(
        f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>'
        f'<w:shd w:val="clear" w:color="auto" w:fill="{_PAPER}"/><w:vAlign w:val="center"/>'
        f'</w:tcPr><w:p><w:pPr><w:pStyle w:val="Head"/></w:pPr>{_run(title)}</w:p></w:tc>'
        for width, title in zip(widths, grid.headers, strict=True)
    )
    bold = "<w:rPr><w:b/></w:rPr>"
    strong = set(grid.strong)
    rows = [
        "<w:tr><w:trPr><w:cantSplit/></w:trPr>"
        + "".join(
            f"{start}{_run(cell, bold if number in strong else '')}</w:p></w:tc>"
            for start, cell in zip(starts, row, strict=True)
        )
        + "</w:tr>"
        for number, row in enumerate(grid.rows)
    ]
    columns = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
    line = f'w:val="single" w:sz="4" w:space="0" w:color="{_RULE}"'
    edge = f'w:val="single" w:sz="8" w:space="0" w:color="{_INK}"'
    return (
        f'<w:tbl {nsdecls("w")}><w:tblPr><w:tblW w:w="{sum(widths)}" w:type="dxa"/>'
        f'<w:tblInd w:w="{_PADDING}" w:type="dxa"/>'
        f"<w:tblBorders><w:top {edge}/><w:bottom {edge}/><w:insideH {line}/></w:tblBorders>"
        '<w:tblLayout w:type="fixed"/><w:tblCellMar><w:top w:w="30" w:type="dxa"/>'
        f'<w:left w:w="{_PADDING}" w:type="dxa"/><w:bottom w:w="30" w:type="dxa"/>'
        f'<w:right w:w="{_PADDING}" w:type="dxa"/></w:tblCellMar></w:tblPr>'
        f"<w:tblGrid>{columns}</w:tblGrid>"
        f"<w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>{head}</w:tr>"
        f"{''.join(rows)}</w:tbl>"
    )


def _write_fixed(path: Path, held: io.BytesIO) -> None:
    """The package with fixed days inside, so that equal content gives equal bytes."""
    with zipfile.ZipFile(held) as made, zipfile.ZipFile(path, "w") as fixed:
        for name in made.namelist():
            entry = zipfile.ZipInfo(name, CREATED.timetuple()[:6])
            entry.create_system = 0
            entry.external_attr = 0o600 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            fixed.writestr(entry, made.read(name))
