"""The page in this process, for all tests of a file."""

import pytest
from gradio_client import Client

import app
from cnn_space.page.server import bodies


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The page in this process: (its address, the page itself, the folder of uploads)."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("uploads")
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        patch.setenv("CNN_SPACE_UPLOADS_MB", "100")
        patch.setenv("CNN_SPACE_NET_MB", "1")
        patch.setattr(bodies, "RATE", 2**30)
        patch.setattr(bodies, "UPLOAD_RATE", 2**30)
        demo = app.build()
        _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, **app.launch_options())
        yield url.rstrip("/"), demo, folder
        demo.close()


@pytest.fixture(scope="module")
def client(served):
    return Client(served[0], verbose=False, analytics_enabled=False)
