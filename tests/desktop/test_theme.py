"""The three themes keep their contrast, their fonts, and can be changed at run time."""

import itertools
import json
from pathlib import Path

import pytest
from PySide6.QtGui import QFont, QFontDatabase, QFontInfo, QFontMetricsF, QPalette
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit

from console.desktop import theme
from console.desktop.tokens import tokens
from console.model.verbs import State

THEMES = ("dark", "light", "contrast")
GRAPHICS = ("series.", "line.strong", "focus", "env.production", "env.staging", "env.practice")
TEXT_LEAST, GRAPHIC_LEAST = 4.5, 3.0


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first, second):
    """Return the ratio of WCAG 2.2."""
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def pairs():
    for name in THEMES:
        for token, grounds in tokens()["contrast"][name].items():
            for ground in grounds:
                yield name, token, ground.removeprefix("on ")


@pytest.mark.parametrize(("name", "token", "ground"), list(pairs()))
def test_a_token_can_be_read_on_its_ground(name, token, ground):
    colours = tokens()["colour"][name]
    graphic = token.startswith(GRAPHICS) and not token.endswith(".text")
    least = GRAPHIC_LEAST if graphic else TEXT_LEAST
    assert contrast(colours[token], colours[ground]) >= least


@pytest.mark.parametrize("name", THEMES)
def test_text_can_be_read_on_hovered_and_sunken_grounds(name):
    colours = tokens()["colour"][name]
    for ink, ground in itertools.product(("text", "text.2"), ("bg.hover", "bg.inset", "bg.selected")):
        assert contrast(colours[ink], colours[ground]) >= TEXT_LEAST


def test_every_theme_has_the_same_tokens():
    first, *others = (set(tokens()["colour"][name]) for name in THEMES)
    assert all(other == first for other in others)


def test_every_state_has_a_word_and_a_family_with_its_ground():
    for state in State:
        assert theme.state_word(state)
        assert theme.state_colour(state).isValid()
        assert theme.state_tint(state).isValid()


def test_all_faces_are_loaded_from_the_program_itself():
    assert theme.load_all() == ()
    assert {"Inter", "JetBrains Mono"} <= set(QFontDatabase.families())


def test_licences_lie_beside_the_fonts_and_icons():
    root = Path(theme.__file__).parents[2] / "resources"
    for licence in ("fonts/Inter-OFL.txt", "fonts/JetBrainsMono-OFL.txt", "icons/LICENSE-lucide.txt"):
        assert (root / licence).stat().st_size > 500


@pytest.mark.parametrize("role", [*tokens()["font"]["scale"], "small.strong", "caption.strong", "body.medium"])
def test_figures_are_equally_wide(role):
    widths = {round(QFontMetricsF(theme.font(role)).horizontalAdvance(figure), 3) for figure in "0123456789"}
    assert len(widths) == 1


def test_no_text_is_smaller_than_11_px():
    assert min(QFontInfo(theme.font(role)).pixelSize() for role in tokens()["font"]["scale"]) >= 11


def test_the_theme_changes_at_run_time(qapp):
    assert theme.apply(qapp, "light") == "light"
    assert qapp.palette().color(QPalette.ColorRole.Window) == theme.colour("bg.window")
    light = theme.colour("text")
    theme.apply(qapp, "contrast")
    assert theme.colour("text") != light
    assert theme.current() == "contrast"


def test_the_tokens_are_the_ones_that_were_designed():
    loaded = json.loads((Path(theme.__file__).parents[2] / "resources" / "tokens.json").read_text(encoding="utf-8"))
    assert loaded["meta"]["name"] == "release-console tokens"
    assert loaded["colour"]["dark"]["fail"] == "#FF6F6A"


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("made", [QLineEdit, QPlainTextEdit])
def test_a_placeholder_can_be_read_on_its_field(qtbot, qapp, name, made):
    before = theme.current()
    theme.apply(qapp, name)
    field = made()
    qtbot.addWidget(field)
    field.setFont(QFont(field.font().family(), 60))
    field.setPlaceholderText("HIM")
    field.resize(400, 160)
    field.show()
    image = field.grab().toImage()
    ground = image.pixelColor(200, 150).name()
    inks = (image.pixelColor(x, y).name() for x in range(14, 300, 2) for y in range(20, 120, 2))
    found = max(contrast(ink, ground) for ink in inks)
    theme.apply(qapp, before)
    assert found >= TEXT_LEAST
