"""The three themes: colours and fonts by token, and the one place that gives them to the application."""

from functools import cache

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from console.desktop.sheet import sheet
from console.desktop.tokens import pair, radius, size, state_token, state_word, tokens
from console.model.places import resource

__all__ = [
    "CHOICES",
    "apply",
    "colour",
    "current",
    "environment_token",
    "faded",
    "font",
    "line_height",
    "pair",
    "radius",
    "size",
    "state_colour",
    "state_tint",
    "state_token",
    "state_word",
]

CHOICES = ("system", "dark", "light", "contrast")
"""What the setting may say; `system` follows the desktop."""

_STRONG = {
    "small.strong": ("small", 600),
    "small.bold": ("small", 700),
    "caption.strong": ("caption", 600),
    "body.medium": ("body", 500),
    "lead.plain": ("lead", 400),
}
_SPACING = {"hero": -1.0, "display": -0.5, "title": -0.2}
_FACES = {400: "Inter-Regular", 500: "Inter-Medium", 600: "Inter-SemiBold", 700: "Inter-Bold"}


class _Chosen:
    """The theme in force; one per process, as the application's palette is."""

    name = "dark"
    styled = False


def current() -> str:
    """Return the name of the theme in force: dark, light or contrast."""
    return _Chosen.name


@cache
def _colour(theme: str, token: str) -> QColor:
    return QColor(tokens()["colour"][theme][token])


def colour(token: str) -> QColor:
    """Return a colour of the theme in force. Raises KeyError for a token that does not exist."""
    return _colour(_Chosen.name, token)


def faded(token: str, share: float) -> QColor:
    """Return a colour of the theme in force at a share (0 to 1) of its strength."""
    shade = QColor(colour(token))
    shade.setAlphaF(share)
    return shade


def state_colour(state: str) -> QColor:
    """Return the colour of a state's family."""
    return colour(state_token(state))


def state_tint(state: str) -> QColor:
    """Return the ground on which a state's family stands."""
    return colour(state_token(state) + ".bg")


def environment_token(environment: str | None) -> str:
    """Return the colour token of an environment's frame; without a target it is a neutral line."""
    return f"env.{environment}" if environment else "line.strong"


@cache
def font(role: str) -> QFont:
    """Return the font of a role of the scale, with tabular figures; mono without ligatures, so that `!=` stays two signs."""
    name, weight = _STRONG.get(role, (role, 0))
    scale = tokens()["font"]["scale"][name]
    mono = name == "mono"
    _load("JetBrainsMono-Regular" if mono else _FACES[weight or scale["weight"]])
    made = QFont(tokens()["font"]["mono" if mono else "ui"]["family"])
    if isinstance(scale["px"], int):
        made.setPixelSize(scale["px"])
    else:
        made.setPointSizeF(scale["px"] * 72.0 / _dots_per_inch())
    made.setWeight(QFont.Weight(weight or scale["weight"]))
    if mono:
        made.setFeature(QFont.Tag("calt"), 0)
    else:
        made.setFeature(QFont.Tag("tnum"), 1)
        made.setFeature(QFont.Tag("cv05"), 1)
    if name in _SPACING:
        made.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, _SPACING[name])
    return made


def _dots_per_inch() -> float:
    screens = QGuiApplication.screens()
    return screens[0].logicalDotsPerInch() if screens else 96.0


def line_height(role: str) -> int:
    """Return the line height of a role, in px."""
    return int(tokens()["font"]["scale"][_STRONG.get(role, (role, 0))[0]]["line"])


@cache
def _load(face: str) -> bool:
    """Give a bundled face to Qt when it is first needed; where that fails, Qt takes the system's own."""
    return QFontDatabase.addApplicationFont(str(resource("fonts", face + ".ttf"))) >= 0


def load_all() -> tuple[str, ...]:
    """Give every bundled face to Qt, and return the names of those that could not be loaded."""
    return tuple(face for face in (*_FACES.values(), "JetBrainsMono-Regular") if not _load(face))


def resolve(choice: str) -> str:
    """Return the theme that a choice means now: `system` asks the desktop, and takes dark where it does not say."""
    if choice in tokens()["colour"]:
        return choice
    hints = QGuiApplication.styleHints()
    access = hints.accessibility()
    if access.contrastPreference() == Qt.ContrastPreference.HighContrast:
        return "contrast"
    return "light" if hints.colorScheme() == Qt.ColorScheme.Light else "dark"


def apply(app: QApplication, choice: str) -> str:
    """Put a theme in force for the whole application, at once and at run time, and return its name; the same one again costs nothing."""
    name = resolve(choice)
    if _Chosen.styled and name == _Chosen.name:
        return name
    _Chosen.name = name
    if not _Chosen.styled:
        _Chosen.styled = True
        app.setStyle("Fusion")
        app.setFont(font("body"))
    app.setPalette(palette())
    app.setStyleSheet(sheet(tokens()["colour"][name], tokens()["radius"]))
    return name


def palette() -> QPalette:
    """Return Qt's palette for the theme in force."""
    made = QPalette()
    role = QPalette.ColorRole
    wanted = {
        role.Window: "bg.window", role.WindowText: "text", role.Base: "bg.panel", role.AlternateBase: "bg.raised",
        role.Text: "text", role.Button: "bg.raised", role.ButtonText: "text", role.PlaceholderText: "text.3",
        role.Highlight: "bg.selected", role.HighlightedText: "text", role.Accent: "accent", role.Link: "accent",
        role.LinkVisited: "accent", role.Mid: "line", role.Dark: "line.strong", role.Midlight: "line", role.Light: "bg.raised",
        role.Shadow: "line", role.ToolTipBase: "bg.raised", role.ToolTipText: "text", role.BrightText: "text.inverse",
    }  # fmt: skip
    for which, token in wanted.items():
        made.setColor(which, colour(token))
    for which in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        made.setColor(QPalette.ColorGroup.Disabled, which, colour("text.off"))
    return made
