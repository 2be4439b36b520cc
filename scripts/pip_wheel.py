"""Find and fetch pip's wheel on the package index that pip itself would use; standard library only.

Needed where Python comes without ensurepip, as on Debian. Indexes, folders of wheels and certificates
are taken from pip's environment variables and configuration files; an index page may be HTML or JSON.
"""

from __future__ import annotations

import base64
import configparser
import hashlib
import html.parser
import json
import os
import re
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

DEFAULT_INDEX = "https://pypi.org/simple"
_WHEEL = re.compile(r"pip-(\d+(?:\.\d+)*)-py3-none-any\.whl$")
_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"


class IndexUnreachableError(Exception):
    """No index or folder gave a usable wheel; the message lists what was tried."""


class Candidate:
    """One wheel on offer.

    Parameters
    ----------
    version : tuple of int
        Version of pip.
    url : str
        Where it is.
    sha256 : str or None
        Digest, where the index states one.
    """

    def __init__(self, version: tuple[int, ...], url: str, sha256: str | None = None) -> None:
        self.version = version
        self.url = url
        self.sha256 = sha256


def config_files(environment: Mapping[str, str] | None = None) -> list[Path]:
    """Return pip's configuration files, weakest first.

    Parameters
    ----------
    environment : mapping or None
        Environment variables; None takes the process's own.

    Returns
    -------
    list of Path
        Files, whether or not they exist.
    """
    env = os.environ if environment is None else environment
    named = env.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    home = Path(env.get("HOME") or env.get("USERPROFILE") or "~").expanduser()
    if os.name == "nt":
        files = [
            Path(env.get("PROGRAMDATA", "C:/ProgramData")) / "pip" / "pip.ini",
            home / "pip" / "pip.ini",
            Path(env.get("APPDATA", str(home))) / "pip" / "pip.ini",
        ]
    else:
        shared = env.get("XDG_CONFIG_DIRS") or "/etc/xdg"
        files = [Path(folder) / "pip" / "pip.conf" for folder in shared.split(os.pathsep)]
        files += [Path("/etc/pip.conf"), home / ".pip" / "pip.conf"]
        if sys.platform == "darwin":
            files.append(home / "Library" / "Application Support" / "pip" / "pip.conf")
        files.append(Path(env.get("XDG_CONFIG_HOME") or str(home / ".config")) / "pip" / "pip.conf")
    return [*files, Path(named)] if named else files


def settings(
    environment: Mapping[str, str] | None = None, files: Sequence[Path] | None = None
) -> dict[str, str]:
    """Return pip's settings that say where packages are.

    Parameters
    ----------
    environment : mapping or None
        Environment variables; None takes the process's own.
    files : sequence of Path or None
        Configuration files, weakest first; None takes those of `config_files`.

    Returns
    -------
    dict of str to str
        ``index-url``, ``extra-index-url``, ``find-links``, ``cert``, ``no-index`` as far as they are set.
    """
    env = os.environ if environment is None else environment
    names = ("index-url", "extra-index-url", "find-links", "cert", "no-index")
    found: dict[str, str] = {}
    for path in config_files(env) if files is None else files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue
        for section in ("global", "install"):
            for name in names:
                if parser.has_option(section, name):
                    found[name] = parser.get(section, name)
    for name in names:
        value = env.get("PIP_" + name.upper().replace("-", "_"))
        if value:
            found[name] = value
    return found


class _Links(html.parser.HTMLParser):
    """The links of an index page, withdrawn files left out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        href = facts.get("href")
        if tag == "a" and href and "data-yanked" not in facts:
            self.found.append((href, facts.get("data-requires-python")))


def parse_page(text: str, base: str) -> list[Candidate]:
    """Return the pip wheels that an index page offers.

    Parameters
    ----------
    text : str
        The page, HTML or JSON.
    base : str
        Its address.

    Returns
    -------
    list of Candidate
        Final releases that this Python may use, newest first.
    """
    if text.lstrip().startswith("{"):
        links = [
            (item.get("url", ""), item.get("requires-python"), (item.get("hashes") or {}).get("sha256"))
            for item in json.loads(text).get("files", ())
            if not item.get("yanked")
        ]
    else:
        page = _Links()
        page.feed(text)
        links = [(href, wants, None) for href, wants in page.found]
    found = []
    for href, wants, digest in links:
        address, _, fragment = urllib.parse.urljoin(base, href).partition("#")
        match = _WHEEL.search(urllib.parse.unquote(urllib.parse.urlsplit(address).path))
        if match is None or not allows_python(wants):
            continue
        if digest is None and fragment.startswith("sha256="):
            digest = fragment[len("sha256=") :]
        found.append(Candidate(_version(match.group(1)), address, digest))
    return sorted(found, key=lambda item: item.version, reverse=True)


def allows_python(wants: str | None, version: tuple[int, ...] | None = None) -> bool:
    """Tell whether a release may be used with a Python.

    Parameters
    ----------
    wants : str or None
        Requirement such as ``>=3.9``; only lower bounds are looked at.
    version : tuple of int or None
        The Python; None takes the running one.

    Returns
    -------
    bool
        True if no lower bound forbids it.
    """
    running = tuple(sys.version_info[:3]) if version is None else version
    return all(running >= _version(bound) for bound in re.findall(r">=\s*(\d+(?:\.\d+)*)", wants or ""))


def pinned_version(constraints: Path) -> tuple[int, ...] | None:
    """Return the version of pip that a constraints file names.

    Parameters
    ----------
    constraints : Path
        The file.

    Returns
    -------
    tuple of int or None
        The version, or None.
    """
    try:
        match = re.search(r"^pip==(\d+(?:\.\d+)*)\s*$", constraints.read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        return None
    return _version(match.group(1)) if match else None


def _version(text: str) -> tuple[int, ...]:
    """A dotted number as a tuple."""
    return tuple(int(part) for part in text.split("."))


def pages(found: Mapping[str, str]) -> list[str]:
    """Return the addresses to look at, in the order pip would.

    Parameters
    ----------
    found : mapping of str to str
        The settings.

    Returns
    -------
    list of str
        Addresses of index pages and folders.
    """
    places = []
    for link in found.get("find-links", "").split():
        is_path = "://" not in link
        places.append(Path(link).resolve().as_uri() + "/" if is_path and Path(link).is_dir() else link)
    if found.get("no-index", "").lower() not in ("1", "true", "yes", "on"):
        indexes = [found.get("index-url", DEFAULT_INDEX), *found.get("extra-index-url", "").split()]
        places += [index.strip().rstrip("/") + "/pip/" for index in indexes if index.strip()]
    return places


def _opener(found: Mapping[str, str]) -> urllib.request.OpenerDirector:
    """An opener that trusts the certificates pip is told to trust; proxies come from the environment."""
    context = ssl.create_default_context()
    if found.get("cert"):
        context.load_verify_locations(found["cert"])
    return urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))


def _read(opener: urllib.request.OpenerDirector, address: str) -> bytes:
    """The bytes at an address; a name and password in it are sent as basic authorisation."""
    parts = urllib.parse.urlsplit(address)
    account = ""
    if parts.scheme != "file" and "@" in parts.netloc:
        account, _, host = parts.netloc.rpartition("@")
        address = urllib.parse.urlunsplit(parts._replace(netloc=host))
    request = urllib.request.Request(address, headers={"Accept": _ACCEPT, "User-Agent": "fangyu-bootstrap"})
    if account:
        token = base64.b64encode(urllib.parse.unquote(account).encode()).decode()
        # Unredirected, so that another host never sees it.
        request.add_unredirected_header("Authorization", "Basic " + token)
    with opener.open(request, timeout=60) as answer:
        return bytes(answer.read())


def _offers(opener: urllib.request.OpenerDirector, place: str) -> list[Candidate]:
    """The wheels at one place: a folder, a folder's index.html, or an index page."""
    if place.startswith("file:"):
        folder = Path(urllib.request.url2pathname(urllib.parse.urlsplit(place).path))
        if not (folder / "index.html").exists():
            names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
            return parse_page("".join(f'<a href="{name}"></a>' for name in names), place)
        return parse_page((folder / "index.html").read_text(encoding="utf-8"), place)
    return parse_page(_read(opener, place).decode("utf-8", "replace"), place)


def fetch(
    folder: Path, wanted: tuple[int, ...] | None = None, found: Mapping[str, str] | None = None
) -> Path:
    """Fetch pip's wheel.

    Parameters
    ----------
    folder : Path
        Where to put it.
    wanted : tuple of int or None
        Version preferred; the newest is taken where it is not on offer.
    found : mapping of str to str or None
        The settings; None reads them.

    Returns
    -------
    Path
        The wheel.

    Raises
    ------
    IndexUnreachableError
        If no place offers one, or its digest is wrong.
    """
    options = settings() if found is None else found
    tried: list[str] = []
    candidates: list[Candidate] = []
    try:
        opener = _opener(options)
    except OSError as error:
        raise IndexUnreachableError(f"cert {options.get('cert')}: {error}") from error
    for place in pages(options):
        try:
            candidates += _offers(opener, place)
        except (OSError, ValueError) as error:
            tried.append(f"{_hide(place)}: {error}")
    candidates.sort(key=lambda item: (item.version == wanted, item.version), reverse=True)
    for candidate in candidates:
        try:
            content = _read(opener, candidate.url)
        except (OSError, ValueError) as error:
            tried.append(f"{_hide(candidate.url)}: {error}")
            continue
        if candidate.sha256 and hashlib.sha256(content).hexdigest() != candidate.sha256:
            tried.append(f"{_hide(candidate.url)}: sha256")
            continue
        name = urllib.parse.unquote(urllib.parse.urlsplit(candidate.url).path.rsplit("/", 1)[-1])
        wheel = folder / name
        wheel.write_bytes(content)
        return wheel
    raise IndexUnreachableError("; ".join(tried) or "no pip wheel on offer")


def _hide(address: str) -> str:
    """An address without name and password, for messages."""
    parts = urllib.parse.urlsplit(address)
    return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
