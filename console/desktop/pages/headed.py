"""A table model whose columns have heads, in the look that every table's head has."""

from typing import Any, ClassVar

from PySide6.QtCore import QAbstractTableModel, Qt

from console.desktop import theme


class HeadedModel(QAbstractTableModel):
    """Names its columns by `heads`."""

    heads: ClassVar[tuple[str, ...]] = ()

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a column's head."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.heads[section]
        if role == Qt.ItemDataRole.FontRole:
            return theme.font("caption")
        if role == Qt.ItemDataRole.ForegroundRole:
            return theme.colour("text.2")
        return None
