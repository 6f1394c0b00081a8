"""The environment variables of CNN Space, read in one place into one typed object.

``Settings.read()`` looks at the environment each time it is called, so that a test, or ``app.py``
before it serves, can change a variable.
"""

import os
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

# The largest photo that is ever decoded, in megapixels: about 200 MB as RGB and its copies.
MAX_MEGAPIXELS = 50

MOST = 10**9
Positive = Annotated[int, Field(ge=1, le=MOST)]

# What a value of the wrong type should have been.
_EXPECTED = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "bool_parsing": "0 or 1",
    "greater_than": "above {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "literal_error": "{expected}",
    "less_than_equal": "at most {le:.0f}",
}


def _variable(name: str, default, **limits):
    """A field that the environment variable ``name`` sets."""
    return Field(default, alias=name, **limits)


def wait_passively() -> None:
    """Let OpenMP's threads sleep while they wait for each other, unless the user has said how they
    should wait. To be called before torch is imported, for whatever answers.

    Threads that spin burn a core that the thread they wait for may need: beside other programs
    that makes answers many times slower (``benchmarks/contended.py``). A training waits so often
    that sleeping costs it more (``benchmarks/threads.py``), so commands that train do without.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


class Settings(BaseModel):
    """The environment variables of CNN Space, with their defaults. An empty one counts as unset."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    # Where weights come from.
    repo: str | None = _variable("CNN_SPACE_REPO", None)  # our own nets on the Hub, USER/NAME
    torchvision_url: str = _variable(
        "CNN_SPACE_TORCHVISION_URL", "https://download.pytorch.org/models"
    )

    # Threads of a net: ours to set; CPU_CORES is what a Space says it has.
    threads: int | None = _variable("CNN_SPACE_THREADS", None, ge=1, le=1024)
    cpu_cores: float | None = _variable("CPU_CORES", None, gt=0, le=1024)

    # Megabytes that uploads and answers may take on disk.
    uploads_mb: Positive = _variable("CNN_SPACE_UPLOADS_MB", 2000)

    # What runs named nets: "auto" is ONNX Runtime where it is installed. And where it keeps them.
    engine: Literal["auto", "pytorch"] = _variable("CNN_SPACE_ENGINE", "auto")
    cache: str | None = _variable("CNN_SPACE_CACHE", None)

    # Set by Hugging Face on a Space.
    space_id: str | None = _variable("SPACE_ID", None)
    oauth_client_id: str | None = _variable("OAUTH_CLIENT_ID", None)

    # How much of a visitor's data is taken (see ``images.limits.Limits``).
    images: Positive = _variable("CNN_SPACE_FINETUNE_IMAGES", 2000)
    classes: Positive = _variable("CNN_SPACE_FINETUNE_CLASSES", 50)
    mb: Positive = _variable("CNN_SPACE_FINETUNE_MB", 64)
    unpacked_mb: Positive = _variable("CNN_SPACE_FINETUNE_UNPACKED_MB", 1024)
    image_mb: Positive = _variable("CNN_SPACE_FINETUNE_IMAGE_MB", 20)
    megapixels: int = _variable(
        "CNN_SPACE_FINETUNE_MEGAPIXELS", MAX_MEGAPIXELS, ge=1, le=MAX_MEGAPIXELS
    )
    entries: Positive = _variable("CNN_SPACE_FINETUNE_ENTRIES", 20_000)
    ratio: Positive = _variable("CNN_SPACE_FINETUNE_RATIO", 100)
    side: Positive = _variable("CNN_SPACE_FINETUNE_SIDE", 256)
    memory_mb: Positive = _variable("CNN_SPACE_FINETUNE_MEMORY_MB", 256)
    reading_seconds: Positive = _variable("CNN_SPACE_FINETUNE_READING_SECONDS", 60)

    # A visitor's fine-tuning run, and what is kept of it. 0 seconds: no limit.
    seconds: int | None = _variable("CNN_SPACE_FINETUNE_SECONDS", None, ge=0, le=MOST)
    away_seconds: Positive = _variable("CNN_SPACE_FINETUNE_AWAY_SECONDS", 180)
    keep: Positive = _variable("CNN_SPACE_FINETUNE_KEEP", 20)  # nets of all visitors
    keep_mb: Positive = _variable("CNN_SPACE_FINETUNE_KEEP_MB", 2000)
    net_mb: Positive = _variable("CNN_SPACE_NET_MB", 128)  # a net in a visitor's zip
    keep_minutes: Positive = _variable("CNN_SPACE_FINETUNE_KEEP_MINUTES", 60)
    # Whether a browser on this machine may name a folder to learn from. A proxy on this machine can
    # make every visitor look like one.
    folders: bool = _variable("CNN_SPACE_FINETUNE_FOLDERS", False)

    @classmethod
    def read(cls) -> "Settings":
        """The settings of this moment. Raises ValueError for a value that cannot be used; the
        message names the variable and says what it should be."""
        names = [field.alias for field in cls.model_fields.values()]
        given = {name: text for name in names if (text := os.environ.get(name, "").strip())}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            variable = first["loc"][0]
            expected = _EXPECTED.get(first["type"], first["msg"]).format(**first.get("ctx", {}))
            raise ValueError(
                f"{variable} is {given[variable]!r}; it should be {expected}"
            ) from None

    @property
    def run_seconds(self) -> int | None:
        """How long one fine-tuning run may take: as set, else 180 on a Space and no limit
        elsewhere (None)."""
        if self.seconds is None:
            return 180 if self.space_id else None
        return self.seconds or None
