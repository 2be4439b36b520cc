"""The layers that are served: one table, read by items, tiles, exports and the web map alike."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from geo.catalog.load import families
from geo.catalog.reader import ProblemLog, Table, read_toml
from geo.errors import Lang, NotFoundError

_HERE = Path(__file__).parent
PUBLIC: Final = "public"
ROLES: Final = (
    PUBLIC,
    "planner",
    "place_name_clerk",
    "reviewer",
    "approver",
    "boundary_inspector",
    "cemetery_supervisor",
    "data_steward",
    "system_administrator",
    "security_administrator",
    "audit_administrator",
)
"""Who there is: everybody, then the roles a person may hold."""

_COLOUR = re.compile(r"#[0-9A-F]{6}")


@dataclass(frozen=True, slots=True)
class Ramp:
    """Colours by a number.

    Parameters
    ----------
    field : str
        Served column the number stands in.
    colours : tuple of str
        Colours from the least number to the greatest, ``#RRGGBB``.
    breaks : tuple of float
        Numbers between the colours; one that is equal takes the colour after it.
    unknown : str or None
        Colour of rows without a number; None where every row has one.
    """

    field: str
    colours: tuple[str, ...]
    breaks: tuple[float, ...]
    unknown: str | None


@dataclass(frozen=True, slots=True)
class MapLayer:
    """One served layer.

    Parameters
    ----------
    name : str
        Identifier in addresses, tiles and files.
    table : str
        The store's layer it reads.
    title_zh, title_en : str
        Title.
    read : frozenset of str
        Roles that may read it; `PUBLIC` is everybody.
    fields : tuple of str
        Columns that are served, the label first.
    zoom : int
        First zoom at which features are drawn one by one.
    colour : str
        Colour of the legend, ``#RRGGBB``.
    family : str or None
        For facilities: the family it holds.
    is_named : bool
        Whether rows without a name are left out.
    is_current : bool
        Whether rows of older runs are left out where nobody asks for them.
    is_legal : bool
        Whether what another program makes of a published row is put back and held for review.
    note_zh, note_en : str
        What a reader should know of it; empty where its title says enough.
    ramp : Ramp or None
        Colours by a number, where it is not drawn in one.
    """

    name: str
    table: str
    title_zh: str
    title_en: str
    read: frozenset[str]
    fields: tuple[str, ...]
    zoom: int
    colour: str
    family: str | None
    is_named: bool
    is_current: bool = False
    is_legal: bool = False
    note_zh: str = ""
    note_en: str = ""
    ramp: Ramp | None = None

    @property
    def is_facility(self) -> bool:
        """Whether its features open and close.

        Returns
        -------
        bool
            True for facilities, of which the public sees the open ones.
        """
        return self.family is not None

    @property
    def is_internal(self) -> bool:
        """Whether it is not for everybody.

        Returns
        -------
        bool
            True where a role is needed to read it.
        """
        return PUBLIC not in self.read

    def title(self, lang: Lang) -> str:
        """Return the title in one language.

        Parameters
        ----------
        lang : {"zh", "en"}
            Language.

        Returns
        -------
        str
            The title.
        """
        return self.title_zh if lang == "zh" else self.title_en


@dataclass(frozen=True, slots=True)
class FieldTitle:
    """What a served column is called.

    Parameters
    ----------
    name : str
        Column.
    title_zh, title_en : str
        Title.
    """

    name: str
    title_zh: str
    title_en: str

    def title(self, lang: Lang) -> str:
        """Return the title in one language.

        Parameters
        ----------
        lang : {"zh", "en"}
            Language.

        Returns
        -------
        str
            The title.
        """
        return self.title_zh if lang == "zh" else self.title_en


def parse_layers(file: Table) -> dict[str, MapLayer]:
    """Read the layer table.

    Parameters
    ----------
    file : Table
        The whole file.

    Returns
    -------
    dict of str to MapLayer
        By name, in the file's order; problems go to the file's log.
    """
    found: dict[str, MapLayer] = {}
    for name, entry in file.subtables():
        colours, ramp = entry.table("colours"), entry.table("ramp")
        where = entry.optional_text("where")
        layer = MapLayer(
            name=name,
            table=entry.text("table"),
            title_zh=entry.text("title_zh"),
            title_en=entry.text("title_en"),
            read=frozenset(entry.texts("read", required=True)),
            fields=entry.texts("fields", required=True),
            zoom=int(entry.number("zoom") or 0),
            colour=entry.text("colour") if colours is None and ramp is None else "#000000",
            family=None,
            is_named=where == "named",
            is_current=where == "current",
            is_legal=entry.flag("legal"),
            note_zh=(entry.optional_text("note_zh") or "").strip(),
            note_en=(entry.optional_text("note_en") or "").strip(),
        )
        if ramp is not None:
            read = _ramp(ramp)
            layer = replace(layer, ramp=read, colour=read.colours[-1] if read.colours else layer.colour)
        if where not in (None, "named", "current"):
            entry.report("where", where, "应为 named 或 current", "must be named or current")
        if unknown := sorted(layer.read - set(ROLES)):
            entry.report("read", unknown, f"只允许 {'、'.join(ROLES)}", f"allowed: {', '.join(ROLES)}")
        if not 0 <= layer.zoom <= 22:
            entry.report("zoom", layer.zoom, "应为 0 到 22", "must be from 0 to 22")
        parts = [layer] if colours is None else list(_by_family(layer, colours))
        for part in parts:
            if not _COLOUR.fullmatch(part.colour):
                entry.report("colour", part.colour, "应为 #RRGGBB", "must be #RRGGBB")
            found[part.name] = part
        entry.finish()
    return found


def _ramp(entry: Table) -> Ramp:
    """Read colours by a number."""
    ramp = Ramp(
        entry.text("field"),
        entry.texts("colours", required=True),
        entry.numbers("breaks"),
        entry.optional_text("unknown"),
    )
    for colour in filter(None, (*ramp.colours, ramp.unknown)):
        if not _COLOUR.fullmatch(colour):
            entry.report("colours", colour, "应为 #RRGGBB", "must be #RRGGBB")
    if len(ramp.colours) != len(ramp.breaks) + 1:
        entry.report("breaks", len(ramp.breaks), "应比颜色少一个", "must be one fewer than the colours")
    entry.finish()
    return ramp


def _by_family(layer: MapLayer, colours: Table) -> Iterator[MapLayer]:
    """Return one layer a family of facilities."""
    for family in families().values():
        yield replace(
            layer,
            name=f"{layer.name}_{family.slug}",
            title_zh=f"{family.title_zh}{layer.title_zh}",
            title_en=f"{family.title_en} {layer.title_en}",
            family=family.slug,
            colour=colours.text(family.slug),
        )
    colours.finish()


@cache
def map_layers() -> Mapping[str, MapLayer]:
    """Return every served layer.

    Returns
    -------
    Mapping of str to MapLayer
        By name, in the order they are listed to people.

    Raises
    ------
    InputError
        The table is wrong; every problem is listed.
    """
    log = ProblemLog()
    found = parse_layers(read_toml(_HERE / "layers.toml", log))
    log.raise_if_any()
    return MappingProxyType(found)


@cache
def legal_tables() -> tuple[str, ...]:
    """Return the store's layers whose published rows are legal records.

    Returns
    -------
    tuple of str
        Tables, in the order of the served layers.

    Raises
    ------
    InputError
        The table of layers is wrong; every problem is listed.
    """
    return tuple(dict.fromkeys(layer.table for layer in map_layers().values() if layer.is_legal))


@cache
def field_titles() -> Mapping[str, FieldTitle]:
    """Return the titles of served columns.

    Returns
    -------
    Mapping of str to FieldTitle
        By column.

    Raises
    ------
    InputError
        The file is wrong; every problem is listed.
    """
    log = ProblemLog()
    file = read_toml(_HERE / "fields.toml", log)
    found = {}
    names = file.keys()
    for name in names:
        titles = file.texts(name, required=True)
        if len(titles) != 2:
            file.report(name, titles, "应为中文和英文两个标题", "must be a Chinese and an English title")
            continue
        found[name] = FieldTitle(name, *titles)
    log.raise_if_any()
    return MappingProxyType(found)


def map_layer(name: str) -> MapLayer:
    """Find a served layer.

    Parameters
    ----------
    name : str
        Its name.

    Returns
    -------
    MapLayer
        The layer.

    Raises
    ------
    NotFoundError
        There is none of this name.
    """
    try:
        return map_layers()[name]
    except KeyError:
        raise NotFoundError(f"没有图层“{name}”", f"there is no layer '{name}'", layer=name) from None
