"""Install what the tests need beside Python, on Debian as root: PostGIS, Chromium, a Chinese font, GDAL's programs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from bootstrap import say

CLUSTER_SETTINGS = Path("/etc/postgresql-common/createcluster.conf")
PREFERRED_POSTGRES = 15


def is_debian_root() -> bool:
    """Tell whether packages can be installed here.

    Returns
    -------
    bool
        True for root on a system with apt and dpkg.
    """
    return hasattr(os, "geteuid") and os.geteuid() == 0 and bool(shutil.which("apt-get") and shutil.which("dpkg-query"))


def is_present(package: str) -> bool:
    """Tell whether a Debian package is installed.

    Parameters
    ----------
    package : str
        Its name.

    Returns
    -------
    bool
        True if it is fully installed.
    """
    asked = ["dpkg-query", "-W", "-f=${Status}", package]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False)
    return answer.stdout.strip() == "install ok installed"


def choose_postgres(names: str, preferred: int = PREFERRED_POSTGRES) -> int | None:
    """Return the PostgreSQL version to install.

    Parameters
    ----------
    names : str
        Package names or search results, one a line.
    preferred : int
        Version taken where it is on offer.

    Returns
    -------
    int or None
        The version, or None if PostGIS is not on offer.
    """
    versions = {int(found) for found in re.findall(r"^postgresql-(\d+)-postgis-3(?![-\w])", names, re.MULTILINE)}
    return preferred if preferred in versions else max(versions, default=None)


def missing(postgres: int = PREFERRED_POSTGRES) -> list[str]:
    """Return the packages that are not installed.

    Parameters
    ----------
    postgres : int
        PostgreSQL version.

    Returns
    -------
    list of str
        Package names.
    """
    database = (f"postgresql-{postgres}", f"postgresql-{postgres}-postgis-3")
    wanted = [*database, "chromium", "fonts-noto-cjk", "gdal-bin"]
    return [package for package in wanted if not is_present(package)]


def _apt(*arguments: str) -> bool:
    """Run apt-get without questions; its output only shows when it fails."""
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    command = ["apt-get", "-y", "-q", "-o", "Dpkg::Options::=--force-confold", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        say(f"apt-get {arguments[0]} 失败：{done.stderr.strip()[-500:]}", f"apt-get {arguments[0]} failed")
    return done.returncode == 0


def without_main_cluster(text: str) -> str:
    """Return cluster settings under which no cluster is made at installation.

    Parameters
    ----------
    text : str
        The settings file.

    Returns
    -------
    str
        The same with ``create_main_cluster = false``.
    """
    line = "create_main_cluster = false"
    changed, count = re.subn(r"^#?\s*create_main_cluster\s*=.*$", line, text, flags=re.MULTILINE)
    return changed if count else text.rstrip("\n") + ("\n" if text else "") + line + "\n"


def ensure() -> list[str]:
    """Install what is missing.

    Returns
    -------
    list of str
        Packages that are still missing; the tests that need them are skipped and say so. Empty where there is no
        dpkg to ask: there, too, the tests say what they lack.
    """
    if not shutil.which("dpkg-query"):
        return []
    lacking = missing()
    if not lacking or not is_debian_root():
        return lacking
    say(f"安装系统软件包：{' '.join(lacking)}", "installing system packages")
    if not _apt("update"):
        return lacking
    search = ["apt-cache", "search", "--names-only", "^postgresql-[0-9]+-postgis-3$"]
    offered = subprocess.run(search, capture_output=True, text=True, check=False).stdout
    postgres = choose_postgres(offered) or PREFERRED_POSTGRES
    lacking = missing(postgres)
    if any(package.startswith("postgresql") for package in lacking) and _apt("install", "postgresql-common"):
        # The tests start a private cluster; the machine's own must not come up.
        settings = CLUSTER_SETTINGS.read_text(encoding="utf-8") if CLUSTER_SETTINGS.exists() else ""
        CLUSTER_SETTINGS.parent.mkdir(parents=True, exist_ok=True)
        CLUSTER_SETTINGS.write_text(without_main_cluster(settings), encoding="utf-8")
    if lacking and not _apt("install", "--no-install-recommends", *lacking):
        for package in lacking:
            _apt("install", "--no-install-recommends", package)
    return missing(postgres)
