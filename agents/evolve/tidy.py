"""Removing what nothing reads: assignments, state slots, constants and helpers."""

from collections.abc import Iterator

import libcst as cst

from .analysis import Analysis, Spot, Store, analyse
from .names import names, reads
from .tree import Change, at, drop, rewrite

Thing = tuple[str, str]  # a function and a local name; "" and a global name; "slot" and a slot


def tidied(program: Analysis) -> Analysis:
    """Return the program without its dead parts; the same object if there are none."""
    changes = list(_dead(program))
    if not changes:
        return program
    return analyse(rewrite(program.module, changes), program.facts)


def _dead(program: Analysis) -> Iterator[Change]:
    live = _live(program)
    for spot in program.spots:
        target = _target(spot)
        if target and not any(_thing(program, spot, name) in live for name in target):
            yield spot.path, drop()
        elif (slot := _slot_target(program, spot)) and ("slot", slot) not in live:
            yield spot.path, drop()
    for store in program.stores:
        for index, slot in _entries(store):
            if ("slot", slot) not in live:
                yield (*store.path, "elements", index), drop()
    for name, path in (program.constants | program.helpers).items():
        if ("", name) not in live:
            yield path[:2], drop()


def _live(program: Analysis) -> set[Thing]:
    """Everything that the results depend on, whatever the order of statements."""
    needs: dict[Thing, set[Thing]] = {}
    live: set[Thing] = set()
    interface = program.facts.functions
    for spot in program.spots:
        entries = [each for each in program.stores if each.spot is spot]
        for store in entries:
            for index, slot in _entries(store):
                value = at(program.module, (*store.path, "elements", index, "value"))
                needs.setdefault(("slot", slot), set()).update(_reads(program, spot, value))
        found = _reads(program, spot, _header(spot.node), bool(entries))
        if slot := _slot_target(program, spot):
            needs.setdefault(("slot", slot), set()).update(found)
        elif target := _target(spot):
            for name in target:
                needs.setdefault(_thing(program, spot, name), set()).update(found)
        elif spot.function in interface:
            live |= found
        else:
            needs.setdefault(("", spot.function), set()).update(found)
    if program.dynamic:
        live |= {("slot", slot) for slot in program.slots}
    for node in program.module.body:
        if not isinstance(node, cst.FunctionDef | cst.SimpleStatementLine):
            live |= {("", name) for name in reads(node)}
    for name, path in program.constants.items():
        needs[("", name)] = {("", each) for each in reads(at(program.module, path))}
    pending = list(live)
    while pending:
        for thing in needs.get(pending.pop(), ()):
            if thing not in live:
                live.add(thing)
                pending.append(thing)
    return live


def _reads(program: Analysis, spot: Spot, node: cst.CSTNode, outside: bool = False) -> set[Thing]:
    """What a node reads; without the values of its dicts, if only the `outside` is asked for."""
    found = names(node)
    local = found.outside if outside else found.reads
    slots = found.outside_slots if outside else found.slots
    things = {_thing(program, spot, name) for name in local}
    return things | {("slot", slot) for slot in slots if slot in program.slots}


def _thing(program: Analysis, spot: Spot, name: str) -> Thing:
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
        targets = [each.target for each in only.targets]
    elif isinstance(only, cst.AnnAssign | cst.AugAssign):
        targets = [only.target]
    flat = [
        element.value if isinstance(element, cst.Element) else element
        for each in targets
        for element in (each.elements if isinstance(each, cst.Tuple) else [each])
    ]
    found = [each.value for each in flat if isinstance(each, cst.Name)]
    return found if len(found) == len(flat) else []


def _slot_target(program: Analysis, spot: Spot) -> str:
    """The slot that `new_state[name]["slot"] = ...` sets."""
    node = spot.node
    if not isinstance(node, cst.SimpleStatementLine) or not isinstance(node.body[0], cst.Assign):
        return ""
    target = node.body[0].targets[0].target
    if not isinstance(target, cst.Subscript) or not isinstance(target.value, cst.Subscript):
        return ""
    key = target.slice[0].slice
    if isinstance(key, cst.Index) and isinstance(key.value, cst.SimpleString):
        slot = str(key.value.evaluated_value)
        return slot if slot in program.slots else ""
    return ""


def _entries(store: Store) -> list[tuple[int, str]]:
    return [
        (index, str(element.key.evaluated_value))
        for index, element in enumerate(store.node.elements)
        if isinstance(element, cst.DictElement) and isinstance(element.key, cst.SimpleString)
    ]


def _header(node: cst.CSTNode) -> cst.CSTNode:
    """What of a compound statement is not in its blocks; those hold spots of their own."""
    if isinstance(node, cst.For):
        return node.iter
    if isinstance(node, cst.If):
        tests = [node.test]
        while isinstance(node.orelse, cst.If):
            node = node.orelse
            tests.append(node.test)
        return cst.Tuple([cst.Element(each) for each in tests])
    return node
