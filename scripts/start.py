"""Set everything up, make the demonstration city, and show it: the one command for a bare machine.

``python3 scripts/start.py [--setup-only] [--no-serve] [--port N] [--store S] [--nodes N]``
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence

import _python_version  # noqa: F401 - ends an outdated Python
import bootstrap


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
    try:
        bootstrap.prepare()
    except bootstrap.SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if options.setup_only:
        bootstrap.say("已就绪", "ready")
        return 0
    try:
        return subprocess.run(demo_command(options), check=False).returncode
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
