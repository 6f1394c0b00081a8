"""How a page that is open to strangers is served."""

from pathlib import Path

from gradio.route_utils import FnIndexInferError
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware

from cnn_space.page.common.compressed import Compressed
from cnn_space.page.common.early import EarlyScript
from cnn_space.page.server.bodies import BoundedBodies
from cnn_space.page.server.closed import Closed, unknown
from cnn_space.page.server.lines import BoundedRequests
from cnn_space.page.server.quota import Quota
from cnn_space.page.server.tools import Tools, are_offered
from cnn_space.settings import Settings


def bounds() -> dict:
    """Arguments of ``launch``. What earlier processes left in the folder of uploads is deleted."""
    settings = Settings.read()
    largest = max(64, settings.mb, settings.net_mb) * 2**20
    quota = Quota(Path(get_upload_folder()), settings.uploads_mb * 2**20, largest)
    quota.tidy()
    return {
        "max_file_size": largest,
        "app_kwargs": {
            "exception_handlers": {FnIndexInferError: unknown, KeyError: unknown},
            "middleware": [
                Middleware(Closed),
                Middleware(BoundedRequests),
                Middleware(Tools),
                Middleware(BoundedBodies, quota=quota),
                Middleware(Compressed),
                Middleware(EarlyScript),
            ],
        },
        "enable_monitoring": False,
        "mcp_server": are_offered(),
        "state_session_capacity": 1000,  # 0.3 MB each at first; own nets go with theirs
    }
