"""``python -m cnn_space check``: what a file's PyTorch net is, and what is wrong in it."""

from pathlib import Path

from cnn_space.cli.output import print_json


def add_check(commands) -> None:
    """``check`` on the command line, in argparse's object of subcommands."""
    parser = commands.add_parser(
        "check",
        help="read a PyTorch net from its source, without running it",
        description="Read a PyTorch net from its source without running it: its layers, what is "
        "wrong and how to mend it, and the published net that it is nearest to. Exit code 0: "
        "nothing is wrong; 1: something is; 2: the file cannot be read.",
    )
    parser.add_argument("file", metavar="FILE", help="a .py, .ipynb or .safetensors file")
    parser.add_argument(
        "--class", dest="name", metavar="NAME", help="the class, or a function that makes the net"
    )
    parser.add_argument(
        "--input", metavar="3,224,224", help="channels, height and width of an image"
    )
    parser.add_argument(
        "--arg",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an argument of the net, such as num_classes=10; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead")
    parser.set_defaults(run=_check)


def _check(options) -> int:
    from cnn_space.checking.checker import check

    report = check(
        Path(options.file),
        name=options.name,
        input_shape=_shape(options.input),
        arguments=dict(map(_argument, options.arg)),
    )
    if options.json:
        print_json(report.to_json(), indent=2)
    else:
        print(report.to_text())
    return report.exit_code


def _shape(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.replace("x", ",").split(","))
    except ValueError:
        raise ValueError(
            f"--input is {text!r}: it must be whole numbers such as 3,224,224"
        ) from None


def _argument(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ValueError(f"--arg is {text!r}: it must be NAME=VALUE, such as num_classes=10")
    return name.strip(), value
