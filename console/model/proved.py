"""What can be proved of one audit record: who signed it, and that it belongs to a checkpoint of the log."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Proved:
    """A record's proof against the newest checkpoint. `key` and `checkpoint_key` are the labels of the keys that signed, "" for none.

    `signature_holds` is about the record's own signature. `size` is how many records the checkpoint covers, 0 without one; `steps` how
    many hashes lead from the record to its root, and `included` whether they do. A record after the checkpoint is not covered yet.
    """

    seq: int
    key: str = ""
    signature_holds: bool = False
    size: int = 0
    root: str = ""
    checkpoint_key: str = ""
    steps: int = 0
    included: bool = False

    @property
    def covered(self) -> bool:
        """Tell whether the newest checkpoint is about this record too."""
        return self.seq <= self.size
