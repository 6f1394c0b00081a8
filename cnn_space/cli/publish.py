"""``python -m cnn_space publish``: the weights, or the app, to the Hub."""

from pathlib import Path


def add_publish(commands) -> None:
    """Add ``publish`` to an argparse object of subcommands; it runs as ``options.run(options)``."""
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
    parser.set_defaults(run=_run)


def _run(options) -> int:
    from cnn_space.publishing import upload

    repo, space = options.repo, options.space
    if not (repo or space):
        raise ValueError("publish what? name --repo USER/NAME, --space USER/NAME, or both")
    for name in filter(None, (repo, space)):
        upload.check_repo(name)
    if options.dry_run:
        if repo:
            _show(f"model repository {repo}", upload.weights_files(repo))
        if space:
            _show(f"Space {space}", upload.space_files())
        return 0
    if repo:
        print(upload.publish_weights(repo, private=options.private))
    if space:
        print(upload.publish_space(space, private=options.private, weights_repo=repo))
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
