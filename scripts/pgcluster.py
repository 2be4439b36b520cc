"""A private PostgreSQL 15 + PostGIS cluster for the tests: temporary, on loopback only, gone afterwards.

Standard library only. As root the server runs as the ``postgres`` user, because PostgreSQL refuses to run as root.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

_SETTINGS = (
    "listen_addresses=127.0.0.1",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=60",
    "shared_buffers=128MB",
    "log_min_messages=fatal",
    "timezone=UTC",
)


def find_binaries() -> Path | None:
    """Return the folder of PostgreSQL's server programs, or None where it is not installed."""
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name.zfill(4))
    on_path = shutil.which("initdb")
    if on_path is not None:
        candidates.append(Path(on_path).parent)
    preferred = [path for path in candidates if path.parent.name == "15"]
    found = [path for path in [*preferred, *reversed(candidates)] if (path / "initdb").exists()]
    return found[0] if found else None


@contextlib.contextmanager
def private_cluster() -> Iterator[str]:
    """Start a cluster and yield the SQLAlchemy URL of its maintenance database; stop and remove it afterwards."""
    binaries = find_binaries()
    if binaries is None:
        raise RuntimeError("PostgreSQL is not installed: no initdb under /usr/lib/postgresql or on the PATH")
    folder = Path(tempfile.mkdtemp(prefix="fangyu-pg-"))
    data, user = folder / "data", "postgres"
    try:
        if _is_root():
            shutil.chown(folder, "postgres")
        folder.chmod(0o700)
        _run([binaries / "initdb", "-D", data, "-U", user, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"])
        port = _free_port()
        settings = (*_SETTINGS, f"port={port}", f"unix_socket_directories={folder}")
        options = " ".join(f"-c {setting}" for setting in settings)
        _run([binaries / "pg_ctl", "-D", data, "-w", "-t", "60", "-l", folder / "log", "-o", options, "start"])
        try:
            yield f"postgresql+psycopg://{user}@127.0.0.1:{port}/postgres"
        finally:
            _run([binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_root() -> bool:
    """Tell whether we run as root on a system that has such a thing."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _free_port() -> int:
    """Ask the system for a free port on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _run(command: list[str | Path]) -> None:
    """Run a server program as a user PostgreSQL accepts; its output is shown only when it fails."""
    words = [str(word) for word in command]
    if _is_root():
        if shutil.which("runuser"):
            words = ["runuser", "-u", "postgres", "--", *words]
        else:
            words = ["su", "postgres", "-s", "/bin/sh", "-c", 'exec "$0" "$@"', "--", *words]
    # Output goes to a file: a pipe would stay open in the server that pg_ctl leaves behind.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(words, stdout=output, stderr=subprocess.STDOUT, cwd="/", check=False)
        if done.returncode:
            output.seek(0)
            raise RuntimeError(f"{' '.join(words)} failed as {getpass.getuser()}: {output.read().decode()}")


if __name__ == "__main__":
    import signal
    import threading

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with private_cluster() as url, contextlib.suppress(KeyboardInterrupt):
        print(url, flush=True)
        stop.wait()
