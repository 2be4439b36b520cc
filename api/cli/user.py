"""``fangyu user …``: accounts, from the machine the store lies on; whoever has the store itself needs none."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from api.cli.output import State, acting, aligned, opened, print_json, state_of, transaction

app = typer.Typer(help="账户 · Accounts.", no_args_is_help=True)
Login = Annotated[str, typer.Argument(help="账号 · login.")]
Json = Annotated[bool, typer.Option("--json", help="标准输出只有一个 JSON 对象 · one JSON object on stdout.")]
Roles = Annotated[list[str] | None, typer.Option("--role", help="角色，可多次给出 · role, repeatable.")]
District = Annotated[
    str | None, typer.Option("--district", help="辖区的区划代码，默认全域 · division code the roles are limited to.")
]
Name = Annotated[str, typer.Option("--name", help="姓名 · the person's name.")]


@app.command()
def init(
    context: typer.Context,
    login: Login,
    name: Name,
    role: Annotated[
        str, typer.Option("--role", help="角色 · role; the first one runs the system.")
    ] = "system_administrator",
    from_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="从标准输入读口令 · read the password from stdin.")
    ] = False,
) -> None:
    """建立首个账户：实名管理员，自设口令 · Make the first account, a named administrator."""
    from api.settings import AccountSettings
    from geo.catalog.role import ROLE_TITLES
    from geo.errors import ConflictError
    from geo.services.account import NewAccount, add_account, has_accounts

    state = state_of(context)
    profile = AccountSettings().rules().profile
    with opened(state, actor=acting()) as store:
        with store.session(write=False) as session:
            if has_accounts(session):
                raise ConflictError(
                    "已有账户；请用 fangyu user add 新增", "there are accounts already; add others with fangyu user add"
                )
        password = _password(state, from_stdin=from_stdin)
        with transaction(store) as session:
            new = NewAccount(login, name, frozenset({role}))
            record, _ = add_account(session, new, profile=profile, actor=acting(), password=password)
    zh, en = ROLE_TITLES[role]
    state.tell(
        f"已建立账户 {record.login}（{record.name}，{zh}）。", f"made account {record.login} ({record.name}, {en})."
    )
    state.tell(
        "系统、安全、审计管理员须由不同的人担任：请再用 fangyu user add --role security_administrator 和 "
        "--role audit_administrator 各建一名。",
        "system, security and audit administrators are different people: add the other two with fangyu user add "
        "--role security_administrator and --role audit_administrator.",
    )


@app.command()
def add(
    context: typer.Context, login: Login, name: Name, role: Roles = None, district: District = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """新增账户，给出首次口令 · Add an account, with a first password that serves for setting another."""
    from api.settings import AccountSettings
    from geo.services.account import NewAccount, add_account

    state = state_of(context)
    profile = AccountSettings().rules().profile
    new = NewAccount(login, name, frozenset(role or ()), district)
    with opened(state, actor=acting()) as store, transaction(store) as session:
        record, made = add_account(session, new, profile=profile, actor=acting())
    _show_password(state, record.login, made, as_json=as_json)


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """列出账户 · List the accounts."""
    from geo.catalog.role import ROLE_TITLES
    from geo.store import accounts

    state = state_of(context)
    with opened(state, actor=acting()) as store, store.session(write=False) as session:
        records = accounts.every(session)
    if as_json:
        listed = [
            {
                "login": one.login, "name": one.name, "roles": sorted(one.roles), "district": one.district,
                "is_active": one.is_active, "has_second_factor": one.totp_secret is not None,
                "created_at": one.created_at, "created_by": one.created_by,
            }
            for one in records
        ]  # fmt: skip
        print_json({"accounts": listed})
        return
    rows = [state.say("账号 姓名 角色 辖区 状态 第二因素", "login name roles district state second-factor").split()]
    for one in records:
        titles = [ROLE_TITLES[role][state.lang == "en"] for role in sorted(one.roles)]
        rows.append(
            [
                one.login, one.name, state.say("、", ", ").join(titles) or "–", one.district or "–",
                state.say("启用", "open") if one.is_active else state.say("停用", "closed"),
                state.say("有", "yes") if one.totp_secret else state.say("无", "no"),
            ]
        )  # fmt: skip
    for line in aligned(rows):
        typer.echo(line)


@app.command()
def grant(context: typer.Context, login: Login, role: Roles = None, district: District = None) -> None:
    """设定角色与辖区；未给出的即收回 · Set roles and district; what is not given is taken away."""
    _change(context, login, {"roles": frozenset(role or ()), "district": district})


@app.command()
def close(context: typer.Context, login: Login) -> None:
    """停用账户；记录不删除 · Close an account; nothing is removed."""
    _change(context, login, {"is_active": False})


@app.command("open")
def open_(context: typer.Context, login: Login) -> None:
    """重新启用账户 · Open a closed account again."""
    _change(context, login, {"is_active": True})


@app.command()
def password(context: typer.Context, login: Login, as_json: Json = False) -> None:
    """重置口令，给出首次口令 · Reset a password to one that serves for setting another."""
    from api.settings import AccountSettings
    from geo.services.account import reset_password

    state = state_of(context)
    profile = AccountSettings().rules().profile
    with opened(state, actor=acting()) as store, transaction(store) as session:
        made = reset_password(session, login, profile=profile, actor=acting())
    _show_password(state, login, made, as_json=as_json)


@app.command()
def unlock(context: typer.Context, login: Login) -> None:
    """解除登录锁定 · Let somebody try again who was locked out."""
    from geo.services import account

    state = state_of(context)
    with opened(state, actor=acting()) as store, transaction(store) as session:
        found = account.unlock(session, login, actor=acting())
    state.tell(f"已解锁 {login}（{found} 个来源地址）", f"unlocked {login} ({found} addresses)")


@app.command(name="drop-factor")
def drop_factor(context: typer.Context, login: Login) -> None:
    """停用遗失的动态验证码，结束其会话 · Turn off a second factor that was lost; sessions end."""
    from geo.services.account import drop_second_factor

    state = state_of(context)
    with opened(state, actor=acting()) as store, transaction(store) as session:
        was_on = drop_second_factor(session, login, actor=acting())
    if was_on:
        state.tell(f"已停用 {login} 的动态验证码，会话已结束", f"{login}: second factor off, sessions ended")
    else:
        state.tell(f"{login} 没有设置动态验证码", f"{login} has no second factor")


def _change(context: typer.Context, login: str, values: dict[str, object]) -> None:
    """Change an account and say how it stands."""
    from geo.services.account import change_account

    state = state_of(context)
    with opened(state, actor=acting()) as store, transaction(store) as session:
        record = change_account(session, login, tag=None, values=values, actor=acting())
    roles, district = ", ".join(sorted(record.roles)) or "–", record.district or "–"
    state.tell(
        f"{record.login}：{'启用' if record.is_active else '停用'}，角色 {roles}，辖区 {district}",
        f"{record.login}: {'open' if record.is_active else 'closed'}, roles {roles}, district {district}",
    )


def _password(state: State, *, from_stdin: bool) -> str:
    """Ask for a password twice, or read it from where a script gives it."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt(state.say("口令", "password"), hide_input=True, confirmation_prompt=True, err=True))


def _show_password(state: State, login: str, made: str | None, *, as_json: bool) -> None:
    """Show a password that is kept nowhere."""
    if as_json:
        print_json({"login": login, "password": made})
        return
    state.tell(
        f"账户 {login} 的首次口令（只显示这一次，首次登录后须修改）：",
        f"first password of {login} (shown this once; it has to be changed at the first login):",
    )
    typer.echo(made)
