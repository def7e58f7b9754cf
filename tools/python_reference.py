#!/usr/bin/env python3
"""The reference of the Python package as one page: python_reference.py FILE.html. Read from the sources, so that neither
the library nor numpy need be there. Ends with 1 when a public name has no words, or words name an argument that is none."""

from __future__ import annotations

import ast
import html
import re
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "python" / "innerloop_meta"
STYLE = """body { font: 16px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222; background: #fff }
code, pre { font: 14px/1.45 monospace } pre.text { white-space: pre-wrap } h3 { margin: 1.6em 0 .3em }
h3 code, h4 code { background: #eef3f8; padding: .15em .4em } h4 { margin: 1em 0 .2em; font-weight: normal }
section section { margin-left: 2em } nav a { margin-right: .8em } table { border-spacing: 0 } td { padding: .2em .8em .2em 0;
vertical-align: top; border-top: 1px solid #ddd }"""
wrong: list[str] = []


def text_of(module: str) -> str:
    return (PACKAGE / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")


def source_of(module: str) -> ast.Module:
    return ast.parse(text_of(module))


def top(module: str) -> dict[str, ast.stmt]:
    """What a module defines; of an overloaded function the last, which has the words."""
    return {node.name: node for node in source_of(module).body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}


def words(text: str) -> str:
    """A docstring as HTML: paragraphs, and code as it stands."""
    shown = html.escape(text, quote=False)
    shown = re.sub(r"``(.+?)``", r"<code>\1</code>", shown)
    shown = re.sub(r"`(\w+)`", r'<a href="#\1"><code>\1</code></a>', shown)
    return f'<pre class="text">{shown}</pre>'


def doc_of(node: ast.stmt, name: str, arguments: list[str]) -> str:
    text = ast.get_docstring(node) or ""  # type: ignore[arg-type]
    if not text:
        wrong.append(f"{name} has no words")
    part = re.search(r"^Args:\n((?: +.*\n?|\n)*)", text, re.MULTILINE)
    for line in part.group(1).splitlines() if part else []:
        found = re.match(r" {4}(\w+(?:, \w+)*): ", line)
        for argument in found.group(1).split(", ") if found else []:
            if argument not in arguments:
                wrong.append(f"{name} has no argument {argument}, which its words name")
    return text


def signature(node: ast.FunctionDef, name: str, method: bool) -> str:
    made = ast.parse(ast.unparse(node)).body[0]
    assert isinstance(made, ast.FunctionDef)
    if method and made.args.args and made.args.args[0].arg in ("self", "cls"):
        del made.args.args[0]
    result = f" -> {ast.unparse(made.returns)}" if made.returns and name != "__init__" else ""
    return f"({ast.unparse(made.args)}){result}".replace("self.", "")


def arguments_of(node: ast.FunctionDef) -> list[str]:
    a = node.args
    return [x.arg for x in (*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg)))]


def entry(name: str, sign: str, text: str, level: int = 3, anchor: str = "") -> str:
    shown = f"<code><b>{html.escape(name)}</b>{html.escape(sign, quote=False)}</code>"
    return f'<h{level} id="{anchor or name}">{shown}</h{level}>\n{words(text)}\n'


def function(node: ast.FunctionDef, name: str, method: bool = False) -> str:
    text = doc_of(node, name, arguments_of(node))
    kind = [ast.unparse(d) for d in node.decorator_list]
    sign = "" if "property" in kind else signature(node, node.name, method)
    return entry(name.rpartition(".")[2] if method else name, sign, text, 4 if method else 3, name)


def fields(node: ast.ClassDef, lines: list[str]) -> str:
    """Attributes that say what they are behind #: or in a text below."""
    rows = []
    for i, item in enumerate(node.body):
        if not isinstance(item, ast.AnnAssign) or not isinstance(item.target, ast.Name) or item.target.id.startswith("_"):
            continue
        note = lines[item.end_lineno - 1].partition("#: ")[2]  # type: ignore[operator]
        after = node.body[i + 1] if i + 1 < len(node.body) else None
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            note = str(after.value.value)
        rows.append(f"<tr><td><code>{item.target.id}: {html.escape(ast.unparse(item.annotation))}</code></td>"
                    f"<td>{html.escape(note)}</td></tr>")  # fmt: skip
    return f"<table>{''.join(rows)}</table>\n" if rows else ""


def of_class(node: ast.ClassDef, module: str, found: dict[str, ast.stmt], name: str) -> str:
    owners = [node] + [found[b.id] for b in node.bases if isinstance(b, ast.Name) and b.id.startswith("_") and b.id in found]
    init = next((n for owner in owners for n in owner.body  # type: ignore[attr-defined]
                 if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)  # fmt: skip
    text = doc_of(node, name, arguments_of(init) if init else [])
    made = entry(name, signature(init, "__init__", True) if init and "Args:" in text else "", text)
    made += "<section>\n" + fields(node, text_of(module).splitlines())
    for method in (n for owner in owners for n in owner.body):  # type: ignore[attr-defined]
        if isinstance(method, ast.FunctionDef) and (
            not method.name.startswith("_") or (method.name in ("__call__", "__getitem__") and ast.get_docstring(method))
        ):
            made += function(method, f"{name}.{method.name}", True)
    return made + "</section>\n"


def module_page(module: str, title: str, prefix: str, names: list[str] | None = None) -> str:
    """The public names of a module, or some of them."""
    found = top(module)
    made = f"<h2>{title}</h2>\n"
    if names is None:
        made += words(ast.get_docstring(source_of(module)) or "")
    for name in names if names is not None else [n for n in found if not n.startswith("_")]:
        node = found.get(name)
        if isinstance(node, ast.ClassDef):
            made += of_class(node, module, found, prefix + name)
        elif isinstance(node, ast.FunctionDef):
            made += function(node, prefix + name)
        else:
            wrong.append(f"{prefix}{name} is not defined in {module}.py")
    return made


def page() -> str:
    package = source_of("__init__")
    public = next(ast.literal_eval(n.value) for n in package.body
                  if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__all__")  # fmt: skip
    parts, seen = [], set()
    later = [n for n in package.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
    imports = [n for part in (package, *later) for n in part.body if isinstance(n, ast.ImportFrom) and n.level and n.module]
    public += [a.name for part in later for n in part.body if isinstance(n, ast.ImportFrom) for a in n.names]
    for node in imports:
        assert node.module
        names = [a.name for a in node.names if a.name in public]
        seen |= set(names)
        if names and node.module != "ops":  # which have a part of their own
            title = (ast.get_docstring(source_of(node.module)) or "").splitlines()[0]
            parts.append(module_page(node.module, html.escape(title), "", names))
    seen |= {"ops", "layers", "settings"}
    parts += [module_page("ops", "<code>ops</code>: operations on values, most of them also <code>il.NAME</code>", "ops."),
              module_page("nets", "<code>layers</code>", "layers.",
                          [n for n, d in top("nets").items() if isinstance(d, ast.FunctionDef) and n != "values_of"]),
              module_page("settings", "<code>settings</code>", "settings.")]  # fmt: skip
    wrong.extend(f"{name} is public and stands nowhere" for name in public if name not in seen)
    version = re.search(r'VERSION "(.*?)"', (PACKAGE.parents[1] / "include/innerloop/version.h").read_text()).group(1)  # type: ignore[union-attr]
    body = "".join(parts)
    anchors = " ".join(f'<a href="#{n}">{n}</a>' for n in sorted(public))
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>innerloop_meta {version}</title>'
            f"<style>{STYLE}</style></head>\n<body>\n<h1>innerloop_meta {version}</h1>\n"
            '<p><code>import innerloop_meta as il</code>. <a href="index.html">The reference of the C library</a></p>\n'
            f"{words(ast.get_docstring(package) or '')}\n<nav>{anchors}</nav>\n{body}</body></html>\n")  # fmt: skip


if __name__ == "__main__":
    text = page()
    # Names that words link to must be there; of operations and layers the prefix is left out in words.
    there = set(re.findall(r'id="([^"]+)"', text))
    for prefix in ("ops.", "layers.", "settings."):
        text = re.sub(r'href="#(\w+)"', lambda m: m.group(0) if m.group(1) in there or prefix + m.group(1) not in there
                      else f'href="#{prefix}{m.group(1)}"', text)  # fmt: skip
    text = re.sub(r'<a href="#(\w+)"><code>(\w+)</code></a>', lambda m: m.group(0) if m.group(1) in there else f"<code>{m.group(2)}</code>", text)
    for line in wrong:
        print(f"python_reference: {line}", file=sys.stderr)
    Path(sys.argv[1]).write_text(text, encoding="utf-8")
    sys.exit(bool(wrong))
