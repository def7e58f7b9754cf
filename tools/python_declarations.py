#!/usr/bin/env python3
"""Writes python/innerloop_meta/_declarations.py: what the public headers declare, as ctypes.

python_declarations.py [--check]    needs gcc (or $CC) and the package pycparser; --check compares and ends with 1
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from pycparser import c_ast, c_parser

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "python" / "innerloop_meta" / "_declarations.py"

# The headers of the C library, as far as declarations need them: the parser knows no GNU extensions.
SYSTEM = {
    "stdbool.h": "typedef _Bool bool;",
    "stddef.h": "typedef unsigned long size_t;",
    "stdint.h": "typedef signed char int8_t; typedef unsigned char uint8_t; typedef short int16_t; "
    "typedef unsigned short uint16_t; typedef int int32_t; typedef unsigned uint32_t; "
    "typedef long int64_t; typedef unsigned long uint64_t; typedef unsigned long uintptr_t;",
    "signal.h": "typedef int sig_atomic_t;",
}
BASIC = {
    "void": None, "_Bool": "c_bool", "char": "c_char", "int": "c_int", "unsigned": "c_uint",
    "unsigned int": "c_uint", "double": "c_double", "float": "c_float", "size_t": "c_size_t",
    "int8_t": "c_int8", "uint8_t": "c_uint8", "int16_t": "c_int16", "uint16_t": "c_uint16",
    "int32_t": "c_int32", "uint32_t": "c_uint32", "int64_t": "c_int64", "uint64_t": "c_uint64",
    "uintptr_t": "c_size_t", "sig_atomic_t": "c_int", "bool": "c_bool",
}  # fmt: skip


def preprocessed() -> str:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in SYSTEM.items():
            Path(folder, name).write_text(text)
        command = [os.environ.get("CC", "gcc"), "-E", "-P", "-nostdinc", "-I", folder,
                   "-I", str(ROOT / "include"), "-D__attribute__(x)=", "-Doffsetof(t,m)=0",
                   "-xc", str(ROOT / "include" / "innerloop" / "innerloop.h")]  # fmt: skip
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Writer:
    """Walks the declarations in their order; a struct without fields is opaque: pointers to it are addresses."""

    def __init__(self, tree: c_ast.FileAST) -> None:
        self.lines: list[str] = []
        self.numbers: dict[str, int] = {}
        self.enums: set[str] = set()
        self.typedefs: dict[str, c_ast.Node] = {}
        self.whole = {n.name for n in self.structs(tree) if n.decls}
        self.made: dict[str, None] = {}  # structs with fields, in their order
        self.fields: list[str] = []
        self.functions: list[str] = []
        self.records: list[str] = []
        for node in tree.ext:
            self.visit(node)

    @staticmethod
    def structs(tree: c_ast.Node) -> list[c_ast.Struct]:
        found: list[c_ast.Struct] = []

        class Visitor(c_ast.NodeVisitor):
            def visit_Struct(self, node: c_ast.Struct) -> None:
                found.append(node)
                self.generic_visit(node)

        Visitor().visit(tree)
        return found

    # ---- numbers ----
    def number(self, node: c_ast.Node) -> int:
        if isinstance(node, c_ast.Constant):
            return int(node.value.rstrip("uUlL"), 0)
        if isinstance(node, c_ast.ID):
            return self.numbers[node.name]
        if isinstance(node, c_ast.UnaryOp) and node.op == "-":
            return -self.number(node.expr)
        if isinstance(node, c_ast.BinaryOp):
            a, b = self.number(node.left), self.number(node.right)
            return {"+": a + b, "-": a - b, "*": a * b, "<<": a << b, "|": a | b}[node.op]
        raise SystemExit(f"python_declarations: no number: {node}")

    def enum(self, node: c_ast.Enum) -> None:
        at = -1
        for item in node.values.enumerators if node.values else []:
            at = self.number(item.value) if item.value else at + 1
            self.numbers[item.name] = at
            self.lines.append(f"{item.name} = {at}")
        if node.name:
            self.enums.add(node.name)

    # ---- types ----
    def named(self, name: str) -> str:
        if name in BASIC:
            return str(BASIC[name])
        if name in self.enums:
            return "c_int"
        if name in self.typedefs:
            return self.type(self.typedefs[name])
        raise SystemExit(f"python_declarations: unknown type {name}")

    def pointer(self, node: c_ast.Node, returned: bool) -> str:
        if isinstance(node, c_ast.FuncDecl):
            return self.prototype(node)
        to = node
        if isinstance(node, c_ast.TypeDecl):
            constant = "const" in node.quals
            inner = node.type
            if isinstance(inner, c_ast.IdentifierType):
                name = " ".join(inner.names)
                if name == "char":  # a text that is returned without const is the caller's to free
                    return "c_char_p" if constant or not returned else "c_void_p"
                if name in self.typedefs and isinstance(self.typedefs[name], c_ast.TypeDecl):
                    inner = self.typedefs[name].type
            if isinstance(inner, c_ast.Struct):
                if inner.name in self.whole:
                    return f"POINTER({inner.name})"
                return "c_void_p"
        made = self.type(to)
        return "c_void_p" if made == "None" else f"POINTER({made})"

    def prototype(self, node: c_ast.FuncDecl) -> str:
        arguments = [self.type(p.type, argument=True) for p in node.args.params] if node.args else []
        arguments = [a for a in arguments if a != "None"]
        return f"CFUNCTYPE({', '.join([self.type(node.type, returned=True), *arguments])})"

    def type(self, node: c_ast.Node, argument: bool = False, returned: bool = False) -> str:
        if isinstance(node, c_ast.PtrDecl):
            return self.pointer(node.type, returned)
        if isinstance(node, c_ast.ArrayDecl):
            return (self.pointer(node.type, False) if argument
                    else f"{self.type(node.type)} * {self.number(node.dim)}")  # fmt: skip
        if isinstance(node, (c_ast.TypeDecl, c_ast.Typename, c_ast.Decl)):
            return self.type(node.type, argument, returned)
        if isinstance(node, c_ast.IdentifierType):
            return self.named(" ".join(node.names))
        if isinstance(node, c_ast.Enum):
            return "c_int"
        if isinstance(node, c_ast.Struct):
            return str(node.name)
        raise SystemExit(f"python_declarations: unknown declaration: {node}")

    def struct(self, node: c_ast.Struct) -> None:
        if not node.decls or node.name in self.made:
            return
        self.made[node.name] = None
        for field in node.decls:  # structs within structs have no names of their own
            if isinstance(field.type, (c_ast.Struct, c_ast.Enum)):
                raise SystemExit(f"python_declarations: a struct within {node.name}")
        self.fields += ["", f"{node.name}._fields_ = ["]
        self.fields += [f'    ("{f.name}", {self.type(f.type)}),' for f in node.decls]
        self.fields.append("]")

    # ---- declarations ----
    def visit(self, node: c_ast.Node) -> None:
        if isinstance(node, c_ast.FuncDef):  # inline, of the headers' own
            return
        kind = node.type
        if isinstance(node, c_ast.Typedef):
            inner = kind.type if isinstance(kind, c_ast.TypeDecl) else None
            if isinstance(inner, c_ast.Enum):
                self.enum(inner)
                self.enums.add(node.name)
            elif node.name not in BASIC:
                self.typedefs[node.name] = kind
            if isinstance(inner, c_ast.Struct):
                self.struct(inner)
        elif isinstance(kind, c_ast.Enum):
            self.enum(kind)
        elif isinstance(kind, c_ast.Struct):
            self.struct(kind)
        elif isinstance(kind, c_ast.FuncDecl):
            made = self.prototype(kind)[len("CFUNCTYPE(") : -1].split(", ", 1)
            rest = made[1] if len(made) > 1 else ""
            self.functions.append(f'    "{node.name}": ({made[0]}, ({rest}{"," if rest and ", " not in rest else ""})),')
        elif isinstance(kind, c_ast.TypeDecl):
            self.records.append(f'    "{node.name}": {self.type(kind)},')
        elif isinstance(kind, c_ast.ArrayDecl):  # a table: the address of its first row
            self.records.append(f'    "{node.name}": {self.type(kind.type)},')


def version() -> str:
    found = re.search(r'INNERLOOP_VERSION "([^"]+)"', (ROOT / "include" / "innerloop" / "version.h").read_text())
    assert found
    return found[1]


def text() -> str:
    w = Writer(c_parser.CParser().parse(preprocessed()))
    head = '''"""Written by tools/python_declarations.py from the public headers; do not edit."""

from __future__ import annotations

from ctypes import (
IMPORTS
)
from typing import Any
'''
    classes = [line for name in w.made for line in ("", "", f"class {name}(Structure):", "    pass")]
    made = "\n".join([
        head, f'VERSION = "{version()}"', *w.lines, *classes, "", *w.fields, "",
        "#: name: (result, (arguments))", "FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {",
        *w.functions, "}", "",
        "#: constant records, and the first rows of tables", "RECORDS: dict[str, Any] = {", *w.records, "}", "",
    ])  # fmt: skip
    used = sorted(set(re.findall(r"\bc_[a-z0-9_]+\b|\bPOINTER\b|\bCFUNCTYPE\b|\bStructure\b", made)))
    return made.replace("IMPORTS", "\n".join(f"    {name}," for name in used), 1)


def main() -> None:
    made = text()
    if "--check" not in sys.argv[1:]:
        OUT.write_text(made)
    elif OUT.read_text() != made:
        raise SystemExit(f"{OUT} is not what the headers declare: tools/python_declarations.py writes it")


if __name__ == "__main__":
    main()
