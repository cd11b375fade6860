"""
Prints where the simulator, or the script in the folders given, uses a function of Resolve's that is
not published, or with another number of arguments than is.
"""

import ast
import glob
import inspect
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import objects
from published import PUBLISHED, Remote


def simulated():
    for kind, thing in inspect.getmembers(objects, inspect.isclass):
        if not issubclass(thing, Remote) or thing is Remote:
            continue
        for name, function in vars(thing).items():
            if name[:1].isupper():
                yield from refused(kind, name, function)


def refused(kind, name, function):
    member = PUBLISHED.get(kind, {}).get(name)
    if member is None:
        yield "%s.%s is not published" % (kind, name)
        return
    parameters = list(inspect.signature(function).parameters.values())[1:]
    takes_any = any(each.kind is each.VAR_POSITIONAL for each in parameters)
    plain = [each for each in parameters if each.kind is not each.VAR_POSITIONAL]
    least = sum(each.default is each.empty for each in plain)
    if least > member["least"] or not (takes_any or takes(member, len(plain))):
        yield "%s.%s has other arguments than published" % (kind, name)


def takes(member, count):
    most = member["most"]
    return member["least"] <= count and (most is None or count <= most)


def used(folder):
    """What is asked by `told(thing, "Name", …)`, `asked(…)` and `has(thing, "Name")`."""
    everything = [each for names in PUBLISHED.values() for each in names.items()]
    for path in sorted(glob.glob(os.path.join(folder, "*.py"))):
        with open(path, encoding="utf-8") as file:
            tree = ast.parse(file.read())
        for node in ast.walk(tree):
            called = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
            if called not in ("asked", "told", "has"):
                continue
            if len(node.args) < 2 or not isinstance(node.args[1], ast.Constant):
                continue
            name, count = node.args[1].value, len(node.args) - 2
            where = "%s:%d: %s" % (os.path.basename(path), node.lineno, name)
            known = [member for each, member in everything if each == name]
            if name in ("GetResolve", "scriptapp"):
                # Fusion's, which a script gets beside Resolve's.
                continue
            if not known:
                yield where + " is not published"
            elif called != "has" and not any(isinstance(a, ast.Starred) for a in node.args):
                if not any(takes(member, count) for member in known):
                    yield "%s with %d arguments is not published" % (where, count)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in dict(everything):
                yield "%s:%d: %s is asked without care" % (path, node.lineno, node.attr)


for said in simulated():
    print("simulator: " + said)
for folder in sys.argv[1:]:
    for said in used(folder):
        print(said)
