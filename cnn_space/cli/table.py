"""``python -m cnn_space table``."""


def add_table(commands) -> None:
    """Add ``table`` to an argparse object of subcommands."""
    parser = commands.add_parser("table", help="print the accuracy table of all bundled weights")
    parser.add_argument(
        "--experiments",
        action="store_true",
        help="print what each idea is worth instead: the recorded short trainings",
    )
    parser.set_defaults(run=_table)


def _table(options) -> int:
    from cnn_space.publishing import experiments
    from cnn_space.publishing.table import table
    from cnn_space.weights import catalogue

    if options.experiments:
        print(experiments.table(catalogue.CHECKPOINTS / "experiments"))
    else:
        print(table(catalogue.CHECKPOINTS))
    return 0
