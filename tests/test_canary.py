"""A secret of the host, planted where secrets lie, is found in nothing a candidate can reach."""

import json
import os
import subprocess
import uuid
from contextlib import closing
from pathlib import Path

import pytest
from conftest import BOWL, command, environment
from stand_ins.boxes import HOST, ISOLATED, attempt, opened

from ratchet.sandbox import Job, Limits, Program

# Reads everything there is but the libraries, of which it reads what is new.
SEARCH = """
import os, stat
found, looked, word = [], 0, request
def look(path):
    global looked
    try:
        if word in path.encode(errors="replace"): found.append(path)
        state = os.stat(path)
        if not stat.S_ISREG(state.st_mode): return
        library = path.startswith(("/usr/", "/lib", "/opt/", "/sys/")) or "-packages" in path
        if library and state.st_mtime < float(started): return
        with open(path, "rb") as file:
            looked += 1
            if word in file.read(1 << 20): found.append(path)
    except (OSError, ValueError): pass
word, started = request.split(b" ")
if any(word in os.environb.get(key, b"") for key in os.environb): found.append("environment")
for folder, below, names in os.walk("/"):
    below[:] = [name for name in below if name not in ("sys", "kcore", "kmsg")]
    if folder.startswith("/proc/"):
        below[:] = [name for name in below if name not in ("task", "fd", "map_files", "ns", "net")]
        names = [n for n in names if n in ("environ", "cmdline", "mounts", "mountinfo", "status")]
    for name in names: look(os.path.join(folder, name))
answer = repr((found, looked)).encode()
"""


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A canary in the environment, at home, in Docker's configuration and in a temporary file."""
    word = f"canary{uuid.uuid4().hex}"
    home = tmp_path / "home"
    for path in (".ssh/id_ed25519", ".netrc", ".config/openai/key", ".docker/config.json"):
        file = home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"auths": {"registry.invalid": {"identitytoken": word}}})
        file.write_text(text if path.endswith("json") else word)
    (tmp_path / word).write_text(word)
    monkeypatch.setenv("HOME", str(home))
    for name in ("OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "RATCHET_CANARY"):
        monkeypatch.setenv(name, word)
    return word


@pytest.mark.parametrize("name", ISOLATED)
def test_a_secret_of_the_host_is_nowhere_in_a_sandbox(
    name: str, secret: str, tmp_path: Path
) -> None:
    request = f"{secret} {(tmp_path / 'home').stat().st_mtime - 1}".encode()
    with closing(opened(name)) as backend:
        result = attempt(backend, SEARCH, request, Limits(wall_seconds=120))
        assert result.status == "ok", result.log
        found, looked = eval(result.reply)
        assert found == []
        assert looked > 2  # its own files: nothing else can even be seen
        trusted = Program({"t.py": b"def run(request, guest): exec(request); return b''"}, "t")
        told = backend.run(Job(trusted, b"import os; print(dict(os.environ))"))
        assert secret not in told.log + repr(told.reply)


def test_the_search_for_it_would_find_it(secret: str, tmp_path: Path) -> None:
    """The same program, where nothing isolates."""
    request = f"{secret} 0".encode()
    code = SEARCH.replace('os.walk("/")', f"os.walk({str(tmp_path)!r})")
    with closing(opened("process")) as backend:
        result = backend.run(Job(HOST, request, {"candidate.py": code.encode()}))
    found, _ = eval(result.reply)
    assert len(found) >= 4


@pytest.mark.slow
@pytest.mark.parametrize("name", ISOLATED)
def test_a_search_leaves_it_in_no_archive_log_or_artefact(
    name: str, secret: str, tmp_path: Path
) -> None:
    opened(name).close()
    work = tmp_path / "work"
    work.mkdir()

    def ratchet(*words: str) -> str:
        done = subprocess.run(
            command(*words),
            cwd=work,
            env={**environment(), "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"},
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    agent = ("--agent", "stand_ins.tweak", "--seed", "1", "--turns", "6")
    said = ratchet("search", BOWL, "--sandbox", name, *agent)
    said += ratchet("export", "1", "--to", "out") + ratchet("doctor", "--sandbox", name)
    said += ratchet("show", "1", "--json")
    assert secret not in said
    held = [path for path in work.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in held)
    assert [path for path in held if secret.encode() in path.read_bytes()] == []
    assert os.environ["RATCHET_CANARY"] == secret
