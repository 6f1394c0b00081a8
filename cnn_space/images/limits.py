"""How much of a visitor's data is taken."""

from dataclasses import dataclass, fields

from cnn_space.settings import Settings


def _default(name: str) -> int:
    return Settings.model_fields[name].default


@dataclass(frozen=True)
class Limits:
    """How much of a visitor's data is taken. The environment can set each field:
    ``CNN_SPACE_FINETUNE_IMAGES=500`` sets ``images``, and so on. The defaults are those of
    ``settings.Settings``."""

    images: int = _default("images")
    classes: int = _default("classes")
    mb: int = _default("mb")  # a zip as it is uploaded, in MB (2²⁰ bytes)
    unpacked_mb: int = _default("unpacked_mb")  # the size that a zip says it unpacks to
    image_mb: int = _default("image_mb")  # one photo, encoded
    megapixels: int = _default("megapixels")  # one photo, decoded (10⁶ pixels)
    entries: int = _default("entries")  # files in a zip or a folder
    ratio: int = _default("ratio")  # unpacked size over packed size of one file in a zip
    side: int = _default("side")  # of the squares that are kept, in pixels; never above MAX_SIDE
    memory_mb: int = _default("memory_mb")  # all photos together, decoded
    reading_seconds: int = _default("reading_seconds")

    @classmethod
    def read(cls) -> "Limits":
        """The limits that the environment sets now. Raises ValueError for nonsense in a variable
        and names it."""
        settings = Settings.read()
        return cls(**{field.name: getattr(settings, field.name) for field in fields(cls)})
