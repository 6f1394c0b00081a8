"""CNN Space from the shell: ``python -m cnn_space COMMAND --help``."""

import argparse
import sys

from cnn_space.cli.check import add_check
from cnn_space.cli.classify import add_classify
from cnn_space.cli.evaluate import add_evaluate
from cnn_space.cli.export import add_export
from cnn_space.cli.fetch import add_fetch
from cnn_space.cli.finetune import add_finetune
from cnn_space.cli.inspect import add_inspect
from cnn_space.cli.interrupts import interrupts
from cnn_space.cli.output import READER_LEFT, careful_output, drop_output
from cnn_space.cli.publish import add_publish
from cnn_space.cli.robustness import add_robustness
from cnn_space.cli.table import add_table
from cnn_space.cli.train import add_train
from cnn_space.settings import Settings, wait_passively

COMMANDS = (
    add_train,
    add_evaluate,
    add_table,
    add_inspect,
    add_finetune,
    add_classify,
    add_robustness,
    add_export,
    add_fetch,
    add_publish,
    add_check,
)


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code; a ValueError or an OSError is printed
    as one sentence, code 2."""
    parser = argparse.ArgumentParser(prog="python -m cnn_space", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in COMMANDS:
        add(commands)
    options = parser.parse_args(argv)
    if not getattr(options, "trains", False):
        wait_passively()
    try:
        Settings.read()  # nonsense in the environment is said at once
        with interrupts(), careful_output(goes_on=getattr(options, "goes_on", False)):
            return options.run(options)
    except ValueError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        drop_output()
        return READER_LEFT
    except OSError as error:  # a full disk, most of all
        place = f": {error.filename}" if error.filename else ""
        drop_output()
        print(f"{parser.prog}: {error.strerror or error}{place}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
