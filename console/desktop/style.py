"""The few things that neither palette nor style sheet can say to Fusion.

A style written in Python is asked thousands of times while a window is laid out, and loading Qt's style enumerations takes 30 ms: so it
is put in place after the first paint, and the focus ring has one of its own.
"""

from PySide6.QtWidgets import QProxyStyle, QStyle, QStyleHintReturn, QStyleOption, QWidget

TOOLTIP_DELAY_MS = 400
RING_PX = 4
"""The focus ring's reach outside its control: 2 px of air and 2 px of line."""


class ConsoleStyle(QProxyStyle):
    """Fusion with our tooltip delay."""

    def __init__(self) -> None:
        super().__init__("Fusion")

    def styleHint(
        self,
        hint: QStyle.StyleHint,
        option: QStyleOption | None = None,
        widget: QWidget | None = None,
        returnData: QStyleHintReturn | None = None,  # noqa: N803
    ) -> int:
        """Answer Qt's question for the tooltip's delay; all others are Fusion's."""
        if hint == QStyle.StyleHint.SH_ToolTip_WakeUpDelay:
            return TOOLTIP_DELAY_MS
        return super().styleHint(hint, option, widget, returnData)


class RingStyle(QProxyStyle):
    """Tells the focus ring how far out it lies."""

    def __init__(self) -> None:
        super().__init__("Fusion")

    def pixelMetric(self, metric: QStyle.PixelMetric, option: QStyleOption | None = None, widget: QWidget | None = None) -> int:
        """Return the ring's reach; all other metrics are Fusion's."""
        if metric in (QStyle.PixelMetric.PM_FocusFrameHMargin, QStyle.PixelMetric.PM_FocusFrameVMargin):
            return RING_PX
        return super().pixelMetric(metric, option, widget)
