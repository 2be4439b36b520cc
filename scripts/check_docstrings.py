"""Validate the docstring of everything public in geo and api with numpydoc, and list every finding at once.

numpydoc's own lint reads source only and takes a dataclass's documented fields for unknown parameters; the
imported object knows them. Checks and exclusions stand in pyproject.toml, ``[tool.numpydoc_validation]``.
"""

from __future__ import annotations

import ast
import importlib
import re
import sys
import tomllib
import warnings
from collections.abc import Iterator
from pathlib import Path

from numpydoc.validate import validate

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("geo", "api")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Find every module.

    Yields
    ------
    tuple of (str, ast.Module)
        Dotted name and parsed source.
    """
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            yield name, ast.parse(path.read_text(encoding="utf-8"), str(path))


def public_names(module: ast.Module) -> Iterator[tuple[str, bool]]:
    """Find what a module defines for others, its classes' methods included.

    Parameters
    ----------
    module : ast.Module
        Parsed source.

    Yields
    ------
    tuple of (str, bool)
        Name such as ``Store`` or ``Store.close``, and whether parameters and result are to be documented: not for
        a class without fields or constructor of its own, nor for a command, whose options carry their own help.
        Underscored and nested names are left out.
    """
    for node in module.body:
        if isinstance(node, _FUNCTIONS) and not node.name.startswith("_"):
            yield node.name, not _is_command(node)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            methods = [item for item in node.body if isinstance(item, _FUNCTIONS)]
            has_constructor = any(item.name == "__init__" for item in methods)
            yield node.name, has_constructor or any(_is_field(item) for item in node.body)
            for item in methods:
                is_setter = any(ast.unparse(mark).endswith(".setter") for mark in item.decorator_list)
                if not item.name.startswith("_") and not is_setter:
                    yield f"{node.name}.{item.name}", True


def _is_command(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function is run by typer: its options are documented where they are declared."""
    marks = [argument.annotation for argument in node.args.args if argument.annotation is not None]
    return any(ast.unparse(mark) == "typer.Context" for mark in marks)


def _is_field(item: ast.stmt) -> bool:
    """Whether a statement declares a constructor's parameter; columns and class variables are none."""
    if not isinstance(item, ast.AnnAssign):
        return False
    return not ast.unparse(item.annotation).startswith(("ClassVar", "Mapped", "orm.Mapped"))


def is_inherited(module: object, name: str) -> bool:
    """Tell whether a method answers to a library's contract, which documents it.

    Parameters
    ----------
    module : module
        The module.
    name : str
        Such as ``GeometryColumn.process_bind_param``.

    Returns
    -------
    bool
        True if a base class outside this project has a method of that name.
    """
    owner, _, method = name.partition(".")
    bases = getattr(getattr(module, owner), "__mro__", ())[1:] if method else ()
    return any(base.__module__.split(".")[0] not in PACKAGES and method in vars(base) for base in bases)


def silent_fields(owner: object) -> list[str] | None:
    """Return the fields of a pydantic model that say nothing of themselves.

    Parameters
    ----------
    owner : object
        Anything public.

    Returns
    -------
    list of str or None
        Fields without a description, which is what people see of them; None where it is no model.
    """
    fields = getattr(owner, "model_fields", None)
    if not isinstance(owner, type) or not isinstance(fields, dict):
        return None
    return [
        name
        for name, field in fields.items()
        if not field.description and not hasattr(field.annotation, "model_fields")
    ]


def findings() -> Iterator[str]:
    """Validate everything public.

    Yields
    ------
    str
        One line a finding; a module that cannot be imported is one.
    """
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["numpydoc_validation"]
    wanted = set(settings["checks"])
    excluded = [re.compile(pattern) for pattern in settings["exclude"]]
    for module_name, source in modules():
        if any(pattern.search(module_name) for pattern in excluded):
            continue
        try:
            module = importlib.import_module(module_name)
        except ImportError as error:
            yield f"{module_name}: {error}"
            continue
        for name, has_parameters in public_names(source):
            full = f"{module_name}.{name}"
            silent = silent_fields(getattr(module, name, None))
            if silent:
                yield f"{full}: fields without a description: {', '.join(silent)}"
            is_whole = has_parameters and silent is None and not is_inherited(module, name)
            if any(pattern.search(full) for pattern in excluded):
                continue
            with warnings.catch_warnings():
                # Sections in an unusual order are warned about and reported as a check besides.
                warnings.simplefilter("ignore")
                found = validate(full)
            for code, message in found["errors"]:
                if code in wanted and (is_whole or not code.startswith(("PR", "RT"))):
                    file = Path(found["file"]).relative_to(ROOT).as_posix()
                    yield f"{file}:{found['file_line']}: {full} {code} {message}"


def main() -> int:
    """List the findings.

    Returns
    -------
    int
        0 without findings, else 1.
    """
    lines = list(findings())
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
