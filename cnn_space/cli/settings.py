"""Settings of a training as options of the command line."""


def add_setting(group, name: str, field, *, help: str) -> None:
    """Add the pydantic ``field`` called ``name`` to a group of argparse: ``--batch-size 512``, or a
    switch for a bool. Not given, it is None. The field checks the value, not argparse."""
    if field.annotation is bool:
        kind = {"action": "store_true"}
    else:
        kind = {"type": field.annotation if field.annotation in (int, float) else str}
    group.add_argument(f"--{name.replace('_', '-')}", default=None, help=help, **kind)
