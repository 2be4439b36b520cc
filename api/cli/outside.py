"""``fangyu outside …``: edits of published legal records that other programs made, and what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.output import State, acting, aligned, opened, print_json, state_of, transaction

if TYPE_CHECKING:
    from geo.services.outside_edit import Decision, HeldEdit

app = typer.Typer(help="系统之外对法定记录的修改 · Edits of legal records made outside.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="标准输出只有一个 JSON 对象 · one JSON object on stdout.")]
HoldId = Annotated[str, typer.Argument(help="编号，见 fangyu outside list · id, as listed.")]
Reason = Annotated[str, typer.Option("--reason", help="处理理由，记入审计 · why, for the audit.")]

_OPERATIONS = {"insert": ("新增", "inserted"), "update": ("修改", "changed"), "delete": ("删除", "deleted")}
_STATES = {"held": ("待审", "waits"), "accepted": ("已采纳", "accepted"), "restored": ("已恢复", "restored")}


@app.command("list")
def list_(
    context: typer.Context,
    state: Annotated[str, typer.Option("--state", help="held、accepted、restored 或 any · which of them.")] = "held",
    as_json: Json = False,
) -> None:
    """列出系统之外的修改，新的在前 · List edits made outside, newest first."""
    from geo.errors import InputError
    from geo.services.outside_edit import STATES, edit_json, list_edits

    told = state_of(context)
    if state not in (*STATES, "any"):
        allowed = (*STATES, "any")
        raise InputError(
            f"--state“{state}”无效；可选：{'、'.join(allowed)}", f"--state '{state}' is none of {', '.join(allowed)}"
        )
    with opened(told, actor=acting()) as store, store.session(write=False) as session:
        found = list_edits(session, state=None if state == "any" else state)
    if as_json:
        print_json({"outside_edits": [edit_json(one) for one in found]})
        return
    if not found:
        told.tell("没有系统之外的修改", "there are no edits made outside")
        return
    rows = [told.say("编号 图层 记录 操作 状态 发现时间 内容", "id layer record edit state found what").split()]
    for one in found:
        hold = one.hold
        moment = hold.found_at.astimezone().strftime("%Y-%m-%dT%H:%M")
        rows.append(
            [
                hold.hold_id, hold.layer, hold.feature_id, told.say(*_OPERATIONS[hold.operation]),
                told.say(*_STATES[hold.state]), moment, _summary(told, one),
            ]
        )  # fmt: skip
    for line in aligned(rows):
        typer.echo(line)


@app.command()
def show(context: typer.Context, hold_id: HoldId, as_json: Json = False) -> None:
    """显示一项修改的前后内容 · Show what was published, and what was made of it."""
    from geo.services.outside_edit import edit_json, get_edit

    told = state_of(context)
    with opened(told, actor=acting()) as store, store.session(write=False) as session:
        found = get_edit(session, hold_id)
    if as_json:
        print_json(edit_json(found, is_whole=True))
        return
    hold = found.hold
    typer.echo(
        f"{hold.hold_id}  {hold.layer}/{hold.feature_id}  {told.say(*_OPERATIONS[hold.operation])}  "
        f"{told.say(*_STATES[hold.state])}"
    )
    for name, change in found.changed.items():
        typer.echo(f"  {name}: {_shown(change['before'])} → {_shown(change['after'])}")
    if found.is_moved:
        typer.echo(told.say("  几何已变（--json 给出前后几何）", "  the geometry differs (--json gives both)"))
    if hold.problem is not None:
        told.tell(f"未能恢复公布内容：{hold.problem}", f"the published content could not be put back: {hold.problem}")
    if hold.reviewer is not None:
        typer.echo(f"  {hold.reviewer}: {hold.reason}")


@app.command()
def accept(context: typer.Context, hold_id: HoldId, reason: Reason, as_json: Json = False) -> None:
    """采纳：把修改后的内容发布为新版本 · Publish the edit as a new version."""
    _decide(context, hold_id, "accepted", reason, as_json=as_json)


@app.command()
def restore(context: typer.Context, hold_id: HoldId, reason: Reason, as_json: Json = False) -> None:
    """恢复：保留公布内容，关闭此项 · Keep what was published, and close the edit."""
    _decide(context, hold_id, "restored", reason, as_json=as_json)


def _decide(context: typer.Context, hold_id: str, decision: Decision, reason: str, *, as_json: bool) -> None:
    """Decide an edit and say how it stands."""
    from geo.services.facility import Editor
    from geo.services.outside_edit import decide_edit, edit_json

    told = state_of(context)
    with opened(told, actor=acting()) as store, transaction(store) as session:
        decided = decide_edit(session, hold_id, decision, tag=None, reason=reason, reviewer=Editor(acting()))
    uid = None if decided.version is None else decided.version.uid
    if as_json:
        print_json({**edit_json(decided.edit), "uid": uid})
        return
    feature = f"{decided.edit.hold.layer}/{decided.edit.hold.feature_id}"
    if decision == "accepted":
        told.tell(
            f"已采纳：{feature}，{'已终止' if uid is None else f'新版本 {uid}'}",
            f"accepted: {feature}, {'which has ended' if uid is None else f'new version {uid}'}",
        )
    else:
        told.tell(f"已恢复：{feature} 保留公布的内容", f"restored: {feature} stays as published")


def _summary(told: State, edit: HeldEdit) -> str:
    """Say in a few words what an edit is about."""
    parts = [
        f"{name}: {_shown(change['before'])} → {_shown(change['after'])}"
        for name, change in edit.changed.items()
        if edit.hold.operation == "update"
    ]
    if edit.is_moved and edit.hold.operation == "update":
        parts.append(told.say("几何", "geometry"))
    if edit.hold.problem is not None:
        parts.append(told.say("未能恢复！", "not put back!"))
    return told.say("；", "; ").join(parts) or "–"


def _shown(value: object) -> str:
    """Write a value on one line."""
    text = "–" if value is None else str(value)
    return "".join(sign if sign.isprintable() else "·" for sign in text)
