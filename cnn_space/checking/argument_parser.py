"""argparse of a training script: ``parse_args()`` gives the defaults of its arguments."""

from __future__ import annotations

from cnn_space.checking.values import Namespace, Native, Unknown, Value


def make_parser(i, a, k) -> Namespace:
    """An ``ArgumentParser``; its groups are the parser itself."""
    parsed = Namespace("args")
    parser = Namespace("parser")

    def give(name: str, call) -> Native:
        return Native(name, call, safe_unknown=True)

    def add_argument(interpreter, arguments, keywords):
        name = _destination(arguments, keywords)
        if name:
            parsed.members[name] = _default(interpreter, name, keywords)

    parser.members |= {
        "add_argument": give("add_argument", add_argument),
        "add_argument_group": give("add_argument_group", lambda i, a, k: parser),
        "add_mutually_exclusive_group": give("add_argument_group", lambda i, a, k: parser),
        "set_defaults": give("set_defaults", lambda i, a, k: parsed.members.update(k)),
        "parse_args": give("parse_args", lambda i, a, k: parsed),
        "parse_known_args": give("parse_known_args", lambda i, a, k: (parsed, [])),
    }
    return parser


def _destination(arguments: list, keywords: dict) -> str:
    """The attribute of an argument: ``dest``, or the first long option with underscores."""
    if isinstance(keywords.get("dest"), str):
        return keywords["dest"]
    names = [name for name in arguments if isinstance(name, str)]
    name = next((name for name in names if name.startswith("--")), names[0] if names else "")
    return name.lstrip("-").replace("-", "_")


def _default(interpreter, name: str, keywords: dict) -> Value:
    action = keywords.get("action")
    if "default" not in keywords:
        if action in ("store_true", "store_false"):
            return action == "store_false"
        return Unknown(f"args.{name}", interpreter.line)
    default = keywords["default"]
    if isinstance(default, str) and keywords.get("type") is not None:
        return interpreter.call(keywords["type"], [default], {})  # as argparse does
    return default
