"""What becomes of a run's best net: the visitor's result, a zip to download, a repository."""

import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

from huggingface_hub import HfApi

from cnn_space.page.common.nets import OwnNets
from cnn_space.page.common.retention import NETS
from cnn_space.page.common.texts import accuracy, label
from cnn_space.page.finetune.session import Kept
from cnn_space.settings import Settings
from cnn_space.training.finetuning import Result, Run, save


def keep(training: Run, own_nets: OwnNets, lang: str) -> Kept:
    """The best net of ``training`` as the visitor's result: in their lists of nets, and as a zip.

    How many such nets are kept, of all visitors, is bounded by ``NETS``.
    """
    result = training.result()
    # Gradio copies the file when it hands it out; ours goes with the session.
    folder = tempfile.TemporaryDirectory(prefix="cnn-space-")
    file = bundle(result, Path(folder.name))
    name = own_name(result, own_nets, lang)
    own_nets[name] = result.loaded
    # Counted twice: the other tabs make a folded copy of it.
    NETS.keep(own_nets, name, size=2 * result.loaded.bytes)
    return Kept(result, name, folder, str(file))


def own_name(result: Result, own_nets: OwnNets, lang: str) -> str:
    """A display name that the visitor does not have yet."""
    report = result.report
    right = accuracy(report.after, len(report.targets), lang)
    name = first = f"{report.title} · {label(report.data, lang)} · {right}"
    number = 2
    while name in own_nets:
        name = f"{first} ({number})"
        number += 1
    return name


def bundle(result: Result, folder: Path) -> Path:
    """One zip in ``folder`` with the net's safetensors file and its card."""
    file, card = save(result, folder)
    path = folder / f"{file.stem}.zip"
    with zipfile.ZipFile(path, "w") as archive:  # weights do not compress
        archive.write(file, file.name)
        archive.write(card, card.name)
    file.unlink()
    card.unlink()
    return path


# The visitor's own account on the Hub


def may_push() -> bool:
    """Whether visitors can log in: on a Space with OAuth and the packages it needs."""
    packages = all(find_spec(name) for name in ("authlib", "itsdangerous"))
    return bool(Settings.read().oauth_client_id) and packages


def push(result: Result, name: str, token: str) -> str:
    """Upload a net and its card to the account of ``token``; returns the repository's name.

    Raises ValueError with what the Hub said.
    """
    api = HfApi(token=token)
    try:
        repo = api.create_repo(name, exist_ok=True).repo_id
        with tempfile.TemporaryDirectory(prefix="cnn-space-") as folder:
            save(result, Path(folder))
            api.upload_folder(repo_id=repo, folder_path=folder, commit_message="A fine-tuned net")
    except Exception as error:  # the Hub's client raises errors of several families
        raise ValueError((str(error).splitlines() or ["no answer"])[0][:200]) from error
    return repo
