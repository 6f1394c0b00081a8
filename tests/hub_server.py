"""A small Hub on this machine: the part of its protocol that downloads and uploads need.

``HubServer`` answers as huggingface.co does, as far as huggingface_hub 2.4 asks: resolve with
its headers and the redirect of large files to another host, preupload, LFS batch and upload,
commit, and the creation of repositories. ``fault`` makes it misbehave.
"""

import base64
import hashlib
import json
import re
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

LARGE = 1000  # bytes from which a file is stored as LFS, as the real Hub does from 10 MB


class HubServer:
    """Serves ``repos`` ({"USER/NAME": {path: bytes}}) and ``plain`` ({path: bytes}).

    ``url`` is the endpoint for HF_ENDPOINT. ``requests`` lists what was asked, as "METHOD path".
    """

    def __init__(
        self, repos: dict[str, dict[str, bytes]] | None = None, tls: ssl.SSLContext | None = None
    ):
        self.repos = {name: dict(files) for name, files in (repos or {}).items()}
        self.kinds: dict[str, dict] = {}  # what was asked for when a repository was created
        self.plain: dict[str, bytes] = {}
        self.uploads: dict[str, bytes] = {}
        self.requests: list[str] = []
        self._faults: list[dict] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._http.daemon_threads = True
        self._http.hub = self
        self.port = self._http.server_address[1]
        if tls:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        # Another host name, as the Hub's own content network is: not followed on HEAD.
        self.cdn = f"http://localhost:{self.port}/cdn"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> "HubServer":
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()

    def fault(self, kind: str, *, method: str = "", path: str = "", times: int = 10**6, **details):
        """Misbehave on the next ``times`` requests of ``method`` whose path holds ``path``.

        ``kind``: a status ("401", "503", …), "silent" (no answer at all), "cut" (half the body,
        then the connection closes), "stall" (half the body, then nothing), "pause" (half the
        body, and after ``seconds`` the rest), "drip" (a few bytes a second), "damage" (one byte
        wrong), "shorter" or "longer" (one byte less or more than the Hub announced), "foreign"
        (a page of something that is no Hub), "mirror" (the file with ``headers`` of its own and
        none of the Hub's).
        """
        self._faults.append(
            {"kind": kind, "method": method, "path": path, "times": times} | details
        )

    def mend(self):
        self._faults.clear()

    def _fault_for(self, method: str, path: str) -> dict:
        for fault in self._faults:
            if fault["times"] > 0 and fault["method"] in ("", method) and fault["path"] in path:
                fault["times"] -= 1
                return fault
        return {"kind": ""}

    def commit_of(self, repo: str) -> str:
        state = json.dumps({k: git_id(v) for k, v in sorted(self.repos[repo].items())})
        return hashlib.sha1(state.encode()).hexdigest()


def git_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def blob_id(content: bytes) -> str:
    """What the Hub files content under: its sha256 where it is LFS, else git's id of it."""
    return hashlib.sha256(content).hexdigest() if len(content) >= LARGE else git_id(content)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._answer()

    do_HEAD = do_POST = do_PUT = do_GET

    @property
    def hub(self) -> HubServer:
        return self.server.hub

    def _answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = unquote(self.path)
        if path == "/mend":  # for a client in another process
            self.hub.mend()
            return self._send(200)
        self.hub.requests.append(f"{self.command} {path}")
        self.fault = self.hub._fault_for(self.command, path)
        kind = self.fault["kind"]
        if kind == "silent":
            time.sleep(self.fault.get("seconds", 20))
            self.close_connection = True
            return
        if kind == "foreign":
            return self._send(200, b"<html>")
        if kind.isdigit():
            return self._send(int(kind), b"{}", self.fault.get("headers", {}))
        for pattern, method in _ROUTES:
            if match := re.fullmatch(pattern, path):
                return getattr(self, method)(body, **match.groupdict())
        self._send(404, b"{}")

    def _send(self, status: int, body: bytes = b"", headers: dict | None = None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if "Content-Length" not in (headers or {}):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _json(self, value, status: int = 200):
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    # download

    def resolve(self, _body, repo, revision, file, kind=""):
        files = self.hub.repos.get(repo)
        if files is None:
            return self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        commit = self.hub.commit_of(repo)
        if revision not in ("main", commit):
            return self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        if file not in files:
            headers = {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit}
            return self._send(404, b"{}", headers)
        content = files[file]
        if self.fault["kind"] == "mirror":
            return self._content(content, self.fault.get("headers", {}))
        headers = {"X-Repo-Commit": commit}
        if len(content) < LARGE:
            headers["ETag"] = f'"{git_id(content)}"'
            return self._content(content, headers)
        sha = hashlib.sha256(content).hexdigest()
        headers |= {"X-Linked-Etag": f'"{sha}"', "X-Linked-Size": str(len(content))}
        headers["Location"] = f"{self.hub.cdn}/{repo}/{sha}"
        self._send(302, b"", headers)

    def cdn(self, _body, repo, sha):
        for content in self.hub.repos.get(repo, {}).values():
            if hashlib.sha256(content).hexdigest() == sha:
                return self._content(content, {"ETag": f'"{sha}"'})
        self._send(404)

    def file(self, _body, name):
        if name not in self.hub.plain:
            return self._send(404)
        self._content(self.hub.plain[name], {})

    def _content(self, content: bytes, headers: dict):
        kind = self.fault["kind"]
        middle = len(content) // 2
        if kind == "damage":
            content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        elif kind == "shorter":
            content = content[:-1]
        elif kind == "longer":
            content += b"\0"
        elif kind in ("cut", "stall", "pause", "drip") and self.command == "GET":
            self.close_connection = True
            self._send(200, content[:middle], headers | {"Content-Length": str(len(content))})
            try:
                for _ in range(40 if kind == "drip" else 0):
                    time.sleep(0.2)
                    self.wfile.write(b"drop")
                if kind in ("stall", "pause"):
                    time.sleep(self.fault.get("seconds", 20))
                if kind == "pause":
                    self.wfile.write(content[middle:])
            except OSError:
                pass  # the client has given up
            return
        self._send(200, content, headers)

    # upload

    def create(self, body):
        asked = json.loads(body)
        name = f"{asked['organization'] or 'tester'}/{asked['name']}"
        if not self._may_write():
            return
        if name in self.hub.repos:
            answer = {"error": "You already created this repo", "url": f"{self.hub.url}/{name}"}
            return self._json(answer, 409)
        self.hub.repos[name] = {}
        self.hub.kinds[name] = asked
        self._json({"url": f"{self.hub.url}/{name}", "name": name, "id": name})

    def info(self, _body, repo):
        if repo not in self.hub.repos:
            return self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        self._json({"id": repo, "sha": self.hub.commit_of(repo), "siblings": []})

    def validate(self, body):
        text = json.loads(body)["content"]
        right = text.startswith("---\n") and "\n---\n" in text[4:]
        if right:
            return self._json({"errors": [], "warnings": []})
        self._json({"errors": [{"message": "no front matter"}], "warnings": []}, 400)

    def preupload(self, body, repo, **_):
        if not self._may_write():
            return
        files = self.hub.repos.get(repo, {})
        answer = [
            {
                "path": item["path"],
                "uploadMode": "lfs" if item["size"] >= LARGE else "regular",
                "shouldIgnore": False,
                "oid": blob_id(files[item["path"]]) if item["path"] in files else None,
            }
            for item in json.loads(body)["files"]
        ]
        self._json({"files": answer})

    def batch(self, body, **_):
        objects = [
            item
            | {
                "actions": {
                    "upload": {"href": f"{self.hub.url}/upload/{item['oid']}"},
                    "verify": {"href": f"{self.hub.url}/verify"},
                }
            }
            for item in json.loads(body)["objects"]
        ]
        self._json({"transfer": "basic", "objects": objects})

    def upload(self, body, oid):
        if hashlib.sha256(body).hexdigest() != oid:
            return self._send(400)
        self.hub.uploads[oid] = body
        self._send(200)

    def verify(self, body):
        asked = json.loads(body)
        right = len(self.hub.uploads.get(asked["oid"], b"")) == asked["size"]
        self._send(200 if right else 400)

    def commit(self, body, repo, **_):
        if not self._may_write():
            return
        if repo not in self.hub.repos:
            return self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        files = self.hub.repos[repo]
        for line in body.decode().splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif item["key"] == "lfsFile":
                files[value["path"]] = self.hub.uploads[value["oid"]]
            elif item["key"] == "deletedFile":
                del files[value["path"]]
        commit = self.hub.commit_of(repo)
        url = f"{self.hub.url}/{repo}/commit/{commit}"
        self._json({"commitUrl": url, "commitOid": commit, "pullRequestUrl": None})

    def _may_write(self) -> bool:
        if self.headers.get("Authorization") == "Bearer hf_right":
            return True
        self._json({"error": "Invalid username or password."}, 401)
        return False


_REPO = r"(?P<repo>[^/]+/[^/]+)"
_KIND = r"(?P<kind>(models|spaces)/)?"
_ROUTES = [
    (r"/api/repos/create", "create"),
    (r"/api/validate-yaml", "validate"),
    (rf"/api/(models|spaces)/{_REPO}/preupload/(?P<revision>[^/]+)(\?.*)?", "preupload"),
    (rf"/api/(models|spaces)/{_REPO}/commit/(?P<revision>[^/]+)(\?.*)?", "commit"),
    (rf"/api/(models|spaces)/{_REPO}(/revision/[^/]+)?(\?.*)?", "info"),
    (rf"/(spaces/)?{_REPO}\.git/info/lfs/objects/batch", "batch"),
    (r"/upload/(?P<oid>[0-9a-f]{64})", "upload"),
    (r"/verify", "verify"),
    (rf"/cdn/{_REPO}/(?P<sha>[0-9a-f]{{64}})", "cdn"),
    (rf"/(spaces/)?{_REPO}/resolve/(?P<revision>[^/]+)/(?P<file>.+)", "resolve"),
    (r"/plain/(?P<name>.+)", "file"),
]
