"""The report page as a server shows it: with links to the rest of the service, and in demo mode the choice of a role.

A report is a file that people mail, so it has neither; they are put in where it is served.
"""

from __future__ import annotations

import hashlib
import html
import re
from pathlib import Path
from typing import Final

MAP_ANCHOR: Final = "<!-- map -->"
"""Where a page that has no links of its own gets one to the web map."""
_ANCHOR: Final = '<span class="date">'
_MAP: Final = '<a style="color:var(--accent)" href="/map/">地图</a>'
_LINKS: Final = (
    '<nav class="date" aria-label="本站">{}<a style="color:var(--accent)" href="/ogc?f=html">图层</a>　'
    '<a style="color:var(--accent)" href="/docs">接口说明</a></nav>\n  '
)
_ACCOUNT: Final = (
    '<nav class="date" aria-label="账户"><a style="color:var(--accent)" href="/account">账户</a></nav>\n  '
)
_SCRIPT: Final = '<script src="/ogc/static/role.js" defer></script>\n</body>'

_POLICY: Final = re.compile(r'(<meta http-equiv="Content-Security-Policy" content=")([^"]*)(">)')
_VERSION: Final = hashlib.sha256((_MAP + _LINKS + _ACCOUNT + _SCRIPT).encode()).hexdigest()[:8]


def served_file(page: Path, *, is_demo: bool, has_map: bool) -> Path:
    """Return a report page as it is served, made when it is asked for the first time.

    Parameters
    ----------
    page : pathlib.Path
        The report as a file.
    is_demo : bool
        Whether a role can be chosen.
    has_map : bool
        Whether there is a web map to link to.

    Returns
    -------
    pathlib.Path
        A file beside it.
    """
    form = ("demo" if is_demo else "served") + ("-map" if has_map else "")
    path = page.with_name(f"{page.stem}-{_VERSION}-{form}.html")
    if not path.exists():
        building = path.with_name(f".{path.stem}.building.html")
        text = served_text(page.read_text(encoding="utf-8"), is_demo=is_demo, has_map=has_map)
        building.write_text(text, "utf-8", newline="\n")
        building.replace(path)
    return path


def served_text(text: str, *, is_demo: bool, has_map: bool) -> str:
    """Put links, and in demo mode the choice of a role, into a page.

    Parameters
    ----------
    text : str
        A page with a policy of its own.
    is_demo : bool
        Whether a role can be chosen.
    has_map : bool
        Whether there is a web map to link to.

    Returns
    -------
    str
        The page.
    """
    switch = '<span class="date" id="role-switch"></span>\n  ' if is_demo else _ACCOUNT
    links = _LINKS.format(f"{_MAP}　" if has_map else "")
    text = text.replace(_ANCHOR, links + switch + _ANCHOR, 1)
    if has_map:
        text = text.replace(MAP_ANCHOR, f"<p>{_MAP}</p>", 1)
    if not is_demo:
        return text
    # The page allows its own scripts only, and no request at all.
    text = _POLICY.sub(lambda found: found[1] + _opened(found[2]) + found[3], text, count=1)
    head, body, tail = text.rpartition("</body>")
    return head + _SCRIPT + tail if body else text


def _opened(policy: str) -> str:
    """Allow the server's own scripts, and requests to it."""
    rules = dict(rule.strip().partition(" ")[::2] for rule in html.unescape(policy).split(";"))
    rules["script-src"] = f"'self' {rules.get('script-src', '')}".strip()
    rules["connect-src"] = "'self'"
    return html.escape("; ".join(f"{name} {sources}" for name, sources in rules.items()))
