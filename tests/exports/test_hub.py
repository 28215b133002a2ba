"""What is published: by the hub's own client, to a stand-in of the hub's interface on this machine."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from keeptune.errors import ConfigError
from keeptune.exports.hub import files_of, refuse_local_base, refuse_name

TOKEN = "hf_" + "a" * 34
PUSH = """
import sys
from pathlib import Path
from keeptune.exports.hub import push
print(push(Path(sys.argv[1]), "me/x", private=True))
"""


class Hub(BaseHTTPRequestHandler):
    """Makes repositories and takes commits, for one token."""

    asked: list[tuple[str, object]]

    def do_POST(self) -> None:
        size = self.headers["Content-Length"]
        body = self._chunks() if size is None else self.rfile.read(int(size))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._answer({"error": "Invalid credentials"}, 401)
            return
        lines = [json.loads(line) for line in body.splitlines()]
        self.server.asked.append((self.path, lines))
        address = f"http://127.0.0.1:{self.server.server_address[1]}/me/x"
        if self.path.endswith("/preupload/main"):
            files = [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in lines[0]["files"]]
            self._answer({"files": files})
        elif self.path.endswith("/commit/main"):
            self._answer({"commitUrl": f"{address}/commit/{'0' * 40}", "commitOid": "0" * 40})
        else:
            self._answer({"url": address, "name": "me/x", "id": "1"})

    def do_GET(self) -> None:
        self._answer({"siblings": [], "sha": "0" * 40, "id": "me/x", "private": self.server.private})

    def log_message(self, *_: object) -> None:
        pass

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        return body

    def _answer(self, value: object, status: int = 200) -> None:
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def hub() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.asked, server.private = [], True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def published(folder: Path, port: int, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
    """By a process of its own: the client reads its settings once."""
    environment = {**os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{port}", "HF_TOKEN": token}
    environment |= {"HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HOME": str(folder.parent / "home")}
    words = [sys.executable, "-c", PUSH, str(folder)]
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_all_files_are_one_commit(hub: ThreadingHTTPServer, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    (folder / "inner").mkdir(parents=True)
    (folder / "README.md").write_text("# card\n")
    (folder / "model.gguf").write_bytes(b"\0GGUF")
    (folder / "inner" / "config.json").write_text("{}")
    assert files_of(folder) == [("README.md", 7), ("inner/config.json", 2), ("model.gguf", 5)]
    done = published(folder, hub.server_address[1])
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith(f"/me/x/commit/{'0' * 40}")
    made = next(lines[0] for path, lines in hub.asked if path == "/api/repos/create")
    assert made.get("private") is True or made.get("visibility") == "private"
    (commit,) = (lines for path, lines in hub.asked if path.endswith("/commit/main"))
    files = [line["value"] for line in commit if line["key"] == "file"]
    sent = {file["path"]: base64.b64decode(file["content"]) for file in files}
    assert sent == {"README.md": b"# card\n", "model.gguf": b"\0GGUF", "inner/config.json": b"{}"}


def test_nothing_private_goes_to_a_public_repository(hub: ThreadingHTTPServer, tmp_path: Path) -> None:
    """One that is there stays public when it is asked for as private."""
    hub.private = False
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "README.md").write_text("# card\n")
    done = published(tmp_path / "files", hub.server_address[1])
    assert done.returncode != 0
    assert "StoreError: me/x is there already, and public: nothing was uploaded" in done.stderr
    assert [path for path, _ in hub.asked] == ["/api/repos/create"]


def test_a_refusal_is_an_error_with_a_way_out(hub: ThreadingHTTPServer, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "README.md").write_text("# card\n")
    done = published(tmp_path / "files", hub.server_address[1], "hf_wrong")
    assert done.returncode != 0
    assert "StoreError: me/x cannot be uploaded" in done.stderr
    assert "HF_TOKEN" in done.stderr
    assert hub.asked == []


def test_so_is_a_hub_that_is_not_reached(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    done = published(tmp_path / "files", port)
    assert "StoreError: me/x cannot be uploaded" in done.stderr
    assert "HF_HUB_OFFLINE" in done.stderr


@pytest.mark.parametrize("base", ["/home/me/model", "smollm2", "", None])
def test_an_adapter_on_a_base_of_this_machine_is_refused(tmp_path: Path, base: str | None) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}))
    with pytest.raises(ConfigError, match="only this machine has"):
        refuse_local_base(tmp_path)


@pytest.mark.parametrize("base", ["org/model", "gpt2", "bert-base-uncased"])
def test_a_base_of_the_hub_is_not(tmp_path: Path, base: str) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}))
    refuse_local_base(tmp_path)


@pytest.mark.parametrize("name", ["mine", "a/b/c", "../x", "-a/b", ""])
def test_what_is_no_name_on_the_hub(name: str) -> None:
    with pytest.raises(ConfigError, match="give OWNER/NAME"):
        refuse_name(name)
