"""
Prints what in the given files needs a Python newer than 3.6, the oldest that DaVinci Resolve runs
scripts with. Newer grammar is found by Python's own parser; names and arguments of the standard
library by the list below, of what each version since has brought and is in reach of such code.
"""

import ast
import sys

MODULES = {
    "contextvars", "dataclasses", "graphlib", "importlib.metadata", "importlib.resources",
    "tomllib", "zoneinfo",
}  # fmt: skip
NAMES = {
    "BooleanOptionalAction", "CREATE_NO_WINDOW", "DETACHED_PROCESS", "ExceptionGroup", "Final",
    "Literal", "Protocol", "SimpleQueue", "TypedDict", "add_dll_directory", "batched", "bit_count",
    "cache", "cached_property", "comb", "create_server", "dist", "excepthook", "fromisoformat",
    "get_running_loop", "isqrt", "lcm", "monotonic_ns", "nullcontext", "pairwise",
    "perf_counter_ns", "perm", "prod", "removeprefix", "removesuffix", "stdlib_module_names",
    "time_ns", "to_thread", "unparse",
}  # fmt: skip
ARGUMENTS = {"capture_output", "dirs_exist_ok", "missing_ok", "text", "strict"}


def newer(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
            yield from ((node, "import " + name) for name in names if name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            names = [each.name for each in node.names]
            if node.module in MODULES or (node.module == "__future__" and "annotations" in names):
                yield node, "from " + node.module
            yield from ((node, name) for name in names if name in NAMES)
        elif isinstance(node, ast.Attribute) and node.attr in NAMES:
            yield node, node.attr
        elif isinstance(node, ast.JoinedStr):
            # One that ends in `=` cannot be told from an older one once it is parsed.
            yield node, "an f-string"
        elif isinstance(node, ast.Call):
            used = {each.arg for each in node.keywords}
            yield from ((node, name + "=") for name in sorted(used & ARGUMENTS))
        elif isinstance(node, ast.arguments) and node.posonlyargs:
            yield node.posonlyargs[0], "arguments by position only"
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            if isinstance(node.left, ast.Dict) or isinstance(node.right, ast.Dict):
                yield node, "dict | dict"


for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        source = file.read()
    try:
        found = newer(ast.parse(source, path, feature_version=(3, 6)))
        for node, what in found:
            print("%s:%d: %s" % (path, node.lineno, what))
    except SyntaxError as error:
        print("%s:%s: %s" % (path, error.lineno, error.msg))
