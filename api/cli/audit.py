"""``fangyu audit …``: checking the audit, writing it out, listing it, noting its head, letting old months go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import EXIT_REFUSED, opened, print_json, state_of

app = typer.Typer(help="审计日志 · The audit log.", no_args_is_help=True)

_Json = Annotated[bool, typer.Option("--json", help="标准输出只有一个 JSON 对象.")]
_Since = Annotated[
    datetime | None,
    typer.Option("--since", formats=["%Y-%m-%d"], help="自此日起（本地时间） · from this day on, local time."),
]
_Until = Annotated[
    datetime | None,
    typer.Option("--until", formats=["%Y-%m-%d"], help="至此日止（含当日） · up to this day, itself included."),
]


@app.command()
def verify(
    context: typer.Context,
    against: Annotated[
        Path | None,
        typer.Option("--against", help="先前导出的链头（head、export 或 audit-heads.txt） · heads exported earlier."),
    ] = None,
    as_json: _Json = False,
) -> None:
    """校验审计链；有问题时退出码为 3 · Check the chain; exits with 3 where something is wrong."""
    from geo.services.audit import read_heads, verify_audit, verify_cases
    from geo.services.audit_read import verified_json

    state = state_of(context)
    with opened(state) as store, store.session(write=False) as session:
        heads = [] if against is None else read_heads(against, store.store_id)
        found = verify_audit(session, heads)
        wrong_cases = verify_cases(session)
    for one in found.findings:
        state.tell(f"✗ {one.message_zh}", f"✗ {one.message_en}")
    for wrong in wrong_cases:
        state.tell(f"✗ {wrong.message_zh}", f"✗ {wrong.message_en}")
    if not found.findings:
        state.tell(
            f"审计完好：{found.checked:,} 条记录，链头 {found.head.count} {found.head.chain or '-'}",
            f"the audit is whole: {found.checked:,} entries, head {found.head.count} {found.head.chain or '-'}",
        )
    if found.not_checked:
        state.tell(
            f"{found.not_checked} 个先前的链头落在已依规清除的记录中，无法核对",
            f"{found.not_checked} earlier heads lie among entries that were purged by right and cannot be compared",
        )
    if as_json:
        print_json(verified_json(found, wrong_cases, heads=len(heads)))
    if found.findings or wrong_cases:
        raise typer.Exit(EXIT_REFUSED)


@app.command()
def export(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", help="输出文件（.jsonl 或 .csv） · output file.")],
    form: Annotated[str | None, typer.Option("--format", help="jsonl、csv；缺省按扩展名 · by the suffix.")] = None,
    since: _Since = None,
    until: _Until = None,
    as_json: _Json = False,
) -> None:
    """导出审计记录 · Write entries to a file."""
    from geo.services.audit import export_audit

    state = state_of(context)
    chosen = form or ("csv" if out.suffix.lower() == ".csv" else "jsonl")
    begin, end = _days(since, until)
    with opened(state) as store:
        number = export_audit(store, out, form=chosen, since=begin, until=end)
    state.tell(f"已写出 {out}：{number:,} 条记录", f"wrote {out}: {number:,} entries")
    if as_json:
        print_json({"out": str(out), "format": chosen, "entries": number})


@app.command()
def head(context: typer.Context, as_json: _Json = False) -> None:
    """打印链头：日期、条数、链值 · Print the head: date, count and hash."""
    from geo.services.audit import head_line

    state = state_of(context)
    with opened(state) as store, store.session(write=False) as session:
        line = head_line(store, session)
    if as_json:
        at, count, chain, store_id = line.split()
        print_json({"at": at, "count": int(count), "chain": chain, "store_id": store_id})
    else:
        typer.echo(line)


@app.command(name="list")
def list_(
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", min=1, help="最多条数 · at most so many.")] = 50,
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind", help="decision、import、edit、login、export、refusal、administration、system · kind of entry."
        ),
    ] = None,
    actor: Annotated[str | None, typer.Option("--actor", help="只看某人 · only of somebody.")] = None,
    since: _Since = None,
    until: _Until = None,
    as_json: _Json = False,
) -> None:
    """列出审计记录，新的在前 · List entries, newest first."""
    from geo.services.audit import list_audit

    state = state_of(context)
    begin, end = _days(since, until)
    with opened(state) as store, store.session(write=False) as session:
        found = list_audit(session, limit=limit, since=begin, until=end, kind=kind, actor=actor)
    if as_json:
        print_json({"entries": found})
        return
    for one in found:
        names = ("seq", "at", "kind", "outcome", "actor", "action", "subject")
        # One line an entry, whatever somebody wrote into it.
        typer.echo("  ".join("".join(c if c.isprintable() else "·" for c in str(one[name])) for name in names))


@app.command()
def purge(
    context: typer.Context,
    older_than_days: Annotated[
        int, typer.Option("--older-than-days", help="清除结束于多少天前的月份，不少于 180 · months ended so long ago.")
    ] = 400,
    as_json: _Json = False,
) -> None:
    """封存已结束的月份并清除过期记录 · Seal months that are over and remove entries of old ones."""
    from geo.services.audit import purge_audit

    state = state_of(context)
    with opened(state) as store:
        number = purge_audit(store, older_than_days=older_than_days)
    state.tell(f"已清除 {number:,} 条过期的审计记录", f"{number:,} old entries were removed")
    if as_json:
        print_json({"removed": number, "older_than_days": older_than_days})


def _days(since: datetime | None, until: datetime | None) -> tuple[datetime | None, datetime | None]:
    """Return the first moment of the one day and the first after the other."""
    begin = None if since is None else since.astimezone(UTC)
    return begin, None if until is None else (until + timedelta(days=1)).astimezone(UTC)
