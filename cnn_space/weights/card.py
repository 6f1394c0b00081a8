"""The JSON card beside a weights file: one schema for everyone who writes or reads one.

A card may come from a stranger. ``read`` checks every field before anything uses it, and its
errors name the file and the field. Fields that are not known here are kept, within bounds.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    model_validator,
)

from cnn_space.images.preprocessing import Preprocessing
from cnn_space.images.sources import SOURCES
from cnn_space.weights import bundle

MAX_BYTES = 8_000_000  # a card is text about a net; anything larger is something else
MAX_CLASSES = 30_000
MAX_NUMBER = 10**18
# Of the fields that are not known here, in one object of a card.
MAX_UNKNOWN_FIELDS = 50
LONGEST = 200  # letters of what is wrong with a field
MAX_UNKNOWN_CHARACTERS = 100_000

CROSS_VALIDATED = "cross-validated"  # in place of a split: each image by a net that had not seen it

NAME = re.compile(r"[\w-]+(\.[\w-]+)+")  # arch.tag, what weights are called


# Types of fields. Numbers keep their kind: 90 is written as 90 again, and not as 90.0.


def _number(value: object) -> int | float:
    # A comparison with NaN is false, so that NaN is refused too.
    if type(value) not in (int, float) or not abs(value) < MAX_NUMBER:
        raise ValueError("it must be a number")
    return value


def _figure(value: object) -> int | float:
    if _number(value) < 0:
        raise ValueError("it must be a number that is not negative")
    return value


def _setting(value: object) -> bool | int | float | str | None:
    if value is None or type(value) is bool or (isinstance(value, str) and len(value) <= 200):
        return value
    try:
        return _number(value)
    except ValueError:
        raise ValueError("it must be true, false, a number or a short text") from None


def _options(value: object) -> dict[str, bool | int | float | str]:
    if not isinstance(value, Mapping) or len(value) > 20:
        raise ValueError("it must be an object of at most 20 options")
    for name, option in value.items():
        if not name.isidentifier() or len(name) > 40:
            raise ValueError(f"option {name[:60]!r} is not a name")
        word = isinstance(option, str) and len(option) <= 40
        if not word and type(option) not in (bool, int, float):
            raise ValueError(f"option {name!r} must be true, false, a number or a word")
        _setting(option)
    if "num_classes" in value:
        raise ValueError("num_classes stands beside the options, not in them")
    if value.get("in_channels", 3) != 3:
        raise ValueError("photos have 3 channels, so must the net")
    return dict(value)


def file_name(value: str) -> str:
    if Path(value).name != value or not value.endswith(".safetensors"):
        raise ValueError(f"it must be the file name of a .safetensors file, got {value!r}")
    return value


Number = Annotated[int | float, PlainValidator(_number)]
Figure = Annotated[int | float, PlainValidator(_figure)]
Whole = Annotated[int, Field(strict=True, gt=-MAX_NUMBER, lt=MAX_NUMBER)]
Count = Annotated[int, Field(strict=True, ge=0, lt=MAX_NUMBER)]
Text = Annotated[str, Field(max_length=1000)]
ShortText = Annotated[str, Field(min_length=1, max_length=200)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
RecipeValues = Annotated[
    dict[ShortText, Annotated[bool | int | float | str | None, PlainValidator(_setting)]],
    Field(max_length=100),
]


# Objects of a card


class _Object(BaseModel):
    """An object of a card: its order of fields is the order in the file."""

    model_config = ConfigDict(frozen=True, extra="allow")

    @model_validator(mode="after")
    def _bound_unknown_fields(self):
        unknown = self.model_extra or {}
        if len(unknown) > MAX_UNKNOWN_FIELDS:
            raise ValueError(f"it holds more than {MAX_UNKNOWN_FIELDS} unknown fields")
        for name, value in unknown.items():
            if len(name) + len(json.dumps(value)) > MAX_UNKNOWN_CHARACTERS:
                raise ValueError(f"it holds too much in the unknown field {name[:60]!r}")
        return self


class Data(_Object):
    """The images that a net learned from, and those that its accuracy was measured on."""

    tag: ShortText | None = None  # the set's short name, as in the name of the weights
    source: ShortText | None = None  # the set's name on the Hub
    name: Text = ""
    note: Text = ""  # which copy of the set: "JPEG-75 copy"
    train_images: Count | None = None
    holdout_images: Count | None = None
    eval_split: Text | None = None
    eval_images: Count | None = None

    @property
    def origin(self) -> str | None:
        """The Hub name of the set, or None where the card does not say.

        It is the field ``source``. Cards without one have only a ``tag``, and only the tags of
        SOURCES are sure to mean one set: two owners may each have a set called ``flowers``.
        """
        known = SOURCES.get(self.tag)
        return self.source or (known.hub if known else None)


class Environment(_Object):
    """Where a training took place, and in which precision."""

    python: Text = ""
    torch: Text = ""
    device: Text = ""
    precision: Text = ""


class Epoch(_Object):
    """One epoch of a training. Accuracies are percent; the rate is the learning rate at its end."""

    epoch: Count
    train_loss: Number | None = None
    train_accuracy: Number | None = None
    val_loss: Number | None = None
    val_accuracy: Number | None = None
    lr: Number | None = None
    images_per_s: Number | None = None


class Teacher(_Object):
    """A net whose answers another learned from (distillation)."""

    name: ShortText
    sha256: Sha256 | None = None


class Earlier(_Object):
    """A training that the card's own went on from."""

    sha256: Sha256 | None = None
    data: Data | None = None
    recipe: RecipeValues = {}
    teachers: list[Teacher] = []
    preprocessing: Preprocessing | None = None
    environment: Environment = Environment()
    continues: "Earlier | None" = None


class Card(_Object):
    """What is known of trained weights: which net, which images, how they were trained, how well
    they do (``accuracy`` is percent top-1), and the file that holds them.

    ``file``, ``bytes``, ``dtype`` and ``sha256`` are missing where no weights were kept.
    """

    name: ShortText
    title: ShortText
    arch: ShortText
    options: Annotated[dict[str, bool | int | float | str], PlainValidator(_options)] = {}
    num_classes: Annotated[int, Field(strict=True, ge=1, le=MAX_CLASSES)]
    labels: Annotated[list[Text], Field(max_length=MAX_CLASSES)]
    preprocessing: Preprocessing
    data: Data = Data()
    recipe: RecipeValues = {}
    seed: Whole | None = None
    parameters: Count | None = None
    macs: Count | None = None
    images_seen: Count | None = None
    wall_time_s: Figure | None = None
    environment: Environment = Environment()
    history: list[Epoch] = []
    accuracy: Figure | None = None
    per_class: dict[Text, Figure] = {}
    confusion: list[list[Count]] = []  # rows: the right class; columns: the answer
    teachers: list[Teacher] = []
    continues: Earlier | None = None
    file: Annotated[ShortText, AfterValidator(file_name)] | None = None
    bytes: Count | None = None
    dtype: ShortText | None = None
    sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _one_label_a_class(self):
        if len(self.labels) != self.num_classes:
            raise ValueError(f"'labels' must be {self.num_classes} names")
        return self

    @property
    def class_images(self) -> dict[str, int]:
        """How many images of each class the accuracy was measured on; empty where it is unknown."""
        return {name: sum(row) for name, row in zip(self.labels, self.confusion, strict=False)}

    def trainings(self) -> "list[Card | Earlier]":
        """All trainings of these weights, the last one first."""
        trainings: list[Card | Earlier] = [self]
        while (earlier := trainings[-1].continues) is not None:
            trainings.append(earlier)
        return trainings


# Files


def read(path: Path) -> Card:
    """The card in the file ``path``, or in a zip with the weights.

    Raises ValueError where it cannot be read or is wrong, naming the file and the first field.
    """
    try:
        content = _content(path)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise ValueError(f"{path} {error}") from None
    try:
        return Card.model_validate_json(content)
    except ValidationError as error:
        raise ValueError(f"{path}{_sentence(error)}") from None


def _content(path: Path) -> bytes:
    if path.suffix.lower() == ".zip":
        return bundle.read(path, ".json", MAX_BYTES)
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"is larger than a card can be ({MAX_BYTES:,} bytes)")
    return path.read_bytes()


def _sentence(error: ValidationError) -> str:
    """The first error, after the field that it concerns: ``: 'bytes': it must be a number``."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(map(str, first["loc"]))
    problem = first["msg"].removeprefix("Value error, ").replace("Input should", "it should")
    problem = problem if len(problem) <= LONGEST else f"{problem[:LONGEST]}…"
    if field:
        return f": '{field}': {problem}"
    if first["type"] == "json_invalid":
        return f" is not a card: {problem}"
    if first["type"] == "model_type":
        return " is not a card: it holds no JSON object"
    return f": {problem}"


def write(path: Path, card: Card) -> Path:
    """Write ``card`` to ``path`` in one move, one line a field, so that a difference between two
    versions can be read. Returns ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(
        f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}"
        for key, value in card.model_dump(exclude_unset=True).items()
    )
    unfinished = path.with_suffix(".part")
    unfinished.write_text("{\n" + lines + "\n}\n", encoding="utf-8")
    unfinished.replace(path)
    return path
