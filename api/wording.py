"""Messages of the domain, put into the words of HTTP: where they name an option of the command line, a body's field.

The domain tells how a mistake is mended in the words of the command line, which prints them as they are. Over HTTP the
same option is a field of `api.schemas.imports.ImportAsk`, or another address. This is the one table between the two.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

OPTIONS: Final[Mapping[str, str]] = {
    "--areas": "areas",
    "--areas-datum": "areas_datum",
    "--datum": "datum",
    "--encoding": "encoding",
    "--helmert": "helmert",
    "--layer": "part",
    "--level": "level",
    "--map": "mapping",
    "--population": "population",
    "--skip-bad": "skip_bad: true",
    "--source": "source",
    "--type": "type",
    "--year": "year",
}
"""Field by option."""
COMMANDS: Final[Mapping[str, str]] = {
    "fangyu coverage run": "POST /api/runs",
    "fangyu import demand": "POST /api/imports (layer: demand)",
    "fangyu import list": "GET /api/imports",
    "fangyu import streets": "POST /api/imports (layer: streets)",
}
"""Address by command."""
_MAPPED: Final = re.compile(r"--map ([^\s=]+)=(-|[\w\[\]]+)")
_WORD: Final = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z]")
_COMMAND: Final = re.compile("|".join(map(re.escape, COMMANDS)))
_TOLD: Final = frozenset({"message_zh", "message_en", "zh", "en", "detail"})


def over_http(text: str) -> str:
    """Put a message into the words of HTTP.

    Parameters
    ----------
    text : str
        The message, in either language.

    Returns
    -------
    str
        The same with fields in place of options, and addresses in place of commands.
    """
    if "--" not in text and "fangyu" not in text:
        return text
    text = _MAPPED.sub(r'mapping {"\1": "\2"}', text)
    text = _WORD.sub(lambda found: OPTIONS.get(found[0], found[0]), text)
    return _COMMAND.sub(lambda found: COMMANDS[found[0]], text)


def reworded(value: object) -> object:
    """Put every message inside JSON values into the words of HTTP.

    Parameters
    ----------
    value : object
        JSON values.

    Returns
    -------
    object
        A copy in which the members that hold messages are reworded; all else is as it was.
    """
    if isinstance(value, dict):
        return {
            name: over_http(part) if name in _TOLD and isinstance(part, str) else reworded(part)
            for name, part in value.items()
        }
    return [reworded(part) for part in value] if isinstance(value, list | tuple) else value
