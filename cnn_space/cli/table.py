"""``python -m cnn_space table``."""


def add_table(commands) -> None:
    """Add ``table`` to an argparse object of subcommands."""
    parser = commands.add_parser("table", help="print the accuracy table of all bundled weights")
    parser.set_defaults(run=_table)


def _table(options) -> int:
    from cnn_space.publishing.table import table
    from cnn_space.weights import catalogue

    print(table(catalogue.CHECKPOINTS))
    return 0
