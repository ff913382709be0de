"""The pages of the window, one per file; a page composes widgets."""

from console.desktop.page import Page, PageEntry, Surroundings


def _targets(around: Surroundings) -> Page:
    from console.desktop.pages.targets import TargetsPage  # noqa: PLC0415 (start-up time earns it)

    return TargetsPage(around)


def _releases(around: Surroundings) -> Page:
    from console.desktop.pages.releases import ReleasesPage  # noqa: PLC0415 (start-up time earns it)

    return ReleasesPage(around)


def _calendar(around: Surroundings) -> Page:
    from console.desktop.pages.calendar import CalendarPage  # noqa: PLC0415 (start-up time earns it)

    return CalendarPage(around)


def _audit(around: Surroundings) -> Page:
    from console.desktop.pages.audit import AuditPage  # noqa: PLC0415 (start-up time earns it)

    return AuditPage(around)


def _settings(around: Surroundings) -> Page:
    from console.desktop.pages.settings import SettingsPage  # noqa: PLC0415 (start-up time earns it)

    return SettingsPage(around)


PAGES: tuple[PageEntry, ...] = (
    PageEntry("targets", "Targets", "crosshair", _targets),
    PageEntry("releases", "Releases", "layers", _releases),
    PageEntry("calendar", "Calendar", "calendar", _calendar),
    PageEntry("audit", "Audit", "file-check", _audit),
    PageEntry("settings", "Settings", "sliders-horizontal", _settings, foot=True),
)
