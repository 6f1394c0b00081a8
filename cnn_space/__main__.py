"""CNN Space from the shell: ``python -m cnn_space COMMAND --help``."""

import argparse
import sys

from cnn_space.cli import classify as classify_commands
from cnn_space.cli import fetch, publish
from cnn_space.cli import finetune as finetuning_commands
from cnn_space.cli import train as training_commands
from cnn_space.settings import Settings

_COMMANDS = (
    training_commands.add_train,
    training_commands.add_evaluate,
    training_commands.add_table,
    finetuning_commands.add_finetune,
    classify_commands.add_classify,
    fetch.add_fetch,
    publish.add_publish,
)


def main(argv: list[str] | None = None) -> int:
    """Run one command; a mistake in what was asked is one sentence and exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m cnn_space", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in _COMMANDS:
        add(commands)
    options = parser.parse_args(argv)
    try:
        Settings.read()  # nonsense in the environment is said at once
        return options.run(options)
    except ValueError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
