"""Tell griffe, which reads the sources for the API pages, two conventions of this package.

An explicit export `from .x import X as X` is public; and the fields of an `equinox.Module` without an
`__init__` of its own are the arguments of its constructor.
"""

import ast
from typing import Any

import griffe


class Exports(griffe.Extension):
    """The extension that mkdocstrings loads."""

    def on_module_members(self, *, node: ast.AST | griffe.ObjectNode, mod: griffe.Module, **_: Any) -> None:
        """List the explicit exports of a module as if it had an `__all__`."""
        if not isinstance(node, ast.Module) or mod.exports is not None:
            return
        imports = [part for part in node.body if isinstance(part, ast.ImportFrom) and part.module]
        names = [a.name for part in imports for a in part.names if a.asname == a.name]
        if names:
            mod.exports = list(names)

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Let an exported function stand where the file of the same name would hide it."""
        for floor in pkg.modules.values():
            for name in map(str, floor.exports or []):
                # Found while the files are still there to be looked in.
                if isinstance(member := floor.members[name], griffe.Alias):
                    member.resolve_target()
            for name in map(str, floor.exports or []):
                module = floor.members[name]
                if not module.is_alias and module.is_module and name in module.members:
                    floor.members[name] = griffe.Alias(name, module.members[name], parent=floor)

    def on_class_members(self, *, node: ast.AST | griffe.ObjectNode, cls: griffe.Class, **_: Any) -> None:
        """Give a class without `__init__` the signature that its annotated fields stand for."""
        cls.members.pop("__check_init__", None)  # a dunder counts as public, but nobody calls this one
        if not isinstance(node, ast.ClassDef) or "__init__" in cls.members:
            return
        fields = [
            part
            for part in node.body
            if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name) and _is_argument(part)
        ]
        if not fields:
            return
        parameters = [griffe.Parameter("self", kind=griffe.ParameterKind.positional_or_keyword)]
        parameters += [
            griffe.Parameter(
                part.target.id,  # pyright: ignore[reportAttributeAccessIssue]
                annotation=cls.members[part.target.id].annotation,  # pyright: ignore[reportAttributeAccessIssue]
                kind=griffe.ParameterKind.positional_or_keyword,
                default=_default(part),
            )
            for part in fields
        ]
        init = griffe.Function("__init__", parameters=griffe.Parameters(*parameters), lineno=node.lineno)
        cls.set_member("__init__", init)


def _is_argument(part: ast.AnnAssign) -> bool:
    annotation = ast.unparse(part.annotation)
    keywords = part.value.keywords if isinstance(part.value, ast.Call) else []
    excluded = any(k.arg == "init" and ast.unparse(k.value) == "False" for k in keywords)
    return not excluded and not any(word in annotation for word in ("AbstractVar", "ClassVar"))


def _default(part: ast.AnnAssign) -> str | None:
    if part.value is None:
        return None
    if isinstance(part.value, ast.Call):
        given = [k for k in part.value.keywords if k.arg in ("default", "default_factory")]
        return ast.unparse(given[0].value) if given else None
    return ast.unparse(part.value)
