"""Writes a document as a PDF in a thread of its own, row by row, so that the window goes on drawing."""

import os
import threading
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

from PySide6.QtCore import QMarginsF, QObject, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPageLayout, QPageSize, QPainter, QPdfWriter, QTextOption

from console.desktop import theme
from console.desktop.tokens import tokens
from console.model.document import Part

DPI, POINTS = 300, 72.0
MARGIN = 36.0
_INK, _GREY, _LINE = QColor("#1b1f24"), QColor("#5a6777"), QColor("#d0d7de")
_LOOKED_AT, _LEAST, _MOST = 200, 4, 34
"""Columns share the width by their longest cell among the first rows, counted in signs within these bounds."""
PAD = 3.0


class PdfPage:
    """Where the next line goes on a PDF of landscape A4, in points; a new page is begun where one is full."""

    def __init__(self, path: Path, title: str) -> None:
        self._title, self.pages = title, 1
        self.writer = QPdfWriter(str(path))
        self.writer.setResolution(DPI)
        self.writer.setTitle(title)
        self.writer.setCreator("release-console")
        self.writer.setPageLayout(QPageLayout(QPageSize(QPageSize.PageSizeId.A4), QPageLayout.Orientation.Landscape, QMarginsF()))
        size = self.writer.pageLayout().fullRect(QPageLayout.Unit.Point)
        self.wide, self._high = size.width() - 2 * MARGIN, size.height() - MARGIN - 24
        self.painter = QPainter()
        self.ready = self.painter.begin(self.writer)
        self.painter.scale(DPI / POINTS, DPI / POINTS)
        self.y = MARGIN
        if self.ready:
            self._foot()

    def _wrapping(self) -> QTextOption:
        """Return how text is broken: between words, and within one that is longer than its place."""
        option = QTextOption(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        return option

    def line(self, text: str, px: int, *, strong: bool = False, ink: QColor = _INK, gap: float = 2.0) -> None:
        """Write a paragraph over the whole width."""
        self._use(px, strong=strong, ink=ink)
        box = self.painter.boundingRect(QRectF(MARGIN, 0, self.wide, 4000), text, self._wrapping())
        self.room(box.height() + gap)
        self._use(px, strong=strong, ink=ink)
        self.painter.drawText(QRectF(MARGIN, self.y, self.wide, box.height() + 1), text, self._wrapping())
        self.y += box.height() + gap

    def row(self, cells: Sequence[str], widths: Sequence[float], *, strong: bool = False) -> None:
        """Write a row of a table; a cell is broken into lines where it has to be."""
        self._use(7, strong=strong, ink=_INK)
        high = max((self._height(cell, wide) for cell, wide in zip(cells, widths, strict=False)), default=8.0) + 2 * PAD
        self.room(high)
        self._use(7, strong=strong, ink=_INK)
        x = MARGIN
        for cell, wide in zip(cells, widths, strict=False):
            self.painter.drawText(QRectF(x + PAD, self.y + PAD, wide - 2 * PAD, high - 2 * PAD + 1), cell, self._wrapping())
            x += wide
        self.y += high
        self.painter.setPen(_LINE)
        self.painter.drawLine(QRectF(MARGIN, self.y, self.wide, 0).topLeft(), QRectF(MARGIN, self.y, self.wide, 0).topRight())

    def room(self, high: float) -> None:
        """Begin a new page where this one has no room left."""
        if self.y + high > self._high and self.y > MARGIN:
            self.writer.newPage()
            self.pages += 1
            self.y = MARGIN
            self._foot()

    def _height(self, cell: str, wide: float) -> float:
        return self.painter.boundingRect(QRectF(0, 0, wide - 2 * PAD, 4000), cell, self._wrapping()).height()

    def _foot(self) -> None:
        self._use(7, strong=False, ink=_GREY)
        place = QRectF(MARGIN, self._high + 8, self.wide, 12)
        self.painter.drawText(place, int(Qt.AlignmentFlag.AlignLeft), self._title)
        self.painter.drawText(place, int(Qt.AlignmentFlag.AlignRight), f"page {self.pages}")

    def _use(self, px: int, *, strong: bool, ink: QColor) -> None:
        font = QFont(tokens()["font"]["ui"]["family"])
        font.setPixelSize(px)
        font.setWeight(QFont.Weight.DemiBold if strong else QFont.Weight.Normal)
        font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
        self.painter.setFont(font)
        self.painter.setPen(ink)


def write_pdf(path: Path, title: str, parts: Iterable[Part]) -> int:
    """Write a document whole or not at all, and return its pages; for a thread. Raises OSError when the file cannot be written."""
    beside = path.with_name(f".{path.name}.part")
    page = PdfPage(beside, title)
    if not page.ready:
        raise OSError(f"{path} cannot be written")
    try:
        page.line(title, 18, strong=True, gap=8)
        for part in parts:
            _part(page, part)
    finally:
        page.painter.end()
    os.replace(beside, path)
    return page.pages


def _part(page: PdfPage, part: Part) -> None:
    page.room(40)
    page.y += 8
    page.line(part.title, 11, strong=True, gap=4)
    for text in part.lines:
        page.line(text, 8)
    if not part.head:
        return
    rows = iter(part.rows)
    first = list(islice(rows, _LOOKED_AT))
    widths = shares(part.head, first, page.wide)
    page.row(part.head, widths, strong=True)
    if not first:
        page.line("none", 8, ink=_GREY)
    for group in (first, rows):
        for cells in group:
            page.row(cells, widths)


def shares(head: Sequence[str], rows: Sequence[Sequence[str]], wide: float) -> list[float]:
    """Return the width of each column, in points."""
    longest = [max([len(name), *(len(row[at]) for row in rows if at < len(row))]) for at, name in enumerate(head)]
    signs = [min(_MOST, max(_LEAST, count)) + 2 for count in longest]
    return [wide * count / sum(signs) for count in signs]


class PdfJob(QObject):
    """Writes one PDF; `done` carries its pages, `failed` the reason in words, both on the thread of whoever listens."""

    done = Signal(int)
    failed = Signal(str)

    def begin(self, path: Path, title: str, parts: Iterable[Part]) -> None:
        """Begin to write; the faces are given to Qt here, on its own thread."""
        theme.load_all()
        threading.Thread(target=self._run, args=(path, title, parts), name="pdf", daemon=True).start()

    def _run(self, path: Path, title: str, parts: Iterable[Part]) -> None:
        try:
            pages = write_pdf(path, title, parts)
        except OSError as error:
            self.failed.emit(f"{error.strerror or error}")
        else:
            self.done.emit(pages)
