"""Table 1 of Szegedy et al., "Going deeper with convolutions", 2015: its Inception modules, and
the kernels that may stand for their 5×5.

Plain data, for the net in `googlenet` and for the closed forms in ``cnn_space.costs``.
"""

from typing import NamedTuple


class InceptionRow(NamedTuple):
    """A row: the map that goes in, the widths in the table's order, and the two figures it prints.

    ``printed_params`` (thousands) and ``printed_ops`` (millions) are rounded, and wrong in places
    (4c, 5a): show them beside computed figures, never compute with them.
    """

    side: int  # of the square map, for an image of 224 pixels
    in_channels: int
    ch1x1: int
    ch3x3red: int
    ch3x3: int
    ch5x5red: int
    ch5x5: int
    pool_proj: int
    printed_params: int
    printed_ops: int

    @property
    def widths(self) -> tuple[int, int, int, int, int, int]:
        """(ch1x1, ch3x3red, ch3x3, ch5x5red, ch5x5, pool_proj)"""
        return self[2:8]


# As published; as torchvision has it; two 3×3 in a row (Inception v2).
KERNELS_5X5 = (5, 3, "3+3")

# map, in, #1×1, #3×3 reduce, #3×3, #5×5 reduce, #5×5, pool proj, params (K), ops (M)
TABLE_1 = {
    "3a": InceptionRow(28, 192, 64, 96, 128, 16, 32, 32, 159, 128),
    "3b": InceptionRow(28, 256, 128, 128, 192, 32, 96, 64, 380, 304),
    "4a": InceptionRow(14, 480, 192, 96, 208, 16, 48, 64, 364, 73),
    "4b": InceptionRow(14, 512, 160, 112, 224, 24, 64, 64, 437, 88),
    "4c": InceptionRow(14, 512, 128, 128, 256, 24, 64, 64, 463, 100),
    "4d": InceptionRow(14, 512, 112, 144, 288, 32, 64, 64, 580, 119),
    "4e": InceptionRow(14, 528, 256, 160, 320, 32, 128, 128, 840, 170),
    "5a": InceptionRow(7, 832, 256, 160, 320, 32, 128, 128, 1072, 54),
    "5b": InceptionRow(7, 832, 384, 192, 384, 48, 128, 128, 1388, 71),
}
