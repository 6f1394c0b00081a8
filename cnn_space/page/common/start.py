"""What the machine around the page needs before Gradio is imported, and before it serves.

Imports nothing of Gradio, which makes an HTTP client as it is imported.
"""

import atexit
import importlib.util
import os
import shutil
import signal
import socket
import sys
import tempfile
import urllib.request
from pathlib import Path

from cnn_space.page.common import scratch
from cnn_space.settings import wait_passively

# Seconds that a thread may hold the others up which want to run Python, too. With Python's own 5 ms
# an answer, which wants to a hundred times, takes a second beside the check of a long text.
TURN = 0.0005
# Megabytes that must be free for uploads: less does not take one zip of the usual size.
LEAST_MB = 64
# Where a Space's proxies ask from; nobody else reaches it from there.
PRIVATE_NETWORKS = (
    "127.0.0.1, ::1, 10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16, fc00::/7"
)


def prepare() -> None:
    """Set the environment up in which Gradio is imported. Where the page cannot work in it, print
    one sentence and end this process with exit code 2."""
    leave_quietly_when_interrupted()
    sys.setswitchinterval(TURN)
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # no request leaves the machine
    wait_passively()
    # For its page of statistics, which is off here, Gradio makes a pandas table of the last 10,000
    # events at each event.
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(10**9))
    os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "1")
    bypass_proxies("localhost", "127.0.0.1", "::1")
    trust_proxies_of_a_space()
    try:
        check_proxies()
        choose_upload_folder()
        scratch.tidy()
    except ValueError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def trust_proxies_of_a_space() -> None:
    """Let uvicorn learn from a Space's proxies who asks; without them all visitors are one."""
    if os.environ.get("SPACE_ID"):
        os.environ.setdefault("FORWARDED_ALLOW_IPS", PRIVATE_NETWORKS)


def leave_quietly_when_interrupted() -> None:
    """Ctrl-C ends this process without a traceback, while it still imports, too."""
    report = sys.excepthook

    def hook(kind, error, trace) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            report(kind, error, trace)

    sys.excepthook = hook


def end_when_interrupted() -> None:
    """Ctrl-C ends this process at once, from now on, and a second one without tidying up. Python
    would raise an exception in whatever runs just then, and loses it where that is a destructor."""

    def interrupt(number, frame) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        end()

    signal.signal(signal.SIGINT, interrupt)


def end() -> None:
    """End this process now, tidied up. Python itself would cut a thread that trains down in the
    middle of PyTorch, which aborts."""
    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(0)


def bypass_proxies(*hosts: str) -> None:
    """Add ``hosts`` to NO_PROXY: Gradio asks its own server whether it is there, which no proxy
    can reach."""
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    names = [name.strip() for name in given.split(",") if name.strip()]
    value = ",".join(dict.fromkeys([*names, *hosts]))
    # The lower-case name hides the other one where both are set.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = value


def check_proxies() -> None:
    """Raise ValueError for a proxy that the HTTP client cannot use: it would end the import."""
    proxies = urllib.request.getproxies_environment()
    if "*" in proxies.get("no", "").split(","):
        return
    for name in ("http", "https", "all"):
        address = proxies.get(name) or "http://"
        scheme = address.partition("://")[0].lower() if "://" in address else "http"
        if scheme not in ("http", "https", "socks5", "socks5h"):
            raise ValueError(
                f"{name}_proxy names a proxy of the kind {scheme!r}; http, https and socks5 can be "
                "used. Change the variable, or unset it"
            )
        if scheme.startswith("socks") and not importlib.util.find_spec("socksio"):
            raise ValueError(
                f"{name}_proxy names a SOCKS proxy, which needs a package that is not here: "
                "pip install 'httpx[socks]', or unset the variable"
            )


def choose_upload_folder() -> None:
    """Set ``GRADIO_TEMP_DIR``, the folder of uploads and answers, where it is not set:
    ``cnn-space`` in the folder of temporary files, and where that is another user's, a new one
    that goes with this process. Not Gradio's own default, which other programs share.

    Raises ValueError, which names the folder, where nothing can be written or LEAST_MB are not
    free."""
    given = os.environ.get("GRADIO_TEMP_DIR")
    try:
        folder = Path(given or Path(tempfile.gettempdir()) / "cnn-space")
    except FileNotFoundError:  # none of its candidates can be written
        place = os.environ.get("TMPDIR") or "/tmp"
        raise ValueError(f"{_cannot_write(place)}: make room there, or set TMPDIR") from None
    try:
        _try_to_write(folder)
        is_ours = os.name != "posix" or folder.stat().st_uid == os.getuid()
    except OSError as error:
        if given:
            raise ValueError(f"{_cannot_write(folder, error)} (GRADIO_TEMP_DIR)") from None
        is_ours = False
    if not (given or is_ours):  # its owner could read and change what visitors bring
        folder = _own_folder()
    free = shutil.disk_usage(folder).free // 2**20
    if free < LEAST_MB:
        raise ValueError(
            f"{folder} has {free} MB free and uploads need {LEAST_MB}: make room there, or set "
            "GRADIO_TEMP_DIR to another folder"
        )
    os.environ["GRADIO_TEMP_DIR"] = str(folder.resolve())


def check_address(host: str | None, port: int | None) -> None:
    """Raise ValueError where the page cannot be served at ``host`` and ``port``. None stands for
    this machine alone, and for the first free port of those that Gradio tries."""
    host = host or os.environ.get("GRADIO_SERVER_NAME") or "127.0.0.1"
    first, most, ports = port, 1, f"port {port}"
    if port is None:
        first = int(os.environ.get("GRADIO_SERVER_PORT") or 7860)
        most = int(os.environ.get("GRADIO_NUM_PORTS") or 100)
        ports = f"ports {first} to {first + most - 1}"
    for candidate in range(first, first + most):
        try:
            _try_to_listen(host, candidate)
            return
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
    raise ValueError(
        f"the page cannot be served at {host}, {ports}: {reason}. Choose another with --port or "
        "--host"
    )


def _try_to_listen(host: str, port: int) -> None:
    family, kind, _, _, address = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as probe:
        if os.name == "posix":  # a port that was just left can be taken at once
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((address[0], port, *address[2:]))


def _own_folder() -> Path:
    """A new folder for the uploads of this process alone."""
    try:
        return scratch.lasting()
    except OSError as error:
        place = tempfile.gettempdir()
        raise ValueError(f"{_cannot_write(place, error)}: set TMPDIR to another") from None


def _try_to_write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(2**16))
        file.flush()


def _cannot_write(folder: Path | str, error: OSError | None = None) -> str:
    reason = f" ({error.strerror})" if error else ""
    return f"nothing can be written to {folder}{reason}"
