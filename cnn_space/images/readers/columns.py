"""Which columns of a table hold the images and their labels: one rule for Parquet files, whose
features are in their metadata, and for sets that ``datasets`` opens."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

IMAGE_NAMES = ("img", "image")
LABEL_NAMES = ("label", "labels", "class", "fine_label")


class Columns(NamedTuple):
    """The names of the two columns, and those of the classes where the features have them."""

    image: str
    label: str
    classes: tuple[str, ...] | None


def find_columns(columns: Sequence[str], features: Mapping[str, object]) -> Columns | None:
    """The columns of images and labels; None where either is missing.

    ``features`` is the Hugging Face description of the columns, as ``Features.to_dict`` writes it;
    empty where there is none. Columns of type Image and ClassLabel come first, of several the one
    with a usual name (a set may have several labels, fine and coarse). Without any of the type, a
    column of a usual name will do if it can hold encoded images, or one label a row.
    """
    kinds = {name: _kind(features.get(name)) for name in columns}
    image = _choose(kinds, "Image", "bytes", IMAGE_NAMES)
    label = _choose(kinds, "ClassLabel", "value", LABEL_NAMES)
    if image is None or label is None:
        return None
    feature = features.get(label)
    names = feature.get("names") if isinstance(feature, Mapping) else None
    return Columns(image, label, None if names is None else tuple(names))


def _kind(feature: object) -> str:
    """ "Image", "ClassLabel", "bytes", "value" (of any other single type), "unknown" or "other"."""
    if feature is None:
        return "unknown"
    if not isinstance(feature, Mapping):  # a list of features
        return "other"
    kind = feature.get("_type")
    if kind in ("Image", "ClassLabel"):
        return kind
    if "bytes" in feature or feature.get("dtype") in ("binary", "large_binary"):
        return "bytes"
    return "value" if kind == "Value" else "other"


def _choose(
    kinds: Mapping[str, str], wanted: str, second: str, usual_names: Sequence[str]
) -> str | None:
    of_type = [name for name, kind in kinds.items() if kind == wanted]
    candidates = of_type or [n for n, kind in kinds.items() if kind in (second, "unknown")]
    usual = next((name for name in usual_names if name in candidates), None)
    return usual or next(iter(of_type), None)
