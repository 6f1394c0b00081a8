"""``python -m cnn_space fetch`` and ``publish``: the Hub from the shell."""

import sys
from pathlib import Path


def add_fetch(commands) -> None:
    """Add ``fetch`` to an argparse object of subcommands; it runs as ``options.run(options)``."""
    parser = commands.add_parser(
        "fetch",
        help="bring weights here ahead of their use",
        description="Bring weights to this machine ahead of their use; without a name, say what "
        "is here and what is not.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as resnet18.tv_in1k")
    parser.add_argument("--all", action="store_true", help="everything that can be loaded")
    parser.set_defaults(run=_fetch)


def add_publish(commands) -> None:
    """Add ``publish``, as ``add_fetch`` does."""
    parser = commands.add_parser(
        "publish",
        help="give the weights, or the app as a Space, to the Hub",
        description="Upload the weights of checkpoints/ with a model card each, or the app as a "
        "Gradio Space, or both. HF_TOKEN must be a token that may write.",
    )
    parser.add_argument("--repo", metavar="USER/NAME", help="model repository for the weights")
    parser.add_argument("--space", metavar="USER/NAME", help="Space for the app")
    parser.add_argument("--private", action="store_true", help="make what is new private")
    parser.add_argument("--dry-run", action="store_true", help="show what would go, send nothing")
    parser.set_defaults(run=_publish)


def _fetch(options) -> int:
    from cnn_space import weights

    names = weights.list_weights() if options.all else options.names
    if not names:
        for name in weights.list_weights():
            item = weights.record(name)
            place = "here" if weights.is_local(name) else f"to be fetched from {item.repo}"
            print(f"{name:26} {place}")
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


def _progress(name: str):
    def show(done: int, total: int | None):
        of = f" of {total / 1e6:.1f}" if total else ""
        print(f"\r{name:26} {done / 1e6:.1f}{of} MB ", end="", file=sys.stderr)
        if done == total:
            print(file=sys.stderr)

    return show


def _publish(options) -> int:
    from cnn_space.publishing import upload as publish

    repo, space = options.repo, options.space
    if not (repo or space):
        raise ValueError("publish what? name --repo USER/NAME, --space USER/NAME, or both")
    for name in filter(None, (repo, space)):
        publish.check_repo(name)
    if options.dry_run:
        if repo:
            _show(f"model repository {repo}", publish.weights_files(repo))
        if space:
            _show(f"Space {space}", publish.space_files())
        return 0
    if repo:
        print(publish.publish_weights(repo, private=options.private))
    if space:
        print(publish.publish_space(space, private=options.private, weights_repo=repo))
    return 0


def _show(where: str, files: dict) -> None:
    """The files that would go, and the README, which is what a visitor of the Hub reads."""
    sizes = {
        name: content.stat().st_size if isinstance(content, Path) else len(content)
        for name, content in files.items()
    }
    print(f"{where}: {len(files)} files, {sum(sizes.values()):,} bytes; nothing was sent\n")
    for name, size in sizes.items():
        print(f"{size:>14,}  {name}")
    readme = files["README.md"]
    text = readme.read_text("utf-8") if isinstance(readme, Path) else readme.decode()
    print(f"\nREADME.md:\n\n{text}")
