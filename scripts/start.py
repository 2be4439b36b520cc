"""Set everything up, make the demonstration city, and show it: the one command for a bare machine.

``python3 scripts/start.py [--setup-only] [--no-serve] [--port N] [--store S] [--nodes N]``
"""

import argparse
import contextlib
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import _python_version  # noqa: F401 - ends an outdated Python
import bootstrap
import web_build


def parser() -> argparse.ArgumentParser:
    """Return the argument parser.

    Returns
    -------
    argparse.ArgumentParser
        The parser.
    """
    arguments = argparse.ArgumentParser(
        description="安装方舆，生成示范市并打开服务 / Install Fangyu, make the demonstration city and serve it"
    )
    arguments.add_argument("--setup-only", action="store_true", help="只安装 / only install")
    arguments.add_argument(
        "--no-serve", action="store_true", help="生成后不启动服务 / do not serve in the end"
    )
    arguments.add_argument("--port", type=_port, help="端口 / port")
    arguments.add_argument("--store", help="数据文件（.gpkg）或 PostGIS 地址 / store: a .gpkg or a PostGIS URL")
    arguments.add_argument("--nodes", type=_positive, help="示范路网的节点数 / nodes of the demo network")
    return arguments


DEFAULT_PORT = 8300
_DATABASES = ("postgresql://", "postgresql+psycopg://")


def refusal(options: argparse.Namespace) -> str | None:
    """Say what stands against the work, before any of it is done.

    Parameters
    ----------
    options : argparse.Namespace
        Parsed arguments.

    Returns
    -------
    str or None
        Why it cannot be done, in Chinese and English; None where nothing was found.
    """
    if options.store is not None and not options.store.startswith(_DATABASES):
        found = _store_refusal(options.store)
        if found is not None:
            return found
    port = DEFAULT_PORT if options.port is None else options.port
    if options.no_serve or options.setup_only or port == 0:
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return (
                f"端口 {port} 无法使用（多半已被占用），请用 --port 另选一个 / "
                f"port {port} cannot be used, most likely it is taken: choose another with --port"
            )
    return None


def _store_refusal(store: str) -> str | None:
    """Say why a path cannot be a store; folders that had to be made for the trial are taken away again."""
    if "://" in store or not store.lower().endswith(".gpkg"):
        shown = store.split("://")[0] + "://…" if "://" in store else store
        return (
            f"--store {shown}：允许的是以 .gpkg 结尾的文件或 postgresql:// 地址 / "
            "allowed is a file that ends in .gpkg, or a postgresql:// address"
        )
    path = Path(store).expanduser()
    if path.is_dir():
        return f"--store {store}：这是文件夹，不是 .gpkg 文件 / this is a folder and no .gpkg file"
    new = [folder for folder in path.resolve().parents if not folder.exists()]
    try:
        path.resolve().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.resolve().parent):
            return None
    except OSError:
        return (
            f"--store {store}：文件夹 {path.parent} 不能写入，请另选一个 / "
            f"the folder {path.parent} cannot be written to: choose another"
        )
    finally:
        for folder in new:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _port(text: str) -> int:
    """A port number; 0 lets the system choose."""
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError("0-65535")
    return number


def _positive(text: str) -> int:
    """A positive whole number."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("1, 2, 3, ...")
    return number


def demo_command(options: argparse.Namespace) -> list[str]:
    """Return the command that makes, imports, analyses and serves the city.

    Parameters
    ----------
    options : argparse.Namespace
        Parsed arguments.

    Returns
    -------
    list of str
        Program and arguments.
    """
    command = [str(bootstrap.venv_python()), "-m", "api.demo_job"]
    if options.port is not None:
        command += ["--port", str(options.port)]
    if options.store:
        command += ["--store", options.store]
    if options.nodes is not None:
        command += ["--nodes", str(options.nodes)]
    if options.no_serve:
        command.append("--no-serve")
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str or None
        Arguments; None takes the process's own.

    Returns
    -------
    int
        Exit code.
    """
    bootstrap.speak_utf8()
    options = parser().parse_args(arguments)
    found = refusal(options)
    if found is not None:
        sys.stderr.write(f"错误 / error: {found}\n")
        return 3
    try:
        bootstrap.prepare()
    except bootstrap.SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    try:
        web_build.prepare()
    except bootstrap.SetupError as error:
        # Everything else works without it, the report page among it.
        sys.stderr.write(f"{error}\n")
        bootstrap.say("继续，但没有新的网页地图", "going on without a new web map")
    if options.setup_only:
        bootstrap.say("已就绪", "ready")
        return 0
    try:
        return subprocess.run(demo_command(options), check=False).returncode
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
