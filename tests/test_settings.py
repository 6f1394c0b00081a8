"""The environment variables: their defaults, their names, and what is said of nonsense in them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cnn_space.settings import Settings

ROOT = Path(__file__).parents[1]
VARIABLES = {name: field.alias for name, field in Settings.model_fields.items()}

# Another value than the default for every variable, as text and as it is read.
OTHERS = {
    "CNN_SPACE_REPO": ("me/zoo", "me/zoo"),
    "CNN_SPACE_TORCHVISION_URL": ("http://mirror/models", "http://mirror/models"),
    "CNN_SPACE_UPLOADS_MB": ("9", 9),
    "CNN_SPACE_THREADS": ("3", 3),
    "CPU_CORES": ("1.5", 1.5),
    "SPACE_ID": ("me/space", "me/space"),
    "OAUTH_CLIENT_ID": ("abc", "abc"),
    "CNN_SPACE_FINETUNE_IMAGES": ("77", 77),
    "CNN_SPACE_FINETUNE_CLASSES": ("5", 5),
    "CNN_SPACE_FINETUNE_MB": ("1", 1),
    "CNN_SPACE_FINETUNE_UNPACKED_MB": ("2", 2),
    "CNN_SPACE_FINETUNE_IMAGE_MB": ("3", 3),
    "CNN_SPACE_FINETUNE_MEGAPIXELS": ("4", 4),
    "CNN_SPACE_FINETUNE_ENTRIES": ("5", 5),
    "CNN_SPACE_FINETUNE_RATIO": ("6", 6),
    "CNN_SPACE_FINETUNE_SIDE": ("64", 64),
    "CNN_SPACE_FINETUNE_MEMORY_MB": ("8", 8),
    "CNN_SPACE_FINETUNE_READING_SECONDS": ("9", 9),
    "CNN_SPACE_FINETUNE_SECONDS": ("30", 30),
    "CNN_SPACE_FINETUNE_AWAY_SECONDS": ("60", 60),
    "CNN_SPACE_FINETUNE_KEEP": ("2", 2),
    "CNN_SPACE_FINETUNE_KEEP_MB": ("100", 100),
    "CNN_SPACE_FINETUNE_KEEP_MINUTES": ("5", 5),
    "CNN_SPACE_NET_MB": ("7", 7),
    "CNN_SPACE_FINETUNE_FOLDERS": ("1", True),
    "CNN_SPACE_ENGINE": ("pytorch", "pytorch"),
    "CNN_SPACE_CACHE": ("/var/cache/nets", "/var/cache/nets"),
}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for variable in VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)


def test_the_defaults():
    assert Settings.read().model_dump() == {
        "repo": None,
        "torchvision_url": "https://download.pytorch.org/models",
        "threads": None,
        "engine": "auto",
        "cache": None,
        "cpu_cores": None,
        "uploads_mb": 2000,
        "space_id": None,
        "oauth_client_id": None,
        "images": 2000,
        "classes": 50,
        "mb": 64,
        "unpacked_mb": 1024,
        "image_mb": 20,
        "megapixels": 50,
        "entries": 20_000,
        "ratio": 100,
        "side": 256,
        "memory_mb": 256,
        "reading_seconds": 60,
        "seconds": None,
        "away_seconds": 180,
        "keep": 20,
        "keep_mb": 2000,
        "net_mb": 128,
        "keep_minutes": 60,
        "folders": False,
    }


@pytest.mark.parametrize(("name", "variable"), VARIABLES.items())
def test_every_variable_sets_its_field_alone(name, variable, monkeypatch):
    default = Settings.read().model_dump()
    text, value = OTHERS[variable]
    monkeypatch.setenv(variable, f" {text} ")
    assert Settings.read().model_dump() == default | {name: value}
    monkeypatch.setenv(variable, "")
    assert Settings.read().model_dump() == default


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("CNN_SPACE_THREADS", "many", "a whole number"),
        ("CNN_SPACE_THREADS", "0", "at least 1"),
        ("CNN_SPACE_THREADS", "1025", "at most 1024"),
        ("CPU_CORES", "two", "a number"),
        ("CPU_CORES", "0", "above 0"),
        ("CNN_SPACE_FINETUNE_IMAGES", "1.5", "a whole number"),
        ("CNN_SPACE_FINETUNE_KEEP", "0", "at least 1"),
        ("CNN_SPACE_FINETUNE_KEEP_MINUTES", "-3", "at least 1"),
        ("CNN_SPACE_FINETUNE_MEGAPIXELS", "60", "at most 50"),
        ("CNN_SPACE_FINETUNE_SECONDS", "-1", "at least 0"),
        ("CNN_SPACE_FINETUNE_FOLDERS", "perhaps", "0 or 1"),
    ],
)
def test_nonsense_is_one_sentence_that_names_the_variable(variable, text, expected, monkeypatch):
    monkeypatch.setenv(variable, text)
    with pytest.raises(ValueError) as error:
        Settings.read()
    assert str(error.value) == f"{variable} is {text!r}; it should be {expected}"


def test_a_run_has_a_time_limit_on_a_space_alone(monkeypatch):
    assert Settings.read().run_seconds is None
    monkeypatch.setenv("SPACE_ID", "me/space")
    assert Settings.read().run_seconds == 180
    monkeypatch.setenv("CNN_SPACE_FINETUNE_SECONDS", "30")
    assert Settings.read().run_seconds == 30
    monkeypatch.setenv("CNN_SPACE_FINETUNE_SECONDS", "0")
    assert Settings.read().run_seconds is None


def test_what_the_documents_name_is_read():
    texts = [path.read_text() for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))]
    named = set(re.findall(r"CNN_SPACE_[A-Z_]*[A-Z]", "\n".join(texts)))
    assert {"CNN_SPACE_THREADS", "CNN_SPACE_FINETUNE_SECONDS"} <= named
    assert named - {"CNN_SPACE_BROWSER_TESTS"} <= set(VARIABLES.values())


def test_the_command_line_told_nonsense_ends_with_a_sentence():
    done = subprocess.run(
        [sys.executable, "-m", "cnn_space", "table"],
        cwd=ROOT,
        env=os.environ | {"CNN_SPACE_FINETUNE_KEEP": "lots", "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    assert "CNN_SPACE_FINETUNE_KEEP is 'lots'; it should be a whole number" in done.stderr
    assert "Traceback" not in done.stderr
