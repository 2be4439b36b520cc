"""``fangyu import …``: streets, facilities, demand, divisions, land; the list of imports; undoing one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.output import State, aligned, opened, print_json, state_of, tell_problems, transaction
from api.cli.usage import WrongUsageError, worded

if TYPE_CHECKING:
    from geo.services.import_report import ImportOptions, ImportReport
    from geo.services.importing import ImportPlan
    from geo.store import Store

app = typer.Typer(help="导入文件、查看和撤销导入 · Import files, list and undo imports.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="要导入的文件 · file to import.", show_default=False)]
Datum = Annotated[
    str | None,
    typer.Option(
        "--datum",
        help="坐标基准：cgcs2000、wgs84、gcj02、bd09 或 EPSG:编号；文件自带坐标系时可省略 · "
        "datum, unless the file declares it.",
    ),
]
Mapping_ = Annotated[
    list[str] | None,
    typer.Option("--map", help="列对应关系 列名=字段，可重复 · COLUMN=FIELD, repeatable."),
]
Source = Annotated[
    str | None,
    typer.Option("--source", help="来源名称，再次导入按来源比对；默认文件名 · source, the unit of re-import."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="只检查并显示差异，不写入 · show what would change, store nothing.")
]
SkipBad = Annotated[
    bool,
    typer.Option("--skip-bad", help="写入合格行并列出其余各行 · store the good rows and list the others."),
]
Json = Annotated[bool, typer.Option("--json", help="标准输出只有一个 JSON 对象 · one JSON object on stdout.")]
Layer = Annotated[
    str | None,
    typer.Option("--layer", help="GeoPackage 图层或 XLSX 工作表 · layer of a GeoPackage or sheet of an XLSX."),
]


Helmert = Annotated[
    str | None,
    typer.Option(
        "--helmert",
        help="1954/1980 坐标的七参数 dx,dy,dz,rx,ry,rz,ds（米、秒、ppm）· seven parameters for 1954/1980 coordinates.",
    ),
]
Encoding = Annotated[
    str | None, typer.Option("--encoding", help="文件编码，默认自动识别 · text encoding, detected by default.")
]


def _options(
    file: Path,
    *,
    datum: str | None = None,
    mapping: list[str] | None = None,
    source: str | None = None,
    layer: str | None = None,
    helmert: str | None = None,
    encoding: str | None = None,
    skip_bad: bool = False,
) -> ImportOptions:
    """Turn the shared options into the services' form."""
    from geo.services.import_report import ImportOptions, parse_mapping

    return ImportOptions(
        path=file,
        source=source or file.name,
        datum=datum,
        mapping=parse_mapping(mapping or ()),
        layer=layer,
        helmert=helmert,
        encoding=encoding,
        skip_bad=skip_bad,
        actor="cli",
    )


def _tell(state: State, report: ImportReport, *, dry_run: bool, as_json: bool) -> None:
    """Print what an import did."""
    for zh, en in report.summary(dry_run=dry_run):
        state.tell(zh, en)
    tell_problems(report.problems, state.lang)
    if as_json:
        print_json(report.to_json(dry_run=dry_run))


Planner = Callable[..., "ImportPlan"]


def _shared(
    file: File,
    datum: Datum = None,
    mapping: Mapping_ = None,
    source: Source = None,
    layer: Layer = None,
    helmert: Helmert = None,
    encoding: Encoding = None,
    dry_run: DryRun = False,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Stand for the options of every import; only the signature counts."""


def _importer(use: Planner) -> Planner:
    """Make a command of a plan: the shared options and its own, one transaction, and the report told."""
    # Names that only the type checker knows are none of typer's business.
    unknown = {"ImportPlan": object, "ImportOptions": object}
    own = list(inspect.signature(use, eval_str=True, locals=unknown).parameters.values())[1:]
    shared = list(inspect.signature(_shared, eval_str=True).parameters.values())
    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)

    def run(**words: Any) -> None:
        state = state_of(words.pop("context"))
        chosen = {parameter.name: words.pop(parameter.name) for parameter in own}
        dry_run, as_json = words.pop("dry_run"), words.pop("as_json")
        with worded():
            options = _options(**words)
        with opened(state, missing="pretend" if dry_run else "create") as store:
            report = _done(store, use(options, **chosen), dry_run=dry_run)
            if report.layer == "street_segments" and report.changed_anything and not dry_run:
                _compile(state, store)
        _tell(state, report, dry_run=dry_run, as_json=as_json)

    parameters = [context, *shared, *(one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own)]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    app.command(name=use.__name__.lstrip("_"), help=use.__doc__)(run)
    return use


def _done(store: Store, plan: ImportPlan, *, dry_run: bool) -> ImportReport:
    """Carry out a plan, or rehearse it; the file is read before the store's one writer is asked for."""
    from geo.services.importing import carry_out, read_plan, rehearse

    with store.session(write=False) as session:
        if dry_run:
            return rehearse(session, plan)
        read = read_plan(session, plan)
    with store.session() as session:
        return carry_out(session, plan, read)


def _compile(state: State, store: Store) -> None:
    """Compile the network right after its streets have changed, and say how large it is."""
    from geo.services.network import open_network

    with store.session(write=False) as session:
        network = open_network(session, state.cache_dir())
    state.tell(
        f"路网已编译：{network.n_nodes:,} 个节点，{network.n_edges:,} 条步行路段",
        f"network compiled: {network.n_nodes:,} nodes, {network.n_edges:,} walkable edges",
    )


@_importer
def _streets(options: ImportOptions) -> ImportPlan:
    """导入道路：OSM 提取文件或道路中心线 · Import streets: an OSM extract or centrelines."""
    from geo.services.import_plan import plan_streets

    return plan_streets(options)


@_importer
def _facilities(
    options: ImportOptions,
    facility_type: Annotated[
        str | None,
        typer.Option("--type", help="设施类型，如 senior_canteen；文件有“类型”列时可省略 · facility type."),
    ] = None,
) -> ImportPlan:
    """导入设施 · Import facilities."""
    from geo.services.import_plan import plan_facilities

    return plan_facilities(options, facility_type=facility_type)


@_importer
def _demand(
    options: ImportOptions,
    areas: Annotated[
        str | None,
        typer.Option(
            "--areas",
            help="没有坐标的社区人数表：社区面文件，或 divisions 表示库内村级区划；人数沿面内居住道路分摊 · "
            "community polygons of a table without positions, or 'divisions'.",
        ),
    ] = None,
    areas_datum: Annotated[
        str | None, typer.Option("--areas-datum", help="社区面的坐标基准 · datum of the polygons.")
    ] = None,
    population: Annotated[
        str,
        typer.Option("--population", help="人口口径：resident、registered 或 unstated · kind of population."),
    ] = "unstated",
    year: Annotated[int | None, typer.Option("--year", help="数据年份 · year of the data.")] = None,
) -> ImportPlan:
    """导入老年人需求点、格网或社区人数表 · Import demand points, cells or a table per community."""
    from geo.services.import_plan import plan_demand

    if population not in ("resident", "registered", "unstated"):
        raise WrongUsageError(
            f"--population {population}：可用 resident（常住）、registered（户籍）、unstated（未说明）",
            f"--population {population}: allowed are resident, registered and unstated",
        )
    return plan_demand(options, population=population, year=year, areas=areas, areas_datum=areas_datum)


@_importer
def _divisions(
    options: ImportOptions,
    level: Annotated[
        str | None,
        typer.Option(
            "--level",
            help="级别 province|prefecture|county|township|village；文件有级别列或代码可判时可省略 · level.",
        ),
    ] = None,
) -> ImportPlan:
    """导入行政区划面 · Import administrative divisions."""
    from geo.services.import_plan import plan_divisions

    return plan_divisions(options, level=level)


@_importer
def _land(options: ImportOptions) -> ImportPlan:
    """导入居住用地面 · Import residential land."""
    from geo.services.import_plan import plan_land

    return plan_land(options)


@_importer
def _footprints(options: ImportOptions) -> ImportPlan:
    """导入设施轮廓面 · Import facility footprints."""
    from geo.services.import_plan import plan_footprints

    return plan_footprints(options)


@app.command(name="list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """列出全部导入 · List all imports."""
    from geo.services.import_log import list_imports

    state = state_of(context)
    with opened(state) as store, store.session(write=False) as session:
        records = list_imports(session)
    if as_json:
        print_json({"imports": records})
        return
    titles = state.say(
        "编号 图层 来源 文件 时间 新增 变更 终止 拒绝 状态",
        "id layer source file time added changed closed refused state",
    )
    names = ("import_id", "layer", "source", "file", "started_at", "added", "changed", "closed", "rows_refused")
    rows = [titles.split()]
    for record in records:
        done = state.say("已撤销", "undone") if record["undone_at"] else ""
        words = [str(record[name]) for name in names]
        rows.append([*([_LISTED.get(word, word) for word in words] if state.lang == "zh" else words), done])
    for line in aligned(rows):
        typer.echo(line)


_LISTED = {
    "admin_divisions": "行政区划",
    "facilities": "设施",
    "facility_footprints": "设施用地",
    "street_segments": "道路",
    "residential_land": "居住用地",
    "demand_points": "需求点",
    "gates": "小区门",
    "barriers": "围墙",
    "hand": "人工录入",
    "facility created": "登记设施",
    "facility edited": "修改设施",
    "facility closed": "停用设施",
    "facility reopened": "恢复设施",
    "None": "–",
}
"""What stands in the list in Chinese."""


@app.command()
def undo(
    context: typer.Context,
    import_id: Annotated[int, typer.Argument(help="导入编号，见 import list · number of the import.")],
    as_json: Json = False,
) -> None:
    """撤销某来源最近一次导入；不删除任何行 · Undo the newest import of a source; nothing is deleted."""
    from geo.services.import_log import undo_import

    state = state_of(context)
    with opened(state) as store, transaction(store) as session:
        result = undo_import(session, import_id, actor="cli")
    state.tell(
        f"导入 {import_id} 已撤销：{result['withdrawn']} 行失效，{result['reopened']} 行恢复",
        f"import {import_id} undone: {result['withdrawn']} rows withdrawn, {result['reopened']} restored",
    )
    if as_json:
        print_json(result)
