"""Readers of a visitor's images: a zip, a folder, a set on the Hub, or scikit-learn's digits.

What comes in is judged, never trusted. Archives are read and never unpacked: nothing is written
to disk and no name from an archive is used as a path. A hostile one can only waste time and
memory, and ``Limits`` bounds both. What cannot be used is left out and counted by reason; only
when too little remains is it an error.
"""

from cnn_space.images.readers.digits import digit_halves, enlarged, read_digits
from cnn_space.images.readers.folder import read_files, read_folder
from cnn_space.images.readers.hub import read_hub
from cnn_space.images.readers.zip import read_zip

__all__ = [
    "digit_halves",
    "enlarged",
    "read_digits",
    "read_files",
    "read_folder",
    "read_hub",
    "read_zip",
]
