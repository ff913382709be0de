"""The few things that neither palette nor style sheet can say to Fusion."""

from PySide6.QtWidgets import QProxyStyle, QStyle, QStyleHintReturn, QStyleOption, QWidget

TOOLTIP_DELAY_MS = 400
RING_PX = 4
"""The focus ring's reach outside its control: 2 px of air and 2 px of line."""


class ConsoleStyle(QProxyStyle):
    """Fusion with our tooltip delay, no menus that fade, and the focus ring drawn outside a control by `FocusRing`."""

    def __init__(self) -> None:
        super().__init__("Fusion")

    def styleHint(
        self,
        hint: QStyle.StyleHint,
        option: QStyleOption | None = None,
        widget: QWidget | None = None,
        returnData: QStyleHintReturn | None = None,  # noqa: N803
    ) -> int:
        """Answer Qt's question for a hint; all others are Fusion's."""
        if hint == QStyle.StyleHint.SH_ToolTip_WakeUpDelay:
            return TOOLTIP_DELAY_MS
        if hint == QStyle.StyleHint.SH_ToolTip_FallAsleepDelay:
            return 0
        if hint == QStyle.StyleHint.SH_UnderlineShortcut:
            return 0
        return super().styleHint(hint, option, widget, returnData)

    def pixelMetric(self, metric: QStyle.PixelMetric, option: QStyleOption | None = None, widget: QWidget | None = None) -> int:
        """Return how far the focus frame reaches out; all other metrics are Fusion's."""
        if metric in (QStyle.PixelMetric.PM_FocusFrameHMargin, QStyle.PixelMetric.PM_FocusFrameVMargin):
            return RING_PX
        return super().pixelMetric(metric, option, widget)
