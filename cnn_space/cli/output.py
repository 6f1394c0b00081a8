"""Standard output of the commands: any code page, a reader that leaves, a disk that is full."""

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator

COLUMN = 48  # letters of a name in a table; JSON and CSV have all of it
READER_LEFT = 141  # exit code where ``| head`` has read enough: 128 + SIGPIPE, as shells say it


class _Lasting:
    """A stream that swallows what can no longer be written and keeps the first ``error``."""

    def __init__(self, stream):
        self.stream, self.error = stream, None

    def __getattr__(self, name: str):
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        self._try(self.stream.write, text)
        return len(text)

    def flush(self) -> None:
        self._try(self.stream.flush)

    def _try(self, act, *arguments) -> None:
        if self.error is None:
            try:
                act(*arguments)
            except OSError as error:
                self.error = error


@contextlib.contextmanager
def careful_output(*, goes_on: bool) -> Iterator[None]:
    """Standard output for one command. Characters that its code page lacks are escaped.

    Raises OSError where it cannot be written: at once, or where the command ``goes_on`` (its
    result is a file, not what it prints) when the command has ended.
    """
    plain = sys.stdout
    if isinstance(plain, io.TextIOWrapper):
        plain.reconfigure(errors="backslashreplace")
    sys.stdout = stream = _Lasting(plain) if goes_on else plain
    try:
        yield
        sys.stdout.flush()
    finally:
        sys.stdout = plain
    if goes_on and stream.error:
        raise stream.error


def drop_output() -> None:
    """Let what is still to be written go nowhere: else Python would complain of it at its end."""
    with contextlib.suppress(OSError, ValueError):  # a stream without a file has no number
        number = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)


def print_json(value, **options) -> None:
    """Print ``value`` as JSON, which escapes characters that the code page of the output lacks."""
    text = json.dumps(value, ensure_ascii=False, **options)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, **options)
    print(text)
