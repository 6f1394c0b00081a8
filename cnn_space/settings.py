"""What the environment sets: one typed object, read in one place.

``Settings.read()`` looks at the environment each time it is called, so that a test, or ``app.py``
before it serves, can change a variable. What cannot be understood is a ValueError that names the
variable and says what would be right.
"""

import os
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

# The largest photo that is ever decoded, in megapixels: about 200 MB as RGB and its copies.
MAX_MEGAPIXELS = 50

Positive = Annotated[int, Field(ge=1, le=10**9)]


def _variable(name: str, default, **limits):
    """A field that the environment variable ``name`` sets."""
    return Field(default, alias=name, **limits)


class Settings(BaseModel):
    """The environment variables of CNN Space, with their defaults."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    # Where weights come from.
    repo: str | None = _variable("CNN_SPACE_REPO", None)  # our own nets on the Hub, USER/NAME
    torchvision_url: str = _variable(
        "CNN_SPACE_TORCHVISION_URL", "https://download.pytorch.org/models"
    )

    # Threads of a net: ours to set; CPU_CORES is what a Space says it has.
    threads: Annotated[int, Field(ge=1, le=1024)] | None = _variable("CNN_SPACE_THREADS", None)
    cpu_cores: Annotated[float, Field(ge=1, le=1024)] | None = _variable("CPU_CORES", None)

    # Set by Hugging Face on a Space.
    space_id: str | None = _variable("SPACE_ID", None)
    oauth_client_id: str | None = _variable("OAUTH_CLIENT_ID", None)

    # How much of a visitor's data is taken (see ``images.limits.Limits``).
    images: Positive = _variable("CNN_SPACE_FINETUNE_IMAGES", 2000)
    classes: Positive = _variable("CNN_SPACE_FINETUNE_CLASSES", 50)
    mb: Positive = _variable("CNN_SPACE_FINETUNE_MB", 64)
    unpacked_mb: Positive = _variable("CNN_SPACE_FINETUNE_UNPACKED_MB", 1024)
    image_mb: Positive = _variable("CNN_SPACE_FINETUNE_IMAGE_MB", 20)
    megapixels: Positive = _variable("CNN_SPACE_FINETUNE_MEGAPIXELS", MAX_MEGAPIXELS, le=50)
    entries: Positive = _variable("CNN_SPACE_FINETUNE_ENTRIES", 20_000)
    ratio: Positive = _variable("CNN_SPACE_FINETUNE_RATIO", 100)
    side: Positive = _variable("CNN_SPACE_FINETUNE_SIDE", 256)
    memory_mb: Positive = _variable("CNN_SPACE_FINETUNE_MEMORY_MB", 256)
    reading_seconds: Positive = _variable("CNN_SPACE_FINETUNE_READING_SECONDS", 60)

    # A visitor's fine-tuning run, and what is kept of it.
    seconds: int | None = _variable("CNN_SPACE_FINETUNE_SECONDS", None, ge=0)  # 0: no limit
    keep: Positive = _variable("CNN_SPACE_FINETUNE_KEEP", 20)  # nets of all visitors
    keep_mb: Positive = _variable("CNN_SPACE_FINETUNE_KEEP_MB", 2000)
    keep_minutes: Positive = _variable("CNN_SPACE_FINETUNE_KEEP_MINUTES", 60)
    folders: Literal["0", "1"] | None = _variable("CNN_SPACE_FINETUNE_FOLDERS", None)

    @classmethod
    def read(cls) -> "Settings":
        """The settings of this moment. Raises ValueError for nonsense, naming the variable."""
        names = [field.alias for field in cls.model_fields.values()]
        given = {name: text for name in names if (text := os.environ.get(name, "").strip())}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            variable = first["loc"][0]
            problem = first["msg"].removeprefix("Input should be ")
            if first["type"] in ("int_parsing", "float_parsing"):
                problem = "a number" if first["type"] == "float_parsing" else "a whole number"
            raise ValueError(f"{variable} is {given[variable]!r}; it should be {problem}") from None

    @property
    def run_seconds(self) -> int | None:
        """How long one fine-tuning run may take: as set, else 180 on a Space and no limit
        elsewhere (None)."""
        if self.seconds is None:
            return 180 if self.space_id else None
        return self.seconds or None
