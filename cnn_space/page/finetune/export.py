"""What becomes of a run's best net: the visitor's result, a zip to download, a repository."""

import logging
import shutil
import tempfile
import zipfile
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from huggingface_hub import HfApi

from cnn_space.page.common import scratch, visitor_nets
from cnn_space.page.common.nets import OwnNets
from cnn_space.page.common.texts import say
from cnn_space.page.finetune.results import Kept
from cnn_space.settings import Settings
from cnn_space.training.finetuning import Result, Run, save
from cnn_space.weights import Loaded

_log = logging.getLogger(__name__)


def keep(training: Run, own_nets: OwnNets, lang: str) -> Kept:
    """The best net of ``training`` as a visitor's result: in the lists of nets, and as a zip."""
    result = training.result()
    # Gradio copies the file when it hands it out; ours goes with the session.
    folder = scratch.folder()
    file = stored(result, folder.name)
    title = visitor_nets.title(result.loaded.record, lang)
    name = visitor_nets.keep(own_nets, title, result.loaded, beside=result.checked.images.nbytes)
    own_nets.results[name] = Kept(result, name, folder, file)
    return own_nets.results[name]


def rename(kept: Kept, own_nets: OwnNets, text: str) -> Kept:
    """Call a result's net ``text``, in lists and in the files it leaves."""
    loaded = visitor_nets.rename(own_nets, kept.name, text)
    result = replace(kept.result, loaded=loaded)
    for file in Path(kept.folder.name).iterdir():
        file.unlink()
    file = stored(result, kept.folder.name)
    own_nets.results[kept.name] = replace(kept, result=result, file=file)
    return own_nets.results[kept.name]


def check_room(loaded: Loaded, lang: str = "en") -> None:
    """Raise ValueError where the disk has no room for the files of a net: better before a run than
    after it."""
    place = tempfile.gettempdir()
    needed, free = 2 * loaded.bytes, shutil.disk_usage(place).free  # its weights, and the zip
    if free < needed:
        values = {"place": place, "needed": needed // 2**20 + 1, "free": free // 2**20}
        raise ValueError(say("finetune_no_room", lang, **values))


def stored(result: Result, folder: str) -> str | None:
    """The path of the net's zip in ``folder``; None where the disk is full by now, which takes the
    file and not the net."""
    try:
        return str(bundle(result, Path(folder)))
    except OSError as error:
        _log.warning("a net could not be stored in %s: %s", folder, error)
        return None


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


def may_write_onnx() -> bool:
    """Whether the package is here that writes ONNX."""
    return find_spec("onnx") is not None


def write_onnx(kept: Kept, lang: str = "en") -> str:
    """The path of the result as ONNX, written once and deleted with the result's folder. Raises
    ValueError where ONNX cannot express the net, or the disk has no room for it."""
    from cnn_space.inference import onnx_export

    path = Path(kept.folder.name) / f"{kept.result.loaded.record.name}.onnx"
    if not path.exists():
        check_room(kept.result.loaded, lang)
        onnx_export.write(kept.result.loaded, path)
    return str(path)


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
        with scratch.folder() as folder:
            save(result, Path(folder))
            api.upload_folder(repo_id=repo, folder_path=folder, commit_message="A fine-tuned net")
    except Exception as error:  # the Hub's client raises errors of several families
        raise ValueError((str(error).splitlines() or ["no answer"])[0][:200]) from error
    return repo
