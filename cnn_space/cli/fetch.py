"""``python -m cnn_space fetch``: weights brought to this machine ahead of their use."""

import sys


def add_fetch(commands) -> None:
    """Add ``fetch`` to an argparse object of subcommands; it runs as ``options.run(options)``."""
    parser = commands.add_parser(
        "fetch",
        help="bring weights here ahead of their use",
        description="Bring weights to this machine ahead of their use; without a name, say what "
        "is here and what is not, and under which licence others published it.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as resnet18.tv_in1k")
    parser.add_argument("--all", action="store_true", help="everything that can be loaded")
    parser.set_defaults(run=_run)


def _run(options) -> int:
    from cnn_space import weights

    names = weights.list_weights() if options.all else options.names
    if not names:
        for name in weights.list_weights():
            print(f"{name:26} {_place(name)}")
        return 0
    failures = 0
    for name in names:
        try:
            path = weights.fetch(name, _progress(name) if sys.stderr.isatty() else None)
            print(f"{name:26} {path}")
        except ValueError as error:
            failures += 1
            print(f"{name}: {error}", file=sys.stderr)
    return 1 if failures else 0


def _place(name: str) -> str:
    """Where the weights are, and under which licence their publisher gives them."""
    from cnn_space import weights

    record = weights.record(name)
    place = "here" if weights.is_local(name) else f"to be fetched from {record.repo}"
    return f"{place}, licence {record.license}" if record.license else place


def _progress(name: str):
    def show(done: int, total: int | None):
        of = f" of {total / 1e6:.1f}" if total else ""
        print(f"\r{name:26} {done / 1e6:.1f}{of} MB ", end="", file=sys.stderr)
        if done == total:
            print(file=sys.stderr)

    return show
