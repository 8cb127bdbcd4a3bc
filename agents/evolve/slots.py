"""New slots of the state: where one is born, and where the next state is put together.

A place in a branch whose block puts the state together extends it there. One in another branch
assigns the new value to a local, which the branches that pass it by keep as it was.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import libcst as cst

from ...tasks.motifs import Motif
from .binder import Binder, Unfit
from .branches import around
from .names import binds, fresh, words
from .program import Program, Spot, Store
from .tree import Change, after, at, before, code, expression, statement


class Home(NamedTuple):
    """Where a new slot is stored: the statement that leads there, its stores, and the others."""

    spot: Spot
    stores: Sequence[Store]
    elsewhere: Sequence[Store]


def home(program: Program, spot: Spot) -> Home | None:
    """The nearest block around a statement that puts the state together, in whatever way."""
    stores = [s for s in program.stores if s.spot.function == spot.function and s.spot.keyed]
    targets = {target(store) for store in stores}
    if len(targets) != 1 or "" in targets:
        return None
    above = [s for s in program.spots if s.keyed and spot.path[: len(s.path)] == s.path]
    for near in reversed(above):
        depth = len(near.block)
        inside = [s for s in stores if s.spot.path[:depth] == near.block]
        elsewhere = [s for s in stores if s not in inside]
        complete = not elsewhere or any(s.spot.block == near.block for s in inside)
        if inside and complete and all(_apart(program, s.spot, near) for s in elsewhere):
            return Home(near, inside, elsewhere)
    return None


def slotted(
    program: Program,
    motif: Motif,
    spot: Spot,
    renamed: Mapping[str, str],
    binder: Binder,
    statements: list[str],
) -> list[Change]:
    """Extend the state at its birth and where the next one is put together; raises Unfit."""
    place = home(program, spot)
    newborn = births(program)
    if not newborn or place is None:
        raise Unfit
    changes: list[Change] = []
    for birth in newborn:
        infant = Binder(birth.env, motif, renamed, {})
        born = {renamed[slot]: infant.text(text) for slot, text in motif.slots.items()}
        changes.append(_extended(birth, born))
    kept = {renamed[slot]: binder.text(motif.stores[slot]) for slot in motif.slots}
    if place.spot is not spot:
        kept, defaults = _default(program, kept, binder, statements)
        changes.append((place.spot.path, before(*map(statement, defaults))))
    changes += [_carried(program, store, place, motif, renamed) for store in place.elsewhere]
    return changes + _stored(place, kept, statements if place.spot is spot else None)


def births(program: Program) -> list[Store]:
    """Where the state begins."""
    functions = program.facts.functions
    return [
        store
        for store in program.stores
        if (signature := functions.get(store.spot.function))
        and "states" not in signature.takes.values()
    ]


def target(store: Store) -> str:
    """The `new_state[name]` of `new_state[name] = {...}`."""
    line = store.spot.node
    assert isinstance(line, cst.SimpleStatementLine)
    only = line.body[0]
    return code(only.targets[0].target) if isinstance(only, cst.Assign) else ""


def _stored(place: Home, kept: Mapping[str, str], statements: list[str] | None) -> list[Change]:
    """Store slots with the state, or behind it where it is put together too early for that."""
    depth = len(place.spot.path)
    last = max(store.spot.path[:depth] for store in place.stores)
    first = place.stores[0]
    early = last < place.spot.path
    if len(place.stores) == 1 and first.spot.path == last and not early:
        return [_extended(first, kept)]
    lines = [f'{target(first)}["{slot}"] = {text}' for slot, text in kept.items()]
    if last > place.spot.path or statements is None:
        behind = max(last, place.spot.path)
        return [(behind, after(*map(statement, lines)))]
    statements += lines
    return []


def _default(
    program: Program, kept: Mapping[str, str], binder: Binder, statements: list[str]
) -> tuple[dict[str, str], list[str]]:
    """Locals for what is stored, set in the branch; and what they are where it is passed by."""
    taken = words(program.source) | set(kept)
    bound = set().union(*(binds(statement(line)) for line in statements))
    named: dict[str, str] = {}
    defaults: list[str] = []
    for slot, text in kept.items():
        local = text if text in bound else fresh(f"next_{slot}", taken)
        if local != text:
            statements.append(f"{local} = {text}")
        named[slot] = local
        defaults.append(f"{local} = {binder.own(slot)}")
    return named, defaults


def _carried(
    program: Program, store: Store, place: Home, motif: Motif, renamed: Mapping[str, str]
) -> Change:
    """Keep the slots where another branch puts the state together, if a name may go both ways."""
    ways = {branch.path: branch.kinds for branch in around(program, store.path)}
    common = [b for b in around(program, place.spot.path) if b.path in ways]
    if any(b.kinds and ways[b.path] and b.kinds != ways[b.path] for b in common):
        return _extended(store, {})
    binder = Binder(store.env, motif, renamed, {})
    return _extended(store, {renamed[slot]: binder.own(renamed[slot]) for slot in motif.slots})


def _apart(program: Program, one: Spot, other: Spot) -> bool:
    """Whether two statements are in different branches of one `if`."""
    shared = next(
        depth
        for depth, (left, right) in enumerate(zip(one.path, other.path, strict=False))
        if left != right
    )
    return isinstance(at(program.module, one.path[:shared]), cst.If)


def _extended(store: Store, entries: Mapping[str, str]) -> Change:
    def extend(node: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(node, cst.Dict)
        elements = list(node.elements)
        for slot, text in entries.items():
            comma: cst.Comma | cst.MaybeSentinel = cst.MaybeSentinel.DEFAULT
            if elements:
                comma = elements[-1].comma
                between = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
                if len(elements) > 1 and isinstance(elements[-2].comma, cst.Comma):
                    between = elements[-2].comma
                elements[-1] = elements[-1].with_changes(comma=between)
            key = cst.SimpleString(f'"{slot}"')
            elements.append(cst.DictElement(key, expression(text), comma=comma))
        return node.with_changes(elements=elements)

    return store.path, extend
