"""``python -m cnn_space export``."""

from importlib.util import find_spec
from pathlib import Path


def add_export(commands) -> None:
    """Add ``export`` to an argparse object of subcommands."""
    parser = commands.add_parser(
        "export",
        help="write a net as ONNX",
        description="Write a net as one ONNX file. It takes photos, uint8 RGB [N, height, width, "
        "3] of any size, and gives probabilities [N, classes]: preprocessing and softmax are "
        "inside, the names of the classes in its metadata. ONNX Runtime checks it against the net.",
    )
    parser.add_argument("net", metavar="NET", help="a name, a .safetensors file or the .zip of one")
    parser.add_argument(
        "--onnx", type=Path, metavar="FILE", help="the file to write (default: NET.onnx)"
    )
    parser.set_defaults(run=_export, goes_on=True)


def _export(options) -> int:
    from cnn_space import weights
    from cnn_space.cli.options import make_folder

    if not find_spec("onnx"):
        raise ValueError("this needs the package onnx: pip install onnx onnxruntime")
    from cnn_space.inference import onnx_export

    loaded = weights.load(options.net)
    path = options.onnx or Path(f"{loaded.record.name}.onnx")
    if path.is_dir():
        raise ValueError(f"{path} is a folder: give the name of a file (--onnx)")
    if path.exists() and not path.is_file():  # the file moves into its place, even a device's
        raise ValueError(f"{path} is no file, and is not replaced: give another name (--onnx)")
    make_folder(path.parent)
    difference = onnx_export.write(loaded, path)
    size = f"{path}: {path.stat().st_size / 1e6:.1f} MB"
    if difference is None:
        print(f"{size}, not checked: onnxruntime is not installed")
    else:
        print(f"{size}; in ONNX Runtime no probability differs by more than {difference:.1g}")
    return 0
