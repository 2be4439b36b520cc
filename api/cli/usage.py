"""Wrong usage in words of ours: what typer says of a command line, in Chinese or in English."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import typer
from typer import _click
from typer._click.exceptions import (
    BadParameter,
    ClickException,
    MissingParameter,
    NoArgsIsHelpError,
    NoSuchOption,
    UsageError,
)

from geo.errors import InputError, Lang

_SHARED: Final = ("--store", "--lang", "--cache")


class WrongUsageError(UsageError):
    """A command that is worded wrongly, said in both languages.

    Parameters
    ----------
    message_zh, message_en : str
        What is wrong and what is allowed.
    """

    def __init__(self, message_zh: str, message_en: str) -> None:
        super().__init__(message_en, ctx=_click.globals.get_current_context(silent=True))
        self.message_zh = message_zh
        self.message_en = message_en


@contextmanager
def worded() -> Iterator[None]:
    """Take what is refused of a command's own words for wrong usage.

    Yields
    ------
    None
        Nothing.

    Raises
    ------
    WrongUsageError
        An option's value was refused.
    """
    try:
        yield
    except InputError as error:
        raise WrongUsageError(error.message_zh, error.message_en) from error


def shared_first(words: Sequence[str]) -> list[str]:
    """Bring the options that every command shares before the command, wherever they were written.

    Parameters
    ----------
    words : sequence of str
        The command line without the program.

    Returns
    -------
    list of str
        The same words in an order that typer reads.
    """
    first: list[str] = []
    rest: list[str] = []
    position = 0
    while position < len(words) and words[position] != "--":
        word = words[position]
        taken = 2 if word in _SHARED else 1
        is_shared = word.split("=", 1)[0] in _SHARED and position + taken <= len(words)
        (first if is_shared else rest).extend(words[position : position + taken])
        position += taken
    return [*first, *rest, *words[position:]]


def usage_messages(error: ClickException) -> tuple[str, str]:
    """Say what is wrong with a command line.

    Parameters
    ----------
    error : ClickException
        What typer raised.

    Returns
    -------
    tuple of str
        Chinese and English.
    """
    english = error.format_message()
    if isinstance(error, WrongUsageError):
        return error.message_zh, error.message_en
    if isinstance(error, MissingParameter):
        return f"缺少{_kind(error)} {_hint(error)}".rstrip(), english
    if isinstance(error, NoSuchOption):
        near = f"；是不是 {'、'.join(sorted(error.possibilities))}？" if error.possibilities else ""
        return f"没有选项 {error.option_name}{near}", english
    if isinstance(error, BadParameter):
        return f"{_kind(error)} {_hint(error)} 的值不对：{_plain_chinese(error.message)}", english
    return _plain_chinese(english), english


def tell_usage(error: ClickException, lang: Lang) -> None:
    """Write what is wrong with a command line, and how the command is used, to stderr.

    Parameters
    ----------
    error : ClickException
        What typer raised.
    lang : {"zh", "en"}
        Language.
    """
    if isinstance(error, NoArgsIsHelpError):
        typer.echo(error.message, err=True)
        return
    context = getattr(error, "ctx", None)
    if context is not None:
        typer.echo(context.get_usage(), err=True)
        ask = f"{context.command_path} --help"
        typer.echo(f"用法说明：{ask}\n" if lang == "zh" else f"Try '{ask}' for help.\n", err=True)
    zh, en = usage_messages(error)
    typer.echo(f"错误：{zh}" if lang == "zh" else f"Error: {en}", err=True)


def _kind(error: BadParameter) -> str:
    """Tell options from arguments."""
    return "参数" if getattr(error.param, "param_type_name", "") == "argument" else "选项"


def _hint(error: BadParameter) -> str:
    """Name an option or argument as a person writes it."""
    if error.param is None:
        return "、".join([error.param_hint] if isinstance(error.param_hint, str) else error.param_hint or [])
    if error.param.param_type_name == "argument":
        return f"{error.param.name}".upper()
    return " / ".join(error.param.opts)


_WORDS: Final = (
    (r"^Value error, (.*)", r"\1"),
    (r"Input should be greater than or equal to (\S+)", r"应不小于 \1"),
    (r"Input should be less than or equal to (\S+)", r"应不大于 \1"),
    (r"Input should be greater than (\S+)", r"应大于 \1"),
    (r"Input should be less than (\S+)", r"应小于 \1"),
    (r"Input should be a valid integer.*", "应为整数"),
    (r"Input should be a valid number.*", "应为数"),
    (r"Input should be a finite number.*", "应为有限的数"),
    (r"Input should be a valid boolean.*", "应为 true 或 false"),
    (r"Input should be a valid date.*", "应为日期"),
    (r"'(.*)' does not match the formats? '%Y-%m-%d'\.?", r"“\1”不是日期，应写成 年-月-日，如 2026-01-01"),
    (r"'(.*)' does not match the formats? (.*?)\.?$", r"“\1”不合格式 \2"),
    (r"'(.*)' is not one of (.*?)\.?$", r"“\1”不在可用值之内：\2"),
    (r"No such command '(.*)'\.", r"没有命令“\1”"),
    (r"Missing command\.", "缺少命令"),
    (r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", r"多出了参数：\1"),
    (r"Option '(.*)' requires (?:an argument|\d+ arguments)\.", r"选项 \1 后面应有一个值"),
    (r"Option '(.*)' does not take a value\.", r"选项 \1 不带值"),
    (r"Argument '(.*)' takes (\d+) values\.", r"参数 \1 应有 \2 个值"),
)


def _plain_chinese(message: str) -> str:
    """Put a message of typer's into Chinese; one that is not known stays, so that nothing is lost."""
    for pattern, chinese in _WORDS:
        message = re.sub(pattern, chinese, message, flags=re.DOTALL)
    return message


_HEADINGS: Final = {"Options": "选项", "Commands": "命令", "Arguments": "参数"}
_CELLS: Final = (
    ("Show this message and exit.", "显示本说明"),
    ("[required]", "[必填]"),
    ("[default: ", "[默认："),
    ("env var: ", "环境变量："),
    ("; required]", "；必填]"),
    ("; default: ", "；默认："),
)
_USAGE: Final = (("[OPTIONS]", "[选项]"), ("COMMAND [ARGS]...", "命令 [参数]..."))


class _ChineseFormatter(_click.HelpFormatter):
    """Help with Chinese headings."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the line of usage."""
        for english, chinese in _USAGE:
            args = args.replace(english, chinese)
        super().write_usage(prog, args, "用法：" if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        """Write a heading."""
        super().write_heading(_HEADINGS.get(heading, heading))

    def write_dl(self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write names with what they mean."""
        told = []
        for name, meaning in rows:
            for english, chinese in _CELLS:
                meaning = meaning.replace(english, chinese)
            told.append((name, meaning))
        super().write_dl(told, col_max, col_spacing)


class _ChineseContext(_click.Context):
    """A context whose help has Chinese headings."""

    formatter_class = _ChineseFormatter


def speak_chinese(command: _click.Command) -> None:
    """Let a command and those below it write their help in Chinese.

    Parameters
    ----------
    command : Command
        The command; changed.
    """
    command.context_class = _ChineseContext
    for below in getattr(command, "commands", {}).values():
        speak_chinese(below)
