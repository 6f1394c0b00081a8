"""Table 1 of the paper beside the same widths computed (Szegedy et al., "Going Deeper with
Convolutions", 2014). What it prints is rounded, and in places wrong."""

from dataclasses import dataclass

from cnn_space.costs.closed_forms import conv
from cnn_space.costs.inception import PRESETS, PRINTED, InceptionCosts

TOLERANCE = 0.02  # rounding explains this much
STEM_PRINTED = (2.7, 34)  # K and M that Table 1 prints for the first 7×7 convolution


@dataclass(frozen=True)
class Row:
    """One row: what the paper prints, in K (1,024) and M (10⁶), and what its widths give."""

    name: str  # of a module, or "stem"
    printed: tuple[float, int]  # parameters in K, operations in M
    weights: int
    macs: int
    side: int  # of the map, in pixels

    @property
    def differences(self) -> tuple[float, float]:
        """By which share the printed parameters and operations exceed the computed ones."""
        thousands, millions = self.printed
        return thousands * 1024 / self.weights - 1, millions * 10**6 / self.macs - 1

    @property
    def implied_macs(self) -> float:
        """The MACs that the printed parameters would make."""
        return self.printed[0] * 1024 * self.side**2

    @property
    def remark(self) -> str:
        """What explains the row: a key of the page's texts."""
        if self.name == "stem":
            return "inception_paper_stem"
        if not differs(self.differences[0]):
            return "inception_paper_rounded"
        agrees = not differs(self.implied_macs / (self.printed[1] * 10**6) - 1)
        return "inception_paper_both" if agrees else "inception_paper_params_only"


def differs(share: float) -> bool:
    """Whether a difference is more than rounding."""
    return abs(share) > TOLERANCE


def sheet() -> list[list]:
    """The rows as a CSV file has them, always English."""
    head = ["module", "printed parameters, K", "parameters", "printed operations, M", "MACs"]
    return [head] + [
        [row.name, row.printed[0], row.weights, row.printed[1], row.macs] for row in rows()
    ]


def rows() -> list[Row]:
    """The stem and the nine modules, in the paper's order."""
    stem = conv("stem", (3, 224, 224), 64, (7, 7), stride=(2, 2), padding=(3, 3))
    table = [Row("stem", STEM_PRINTED, stem.weights.value, stem.macs.value, 112)]
    for name, numbers in PRESETS.items():
        module = InceptionCosts(*numbers)
        table.append(Row(name, PRINTED[name], module.parameters, module.macs, module.height))
    return table
