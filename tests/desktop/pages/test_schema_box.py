"""The schema of a target's database in its panel: as plain text, never by colour alone, and what cannot be read is said."""

from dataclasses import replace

import samples
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from console.desktop.pages.targets import TargetsPage
from console.model.database import SchemaLight, SchemaLine, SchemaView
from console.model.views import Update

VIEW = samples.schema()


def box(shown, view: SchemaView | None):
    page = shown(TargetsPage, Update(targets=(samples.target("shop", schema=view),)))
    return page.panel.schema


def test_each_line_has_a_word_beside_its_colour_and_is_plain_text(shown):
    found = box(shown, VIEW)
    assert found.isVisible()
    assert found.head.accessibleName() == "alembic, wrong"
    lines = [(row._mark.accessibleName(), row.words.text()) for row in found.rows if row.isVisible()]
    assert [name for name, _ in lines] == ["0042, good", "0043, pending", "orders.payment_ref, wrong", "not read, unknown"]
    assert lines[2][1] == "is 3.1 % null (counted in 41,203 rows), and at most 1 % may be"
    assert "identity 7438201122334455667/16384" in found.words.toolTip()


def test_what_a_database_says_is_never_taken_for_more_than_text(shown):
    found = box(shown, replace(VIEW, lines=(SchemaLine("<b>0042</b>", SchemaLight.WRONG, "<img src=x> failed"),)))
    assert found.rows[0].words.text() == "<img src=x> failed"
    assert found.rows[0].words.textFormat() is Qt.TextFormat.PlainText


def test_a_database_that_cannot_be_read_says_so_in_place_of_what_was_read(shown):
    found = box(shown, replace(VIEW, problem="The database shop did not answer in 4 s."))
    assert found.words.text() == "The database shop did not answer in 4 s."
    assert found.head.accessibleName() == "alembic, unknown"


def test_without_a_database_there_is_nothing(shown):
    assert not box(shown, None).isVisible()


def test_fewer_lines_hide_the_rows_of_before(shown):
    found = box(shown, VIEW)
    found.show_view(replace(VIEW, lines=VIEW.lines[:1]))
    assert [row.isVisible() for row in found.rows] == [True, False, False, False]


def test_a_lines_name_is_whole_where_its_sentence_is_too_long_for_the_panel(shown):
    line = SchemaLine("orders.payment_ref", SchemaLight.GOOD, "text, 100 % null (counted in 41,203 rows), which is far more than fits")
    row = box(shown, replace(VIEW, lines=(line,))).rows[0]
    QApplication.processEvents()
    assert row._mark.width() >= row._mark.sizeHint().width()
