"""Help is there at once: no command loads torch before it needs it."""

import subprocess
import sys

SCRIPT = """
import contextlib, sys
from cnn_space.__main__ import main
for command in sys.argv[1:]:
    with contextlib.suppress(SystemExit):
        main([command, "--help"])
print(sorted({"torch", "gradio", "numpy", "sklearn"} & sys.modules.keys()))
"""
COMMANDS = ("train", "evaluate", "table", "inspect", "finetune", "classify", "export", "fetch")
COMMANDS += ("publish", "check", "robustness")


def test_help_of_every_command_loads_nothing_heavy():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *COMMANDS], capture_output=True, text=True, check=True
    )
    *printed, loaded = done.stdout.splitlines()
    usages = [line.split()[4] for line in printed if line.startswith("usage:")]
    assert usages == list(COMMANDS)
    assert loaded == "[]"
