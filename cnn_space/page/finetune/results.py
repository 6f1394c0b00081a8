"""What is kept of a visitor's runs, beside the nets in their lists."""

import tempfile
from dataclasses import dataclass

from cnn_space.training.finetuning import Report, Result


@dataclass(frozen=True, eq=False)
class Kept:
    """One result of a visitor: net and report of a run, the net's name among the visitor's own,
    and the zip to download, which is deleted with its folder; None where the disk had no room."""

    result: Result
    name: str
    folder: tempfile.TemporaryDirectory
    file: str | None

    @property
    def report(self) -> Report:
        """What is known of the run."""
        return self.result.report

    def close(self) -> None:
        """Delete the zip."""
        self.folder.cleanup()
