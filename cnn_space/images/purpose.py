"""What photos in class folders are read for."""

from dataclasses import dataclass

from cnn_space.images.preprocessing import Preprocessing


@dataclass(frozen=True)
class Purpose:
    """What photos are read for; the defaults are those of fine-tuning.

    ``test_first``: where there are a validation and a test part, the test part is held out.
    ``to_measure``: of a set with parts only what is held out is read; one class is enough, and one
    image of it. ``preprocessing``: each photo becomes what a net with it sees, in place of a square
    of the size that ``Limits`` allows.
    """

    test_first: bool = False
    to_measure: bool = False
    preprocessing: Preprocessing | None = None


FINE_TUNING = Purpose()
