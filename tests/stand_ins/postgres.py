"""A PostgreSQL server of the tests' own: private, on loopback, gone when they end."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

PATIENCE_SECONDS = 30.0


class NoServer(Exception):
    """Why there is none."""


class Server:
    """One that answers. Its password has characters that a URL has to encode."""

    user = "ratchet"

    def __init__(self, programs: Path, port: int, password: str) -> None:
        self.programs, self.port, self.password = programs, port, password

    def url(self, database: str) -> str:
        secret = quote(self.password, safe="")
        return f"postgresql://{self.user}:{secret}@127.0.0.1:{self.port}/{database}"

    def fresh(self) -> str:
        """The URL of a new, empty database."""
        name = f"t{secrets.token_hex(6)}"
        self.sql(f"CREATE DATABASE {name}", "postgres")
        return self.url(name)

    def sql(self, words: str, database: str) -> list[tuple[object, ...]]:
        """Run a statement, and return its rows if it has any."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(words.encode())
            return cursor.fetchall() if cursor.description else []


@contextmanager
def serving() -> Iterator[Server]:
    """Start a server in a temporary folder as a user who is not root; raises NoServer."""
    programs, user = _programs(), _user()
    folder = Path(tempfile.mkdtemp(prefix="ratchet-postgres-"))
    password = f"p@:/?#%{secrets.token_hex(8)}"
    try:
        (folder / "password").write_text(password)
        if user is not None:
            for path in (folder, folder / "password"):
                shutil.chown(path, user)
        made: list[str | Path] = [
            "-D",
            folder / "data",
            "-U",
            Server.user,
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        ]
        login: list[str | Path] = ["-A", "scram-sha-256", "--pwfile", folder / "password"]
        _run([programs / "initdb", *made, *login], user)
        port = _free_port()
        settings = ["-c", "listen_addresses=127.0.0.1", "-c", f"port={port}", "-c", "fsync=off"]
        settings += ["-c", f"unix_socket_directories={folder}", "-c", "max_connections=60"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [programs / "postgres", "-D", folder / "data", *settings],
                user=user,
                cwd=folder,
                stdout=log,
                stderr=log,
            )
        try:
            server = Server(programs, port, password)
            _await(server, process, folder / "log")
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # at SIGTERM it would wait for whoever is connected
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: each.parent.name)
    on_path = shutil.which("initdb")
    places += [Path(on_path).resolve().parent] if on_path else []
    for place in reversed(places):
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    raise NoServer("no PostgreSQL server is installed: apt install postgresql")


def _user() -> str | None:
    """Whom the server runs as: it refuses to be root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise NoServer("PostgreSQL does not run as root, and there is no user postgres or nobody")


def _run(words: Sequence[str | Path], user: str | None) -> None:
    done = subprocess.run(
        words, user=user, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, timeout=60
    )
    if done.returncode:
        raise NoServer(f"{words[0]} failed: {done.stderr.decode(errors='replace')[-300:]}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _await(server: Server, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            server.sql("SELECT 1", "postgres")
            return
        except Exception:
            time.sleep(0.1)
    raise NoServer(f"PostgreSQL does not answer: {log.read_text(errors='replace')[-300:]}")
