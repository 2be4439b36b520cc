"""Write docs/reference.md and docs/authorization.md from the program: commands, settings, types, who may do what."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import typer
from authorization_page import PAGES, authorization_page

from api.cli.main import app
from api.settings import AccountSettings, AttachmentSettings, LimitSettings
from geo.catalog.load import facility_types, families, indicators, packs, standards, units
from geo.catalog.map_layer import field_titles, map_layers
from geo.catalog.schema import Attribute, Standard, Threshold
from geo.store.shrinking import SHRINKING

TARGET = Path(__file__).resolve().parents[1] / "docs" / "reference.md"
MEASURES = {
    "walk_distance_m": "步行距离 walking distance",
    "walk_time_min": "步行时间 walking time",
    "count_per_unit": "每单元数量 sites per unit",
    "unit_share": "单元占比 share of units",
}
_HEAD = """# 参考 · Reference

Written by `python scripts/write_reference.py` from the program itself; a test fails when it is out of date.

Certainty of a value: **V** read in the official text · **K** known reliably · **U** unsure · **D** derived.
Only V may block; U only advises. Limits are inclusive.
"""


def reference() -> str:
    """Return the whole reference.

    Returns
    -------
    str
        Markdown.
    """
    parts = [
        _HEAD, *_commands(), *_settings(), *_layers(), *_types(), *_indicators(), *_standards(), *_packs(), *_tables(),
    ]  # fmt: skip
    return "\n".join(parts).rstrip() + "\n"


def _table(*columns: str) -> list[str]:
    """The two head lines of a table."""
    return ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]


def _row(*cells: object) -> str:
    """A table row; bars inside a cell are escaped."""
    texts = ["" if cell is None else str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells]
    return "| " + " | ".join(texts) + " |"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a command.

    Parameters
    ----------
    written : str
        How it is written, as Markdown.
    meaning : str
        Its help.
    variables : tuple of str
        Environment variables that set it.
    """

    written: str
    meaning: str
    variables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """One command that can be run.

    Parameters
    ----------
    name : str
        Full name.
    meaning : str
        First paragraph of its help.
    parameters : tuple of Parameter
        Its parameters.
    """

    name: str
    meaning: str
    parameters: tuple[Parameter, ...]


def commands() -> list[Command]:
    """Return every command, the program's own options first.

    Returns
    -------
    list of Command
        Commands, groups resolved.
    """
    return list(_walk(typer.main.get_command(app), "fangyu"))


def _walk(command: object, path: str) -> Iterator[Command]:
    """A command and what is below it; typer brings its own click, so its classes are not asked for."""
    children: Mapping[str, object] = getattr(command, "commands", {})
    parameters = tuple(_parameter(item) for item in getattr(command, "params", ()) if item.name != "help")
    if not children or parameters:
        meaning = (getattr(command, "help", None) or "").strip().split("\n\n")[0].replace("\n", " ")
        yield Command(path, meaning, parameters)
    for name, child in children.items():
        yield from _walk(child, f"{path} {name}")


def _parameter(item: object) -> Parameter:
    """An option or an argument."""
    names = [*getattr(item, "opts", ()), *getattr(item, "secondary_opts", ())]
    if getattr(item, "param_type_name", "") == "argument":
        names = [str(getattr(item, "name", "")).upper()]
    variables = getattr(item, "envvar", None) or ()
    return Parameter(
        ", ".join(f"`{name}`" for name in names),
        getattr(item, "help", None) or "",
        (variables,) if isinstance(variables, str) else tuple(variables),
    )


def _commands() -> Iterator[str]:
    """The command line."""
    yield "## 命令 · Commands\n"
    for command in commands():
        yield f"### `{command.name}`\n"
        yield command.meaning + "\n"
        if command.parameters:
            yield from _table("参数 parameter", "说明 meaning")
            for parameter in command.parameters:
                yield _row(parameter.written, parameter.meaning)
            yield ""


def _settings() -> Iterator[str]:
    """Environment variables."""
    found: dict[str, str] = {}
    for parameter in (parameter for command in commands() for parameter in command.parameters):
        for name in parameter.variables:
            found.setdefault(name, parameter.meaning)
    groups = (LimitSettings, AccountSettings, AttachmentSettings)
    for name, field in (item for group in groups for item in group.model_fields.items()):
        found[f"FANGYU_{name.upper()}"] = f"{field.description} [{field.default}]"
    yield "## 环境变量 · Settings\n"
    yield from _table("变量 variable", "说明 meaning")
    for name, meaning in sorted(found.items()):
        yield _row(f"`{name}`", meaning)
    yield ""


def _limit(limit: Threshold) -> str:
    """A threshold in one line."""
    unit = "" if limit.unit is None else f" {units()[limit.unit].title_en}"
    parts = [f"≥ {limit.minimum:g}" if limit.minimum is not None else ""]
    parts.append(f"≤ {limit.maximum:g}" if limit.maximum is not None else "")
    bounds = ", ".join(part for part in parts if part)
    measure = MEASURES.get(limit.measure)
    level = "" if limit.unit_level is None else f" ({limit.unit_level})"
    extra = "" if measure is None else f" [{measure}{level}]"
    source = f"{limit.citation_zh}, {limit.certainty}, {limit.severity}"
    return f"{limit.title_zh} {limit.title_en}: {bounds}{unit}{extra} — {source}"


def _attribute(attribute: Attribute) -> str:
    """An attribute in one line."""
    unit = "" if attribute.unit is None else f", {units()[attribute.unit].title_en}"
    chosen = ": " + " / ".join(choice.value for choice in attribute.choices) if attribute.choices else ""
    return f"`{attribute.name}` {attribute.title_zh} ({attribute.kind}{unit}{chosen})"


def _layers() -> Iterator[str]:
    """Yield the served layers with who may read them."""
    yield "\n## 图层 · Layers\n"
    yield from _table("Layer", "Title", "Read by", "Drawn from zoom", "Fields", "Note")
    for layer in map_layers().values():
        fields = ", ".join(f"`{name}` {field_titles()[name].title_zh}" for name in layer.fields)
        note = " ".join(filter(None, (layer.note_zh, layer.note_en)))
        title = f"{layer.title_zh} {layer.title_en}"
        yield _row(f"`{layer.name}`", title, ", ".join(sorted(layer.read)), layer.zoom, fields, note)


def _tables() -> Iterator[str]:
    """Yield the tables that may lose rows, each with its reason."""
    yield "## 可以减少行的表 · Tables that may lose rows\n"
    yield "其余的表只增不减：事实记录会终止、停用或撤回，但不删除。"
    yield "Every other table keeps its rows: records of fact end or are withdrawn, and stay.\n"
    yield from _table("表 table", "原因 reason")
    for table, (zh, en) in SHRINKING.items():
        yield _row(f"`{table}`", f"{zh} · {en}")
    yield ""


def _types() -> Iterator[str]:
    """Facility types, family by family."""
    yield "## 设施类型 · Facility types\n"
    for family in families().values():
        yield f"### {family.title_zh} · {family.title_en}\n"
        yield from _table(
            "slug", "代码 code", "名称 title", "容量 capacity", "属性 attributes", "阈值 thresholds"
        )
        for found in facility_types().values():
            if found.family == family.slug:
                yield _row(
                    f"`{found.slug}`",
                    found.code,
                    f"{found.title_zh} {found.title_en}",
                    units()[found.capacity_unit].title_en,
                    "<br>".join(_attribute(attribute) for attribute in found.attributes),
                    "<br>".join(_limit(limit) for limit in found.thresholds),
                )
        yield ""


def _indicators() -> Iterator[str]:
    """Indicators."""
    yield "## 指标 · Indicators\n"
    yield from _table("编号 id", "slug", "名称 title", "单位 unit", "公式 formula", "阈值 threshold")
    for found in indicators().values():
        titles = f"{found.title_zh} {found.title_en}"
        threshold = f"{found.threshold_zh} {found.threshold_en}" if found.threshold_en != "—" else "—"
        yield _row(
            found.id, f"`{found.slug}`", titles, units()[found.unit].title_en, f"`{found.formula}`", threshold
        )
    yield ""


def _clauses(standard: Standard) -> Iterator[str]:
    """The rows of one standard."""
    since = standard.valid_from or ""
    until = standard.valid_to or ""
    valid = f"{since} – {until}" if since or until else ""
    title = f"{standard.number + ' ' if standard.number else ''}{standard.title_zh} {standard.title_en}"
    for clause in standard.clauses.values():
        article = f"{clause.article} " if clause.article else ""
        values = []
        for value in clause.values:
            bounds = [f"≥ {value.minimum:g}" if value.minimum is not None else ""]
            bounds.append(f"≤ {value.maximum:g}" if value.maximum is not None else "")
            unit = "" if value.unit is None else f" {units()[value.unit].title_en}"
            case = f" ({value.applies_to})" if value.applies_to else ""
            values.append(f"`{value.quantity}` {', '.join(b for b in bounds if b)}{unit}{case}")
        text = f"{article}{clause.title_zh} {clause.title_en}"
        yield _row(f"`{standard.id}/{clause.id}`", title, text, "<br>".join(values), clause.certainty, valid)


def _standards() -> Iterator[str]:
    """National standards and the program's own parameters."""
    yield "## 标准与参数 · Standards and parameters\n"
    yield from _table(
        "引用 citation", "文件 document", "条款 clause", "数值 values", "确定性 certainty", "有效期 in force"
    )
    for standard in standards().values():
        yield from _clauses(standard)
    yield ""


def _packs() -> Iterator[str]:
    """Rules of provinces and cities."""
    yield "## 地方规则包 · Rule packs\n"
    for pack in packs():
        yield f"### {pack.title_zh} {pack.title_en} (`{pack.code}`, `data/packs/{pack.id}.toml`)\n"
        yield from _table(
            "引用 citation",
            "文件 document",
            "条款 clause",
            "数值 values",
            "确定性 certainty",
            "有效期 in force",
        )
        for document in pack.documents.values():
            yield from _clauses(document)
        yield ""
        if pack.thresholds:
            yield from _table("类型 type", "阈值 threshold")
            for limit in pack.thresholds:
                yield _row(f"`{limit.type}`", _limit(limit))
            yield ""


def main() -> int:
    """Write the files.

    Returns
    -------
    int
        Exit code.
    """
    TARGET.parent.mkdir(exist_ok=True)
    pages = {TARGET: reference()}
    pages |= {TARGET.with_name(name): authorization_page(language) for language, name in PAGES.items()}
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8", newline="\n")
        sys.stderr.write(f"{path.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
