"""The start, but always from the first program: no child has children."""

import ast
import math
import re

NUMBER = 3.0  # how often each kind of edit is drawn
OPERATOR = 1.0
DELETION = 0.5
MOTIF = 3.0
EXCHANGE = 1.0
ANOTHER = 0.3  # the chance of a further edit
MOST_EDITS = 3
STEP = 0.5  # standard deviation of the logarithm that a number is scaled by
LEAP = 1.5
LEAPS = 0.2  # the chance of a leap
TRIES = 4
LONGEST = 20000
SWAPS = {"+": "-", "-": "+", "*": "/", "/": "*"}


def propose(brief):
    """A changed copy of one of the nodes."""
    parent = chosen(brief)
    name = sorted(parent["files"])[0]
    text, ideas = parent["files"][name], []
    for _ in range(TRIES):
        text, ideas = edited(parent["files"][name], name, brief)
        if ideas and brief.try_out({**parent["files"], name: text})["ok"]:
            break
    files = {**parent["files"], name: text}
    return {"files": files, "idea": "; ".join(ideas), "parent": parent["number"]}


def chosen(brief):
    """The program that the search began with."""
    return brief.nodes[0]


def edited(text, name, brief):
    """The text after a few edits, and what they were."""
    kinds = [number, operator, deletion, motif, exchange]
    weights = [NUMBER, OPERATOR, DELETION, MOTIF, EXCHANGE]
    count = 1
    while count < MOST_EDITS and brief.rng.uniform(0.0, 1.0) < ANOTHER:
        count += 1
    ideas = []
    for _ in range(8 * count):
        kind = brief.rng.choices(kinds, weights)[0]
        found = kind(text, name, brief)
        if found and parsed(found[0]) and found[0] != text and len(found[0]) <= LONGEST:
            text = found[0]
            ideas.append(found[1])
        if len(ideas) == count:
            break
    return text, ideas


def number(text, name, brief):
    """Scale one number; one just below 1 by its distance from 1."""
    literals = [node for node in ast.walk(parsed(text)) if isinstance(node, ast.Constant)]
    spots = [node for node in literals if isinstance(node.value, float)]
    spots += [node for node in literals if re.fullmatch(r"\d+", piece(text, node))]
    if not spots:
        return None
    node = brief.rng.choice(spots)
    size = LEAP if brief.rng.uniform(0.0, 1.0) < LEAPS else STEP
    factor = math.exp(brief.rng.gauss(0.0, size))
    old = node.value
    if isinstance(old, int):
        new = max(0, round(old * factor)) if brief.rng.uniform(0.0, 1.0) < 0.5 else old + 1
    elif 0.5 < old < 1.0:
        new = 1.0 - min(0.95, (1.0 - old) * factor)
    else:
        new = old * factor if old else brief.rng.gauss(0.0, 0.1)
    shown = repr(new) if isinstance(new, int) else f"{new:.4g}"
    if isinstance(new, float) and not re.search(r"[.e]", shown):
        shown += ".0"
    return replaced(text, node, shown), f"{old} becomes {shown}"


def operator(text, name, brief):
    """Swap one arithmetic operator for another."""
    spots = [node for node in inside(text) if isinstance(node, ast.BinOp)]
    if not spots:
        return None
    node = brief.rng.choice(spots)
    (left, end), (start, right) = span(text, node.left), span(text, node.right)
    sign = text[end:start].strip()
    if sign not in SWAPS:
        return None
    changed = f"(({text[left:end]}) {SWAPS[sign]} ({text[start:right]}))"
    return replaced(text, node, changed), f"{sign} becomes {SWAPS[sign]}"


def deletion(text, name, brief):
    """Drop a statement, or one side of an operation."""
    sums = [node for node in inside(text) if isinstance(node, ast.BinOp)]
    lines = [node for node in inside(text) if isinstance(node, ast.Assign)]
    if not sums + lines:
        return None
    node = brief.rng.choice(sums + lines)
    what = piece(text, node)[:60]
    if isinstance(node, ast.BinOp):
        side = brief.rng.choice([node.left, node.right])
        return replaced(text, node, f"({piece(text, side)})"), f"Keep part of {what}"
    return replaced(text, node, "pass"), f"Drop {what}"


def motif(text, name, brief):
    """Put a known idea around an expression, its constants at the top."""
    spots = [node.value for node in inside(text) if isinstance(node, ast.Assign)]
    if not spots or not brief.motifs:
        return None
    idea = brief.rng.choice(brief.motifs)
    *constants, expression = idea["code"].strip().split("\n")
    node = brief.rng.choice(spots)
    held = f"({piece(text, node)})"
    woven = replaced(text, node, "(" + re.sub(r"\bx\b", lambda _: held, expression) + ")")
    fresh = [line for line in constants if not defines(text, line.split(" = ")[0])]
    return headed(woven, fresh), f"Apply {idea['name']} to {held[:60]}"


def exchange(text, name, brief):
    """Take what another node assigns to a variable that both have."""
    donors = [node for node in brief.nodes if node["gain"] is not None and name in node["files"]]
    other = brief.rng.choice(donors)["files"][name]
    given = {target(node): piece(other, node.value) for node in assignments(other)}
    spots = [node for node in assignments(text) if target(node) in given]
    if not spots:
        return None
    node = brief.rng.choice(spots)
    new = given[target(node)]
    words = re.findall(r"\b[A-Z][A-Z_0-9]+\b", new)
    missing = [
        f"{target(each)} = {piece(other, each.value)}"
        for each in assignments(other)
        if target(each) in words and not defines(text, target(each))
    ]
    changed = replaced(text, node.value, new)
    return headed(changed, missing), f"Take {target(node)} from another node"


def parsed(text):
    """The tree of a text, or None where it is not Python."""
    try:
        return ast.parse(text)
    except Exception:
        return None


def inside(text):
    """The nodes of all functions, in order."""
    functions = [node for node in parsed(text).body if isinstance(node, ast.FunctionDef)]
    return [node for function in functions for line in function.body for node in ast.walk(line)]


def assignments(text):
    """The assignments to one name, anywhere."""
    tree = parsed(text)
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)] if tree else []
    return [node for node in found if isinstance(node.targets[0], ast.Name)]


def target(node):
    """The name that an assignment is to."""
    return node.targets[0].id


def defines(text, name):
    """Whether a name is assigned to somewhere."""
    return any(target(node) == name for node in assignments(text))


def headed(text, lines):
    """The text with lines put before its first function."""
    if not lines:
        return text
    first = re.search(r"^def ", text, re.MULTILINE)
    at = first.start() if first else len(text)
    return text[:at] + "\n".join(lines) + "\n\n\n" + text[at:]


def piece(text, node):
    """The source of a node."""
    start, end = span(text, node)
    return text[start:end]


def replaced(text, node, new):
    """The text with another source in a node's place."""
    start, end = span(text, node)
    return text[:start] + new + text[end:]


def span(text, node):
    """Where the source of a node starts and ends."""
    lengths = [len(line) + 1 for line in text.split("\n")]
    start = sum(lengths[: node.lineno - 1]) + node.col_offset
    return start, sum(lengths[: node.end_lineno - 1]) + node.end_col_offset
