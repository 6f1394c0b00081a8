"""Uploads to the Hub: the weights to a model repository, the app to a Space."""

import re
from pathlib import Path, PurePosixPath

from cnn_space import weights
from cnn_space.publishing import model_card
from cnn_space.publishing.curves import curves
from cnn_space.weights import catalogue
from cnn_space.weights.digest import sha256

ROOT = Path(__file__).parents[2]

# What a Space needs; tests, benchmarks and all other files stay here.
SPACE_FILES = ("README.md", "LICENSE", "requirements.txt", "packages.txt", "app.py")
SPACE_FOLDERS = ("cnn_space", "checkpoints")

Content = Path | bytes


class PublishError(ValueError):
    """Nothing was published; the message says why, and what to do."""


def weights_files(repo: str) -> dict[str, Content]:
    """What ``publish_weights`` uploads to ``repo``: {path there: a file here, or its content}.

    Raises PublishError where nothing is bundled, or a file is not the one its card describes.
    """
    items = [weights.record(name) for name in weights.list_weights()]
    items = [item for item in items if item.source == "bundled"]
    if not items:
        raise PublishError(
            f"there are no weights in {catalogue.CHECKPOINTS}; python -m cnn_space train makes some"
        )
    files: dict[str, Content] = {}
    cards = []
    for item in items:
        path = catalogue.CHECKPOINTS / item.file
        digest = sha256(path)
        if digest != item.sha256:
            raise PublishError(f"{path} is not what its card says (sha256 {digest[:12]}…)")
        if item.accuracy is None:
            raise PublishError(f"{item.card} states no accuracy, which readers need")
        card = item.read_card()
        cards.append(card)
        files[item.file] = path
        files[f"{item.name}.json"] = item.card
        files[f"cards/{item.name}.md"] = model_card.card_text(card, repo).encode()
        if picture := curves(card):
            files[f"cards/{item.name}.png"] = picture
    files["README.md"] = model_card.readme_text(cards, repo).encode()
    if (ROOT / "LICENSE").is_file():
        files["LICENSE"] = ROOT / "LICENSE"
    return files


def space_files(root: Path = ROOT) -> dict[str, Content]:
    """What ``publish_space`` uploads: the app, the package, the weights, README and its pictures.

    Raises PublishError where the app or its README is missing.
    """
    for needed in ("app.py", "README.md", "requirements.txt"):
        if not (root / needed).is_file():
            raise PublishError(f"{root / needed} is missing; a Space is published from a checkout")
    pictures = re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", (root / "README.md").read_text("utf-8"))
    paths = [root / name for name in (*SPACE_FILES, *(p for p in pictures if "://" not in p))]
    for folder in SPACE_FOLDERS:
        paths += sorted((root / folder).rglob("*"))
    return {
        str(PurePosixPath(path.relative_to(root))): path
        for path in paths
        if path.is_file() and not {"__pycache__", ".DS_Store"} & set(path.parts)
    }


def publish_weights(repo: str, *, private: bool = False) -> str:
    """Upload ``weights_files`` to the model repository ``repo`` in one commit. Returns its address.

    A repository that does not exist is created. Raises PublishError.
    """
    _check_token(repo)
    return _upload(repo, weights_files(repo), "Weights and their cards", private=private)


def publish_space(repo: str, *, private: bool = False, weights_repo: str | None = None) -> str:
    """Upload ``space_files`` to the Gradio Space ``repo`` in one commit. Returns its address.

    A new Space gets ``weights_repo`` as its CNN_SPACE_REPO. Raises PublishError.
    """
    _check_token(repo)
    settings = {"repo_type": "space", "space_sdk": "gradio"}
    if weights_repo:
        settings["space_variables"] = [{"key": "CNN_SPACE_REPO", "value": weights_repo}]
    return _upload(repo, space_files(), "CNN Space", private=private, **settings)


def check_repo(repo: str) -> None:
    """Raise PublishError unless ``repo`` reads USER/NAME."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo)
        is_valid = repo.count("/") == 1
    except HFValidationError:
        is_valid = False
    if not is_valid:
        raise PublishError(f"{repo!r} is no Hub repository; it reads USER/NAME")


def _check_token(repo: str) -> None:
    from huggingface_hub import get_token

    check_repo(repo)
    if not get_token():
        raise PublishError("no token: set HF_TOKEN to one that may write, or run: hf auth login")


def _upload(
    repo: str, files: dict[str, Content], message: str, *, private: bool, **settings
) -> str:
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import httpx  # whichever version of it huggingface_hub stands on

    api = HfApi()
    kind = settings.get("repo_type", "model")
    operations = [
        CommitOperationAdd(path, content if isinstance(content, bytes) else str(content))
        for path, content in files.items()
    ]
    try:
        url = api.create_repo(repo, private=private or None, exist_ok=True, **settings)
        api.create_commit(repo, operations, commit_message=message, repo_type=kind)
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise PublishError(
                f"the Hub refuses to write to {repo} ({status}): "
                "HF_TOKEN must be a token that may write"
            ) from None
        reason = (error.server_message or str(error)).strip().splitlines()[0]
        raise PublishError(f"the Hub answers with error {status} for {repo}: {reason}") from None
    except (ValueError, OSError, RuntimeError) as error:
        raise PublishError(f"{repo} was not published: {str(error).splitlines()[0]}") from None
    except httpx.TransportError as error:
        raise PublishError(f"the Hub cannot be reached: {error}") from None
    return str(url)
