"""Removing what nothing reads: assignments, state slots, constants and helpers.

What a program does stays as it was. So nothing goes that does more than to compute a value: no call
that prints, draws or changes an object, and no entry of a dict that a caller may read. Where a task
names no types, every function and class may be called from outside, and whether a call can be
spared is not to be seen: then only numbers go that nothing names.
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import pairwise

import libcst as cst

from .constants import number
from .effects import acting, acts
from .names import WORD, names, reads
from .program import Program, Spot, Store
from .reader import analyse
from .scope import text_key
from .tree import Change, at, drop, rewrite

Thing = tuple[str, str]  # a function and a local name; "" and a global name; "slot" and a slot


def tidied(program: Program) -> Program:
    """Return the program without its dead parts; the same object if there are none."""
    changes = list(_dead(program) if program.facts.functions else _unnamed(program))
    if not changes:
        return program
    module = rewrite(program.module, changes)
    gaps = [(("body", index), _spaced) for index in _crowded(module)]
    return analyse(rewrite(module, gaps), program.facts)


def _crowded(module: cst.Module) -> Iterator[int]:
    """Statements that a removal has left without a blank line after the imports."""
    for index, (above, node) in enumerate(pairwise(module.body), 1):
        lines = [near for near in (above, node) if isinstance(near, cst.SimpleStatementLine)]
        imports = [isinstance(near.body[0], cst.Import | cst.ImportFrom) for near in lines]
        if imports == [True, False] and not lines[1].leading_lines:
            yield index


def _spaced(node: cst.CSTNode) -> cst.CSTNode:
    return node.with_changes(leading_lines=[cst.EmptyLine(indent=False)])


def _unnamed(program: Program) -> Iterator[Change]:
    """Numbers at the top level whose names stand nowhere else, not even in a string."""
    counts = Counter(WORD.findall(program.source))
    for name, path in program.constants.items():
        alone = len(at(program.module, path[:2]).body) == 1
        if counts[name] == 1 and alone and number(at(program.module, path)) is not None:
            yield path[:2], drop()


def _dead(program: Program) -> Iterator[Change]:
    live, active = _live(program), acting(program)
    for spot in program.spots:
        slot, target = slot_target(program, spot), _target(spot)
        things = [("slot", slot)] if slot else [_thing(program, spot, name) for name in target]
        if things and live.isdisjoint(things) and not acts(spot.node, active):
            yield spot.path, drop()
    for store in _kept(program):
        entries = dict(_entries(store))
        dead = {index for index, slot in entries.items() if ("slot", slot) not in live}
        if dead:
            yield store.path, partial(_without, dead)
    for name, path in (program.constants | program.helpers).items():
        if ("", name) not in live:
            yield path[:2], drop()


def _live(program: Program) -> set[Thing]:
    """Names and slots that the results depend on, whatever the order of statements."""
    needs: dict[Thing, set[Thing]] = {}
    live, active = set[Thing](), acting(program)
    interface = program.facts.functions
    for spot in program.spots:
        entries = [store for store in _kept(program) if store.spot is spot]
        for store in entries:
            for index, slot in _entries(store):
                value = at(program.module, (*store.path, "elements", index, "value"))
                needs.setdefault(("slot", slot), set()).update(_reads(program, spot, value))
        read = _reads(program, spot, _header(spot.node), bool(entries))
        if acts(_header(spot.node), active):
            live |= read
        if slot := slot_target(program, spot):
            needs.setdefault(("slot", slot), set()).update(read)
        elif target := _target(spot):
            for name in target:
                needs.setdefault(_thing(program, spot, name), set()).update(read)
        elif spot.function in interface:
            live |= read
        else:
            needs.setdefault(("", spot.function), set()).update(read)
    if program.dynamic:
        live |= {("slot", slot) for slot in program.slots}
    for node in _run_at_once(program):
        live |= {("", read_name) for read_name in reads(node)}
    for name, path in program.constants.items():
        read = {("", read_name) for read_name in reads(at(program.module, path))}
        needs.setdefault(("", name), set()).update(read)
        if acts(at(program.module, path), active):
            live.add(("", name))
    pending = list(live)
    while pending:
        for thing in needs.get(pending.pop(), ()):
            if thing not in live:
                live.add(thing)
                pending.append(thing)
    return live


def _run_at_once(program: Program) -> Iterator[cst.CSTNode]:
    """What runs when the module is loaded: all but constants and the bodies of functions."""
    constants = {path[:2] for path in program.constants.values()}
    for index, node in enumerate(program.module.body):
        if isinstance(node, cst.FunctionDef):
            yield from (decorator.decorator for decorator in node.decorators)
            kinds = (node.params.posonly_params, node.params.params, node.params.kwonly_params)
            yield from (given.default for kind in kinds for given in kind if given.default)
        elif ("body", index) not in constants:
            yield node


def _kept(program: Program) -> list[Store]:
    """The dicts that are part of the state: those made for each name. Others a caller may read."""
    functions = program.facts.functions
    return [
        store
        for store in program.stores
        if (signature := functions.get(store.spot.function))
        and "states" in signature.gives
        and (store.spot.keyed or _repeated(program, store))
    ]


def _repeated(program: Program, store: Store) -> bool:
    """Whether a dict stands in a comprehension."""
    depths = range(len(store.spot.path), len(store.path))
    above = [at(program.module, store.path[:depth]) for depth in depths]
    return any(isinstance(node, cst.BaseComp) for node in above)


def _reads(program: Program, spot: Spot, node: cst.CSTNode, outside: bool = False) -> set[Thing]:
    """Names and slots that a node reads; without the values of its dicts, if `outside`."""
    own = names(node)
    local = own.outside if outside else own.reads
    slots = own.outside_slots if outside else own.slots
    things = {_thing(program, spot, name) for name in local}
    return things | {("slot", slot) for slot in slots if slot in program.slots}


def _thing(program: Program, spot: Spot, name: str) -> Thing:
    outer = name in program.constants or name in program.helpers
    return ("", name) if outer else (spot.function, name)


def _target(spot: Spot) -> list[str]:
    """The names that a statement assigns, if it does nothing else."""
    node = spot.node
    if not isinstance(node, cst.SimpleStatementLine) or len(node.body) != 1:
        return []
    only = node.body[0]
    targets: list[cst.BaseExpression] = []
    if isinstance(only, cst.Assign):
        targets = [assigned.target for assigned in only.targets]
    elif isinstance(only, cst.AnnAssign | cst.AugAssign):
        targets = [only.target]
    flat = [
        element.value if isinstance(element, cst.Element) else element
        for target in targets
        for element in (target.elements if isinstance(target, cst.Tuple) else [target])
    ]
    identifiers = [part.value for part in flat if isinstance(part, cst.Name)]
    return identifiers if len(identifiers) == len(flat) else []


def slot_target(program: Program, spot: Spot) -> str:
    """The slot that `new_state[name]["slot"] = ...` sets."""
    node = spot.node
    if not isinstance(node, cst.SimpleStatementLine) or not isinstance(node.body[0], cst.Assign):
        return ""
    target = node.body[0].targets[0].target
    if not isinstance(target, cst.Subscript) or not isinstance(target.value, cst.Subscript):
        return ""
    slot = text_key(target)
    return slot if slot is not None and slot in program.slots else ""


def _without(dead: set[int], node: cst.CSTNode) -> cst.CSTNode:
    """A dict display without some of its entries, which ends as it did."""
    assert isinstance(node, cst.Dict)
    kept = [element for index, element in enumerate(node.elements) if index not in dead]
    if kept:
        kept[-1] = kept[-1].with_changes(comma=node.elements[-1].comma)
    return node.with_changes(elements=kept)


def _entries(store: Store) -> list[tuple[int, str]]:
    return [
        (index, str(element.key.evaluated_value))
        for index, element in enumerate(store.node.elements)
        if isinstance(element, cst.DictElement) and isinstance(element.key, cst.SimpleString)
    ]


def _header(node: cst.CSTNode) -> cst.CSTNode:
    """The part of a compound statement outside its blocks, which hold spots of their own."""
    if isinstance(node, cst.For):
        return node.iter
    if isinstance(node, cst.If):
        tests = [node.test]
        while isinstance(node.orelse, cst.If):
            node = node.orelse
            tests.append(node.test)
        return cst.Tuple([cst.Element(test) for test in tests])
    return node
