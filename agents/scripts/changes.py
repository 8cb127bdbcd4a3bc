"""Published changes of PyTorch programs, as transformations of the text.

Each takes a program and the options of a motif, and returns None where its pattern is not there.
"""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import libcst as cst

from ..evolve.constants import literal, rounded
from ..evolve.edits import combine
from ..evolve.scope import dotted
from ..evolve.tree import Change, after, at, before, code, copied, expression, statement, swap
from .numbers import numbers_of
from .script import Script, block_of, words_of
from .training import ADAPTIVE, Optimizer, backwards, optimizers, steps, ungrouped

Options = Mapping[str, Any]
Changes = list[Change] | None
ADAM_TO_SGD = 0.1  # of SGD's learning rate, for an optimizer that scales its steps
ACTIVATIONS = frozenset(("relu", "gelu", "silu", "mish", "elu", "leaky_relu", "selu"))
MODULES = frozenset(("ReLU", "GELU", "SiLU", "Mish", "ELU", "LeakyReLU", "SELU"))
RATES = frozenset(("lr", "rate"))
CROSS_ENTROPY = "torch.nn.functional.cross_entropy"


def exchange_optimizer(script: Script, options: Options, rng: Random) -> Changes:
    """Make another optimizer of the same parameters, at a learning rate that suits it."""
    kind = str(options["kind"])
    others = {kind.rpartition(".")[2], "ScheduleFree"}  # of which the end of the loop depends
    if not (exchangeable := [one for one in optimizers(script) if one.kind not in others]):
        return None
    one = rng.choice(exchangeable)
    rate = float(options["rate"]) * (1.0 if one.kind != "SGD" else ADAM_TO_SGD)
    kept = {"lr", "weight_decay", *(("betas",) if one.kind in ADAPTIVE else ())}
    given = map(_by_name, one.call.args[1:], range(len(one.call.args)))
    keywords = [a for a in given if a.keyword and a.keyword.value in kept]
    arguments = [one.call.args[0], *(_scaled(argument, rate) for argument in keywords)]
    arguments[-1] = arguments[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    call = one.call.with_changes(func=expression(kind), args=arguments)
    changes: list[Change] = [(one.path, swap(call))]
    if options.get("finish"):
        last = [step for step in steps(script) if _same(step.target, one)]
        if not last:
            return None
        changes.append((last[-1].outermost, after(statement(f"{last[-1].target}.finish()"))))
    return changes


def add_schedule(script: Script, options: Options, rng: Random) -> Changes:
    """Let the learning rate follow a function of the step, where nothing else sets it."""
    if '["lr"]' in script.source or "lr_scheduler" in script.source:
        return None
    counted = [step for step in steps(script) if step.var]
    if not counted:
        return None
    step = rng.choice(counted)
    lines = (
        f"for group in {step.target}.param_groups:\n"
        '    group["lr"] = group.setdefault("initial_lr", group["lr"]) * '
        f"{options['helper']}({step.var}, {step.total})"
    )
    return [(step.path, before(statement(lines)))]


def call_before_step(script: Script, options: Options, rng: Random) -> Changes:
    """Call something ahead of each step of the optimizer."""
    taken = steps(script)
    if not taken or str(options["unless"]) in script.source:
        return None
    step = rng.choice(taken)
    return [(step.path, before(statement(str(options["call"]).format(optimizer=step.target))))]


def decay_matrices(script: Script, options: Options, rng: Random) -> Changes:
    """Hand the optimizer two groups of parameters, one of which decays."""
    whole = [one for one in optimizers(script) if ungrouped(script, one)]
    if not whole:
        return None
    one = rng.choice(whole)
    index = one.keyword("weight_decay")
    decay = cst.parse_expression(str(options["usual"]))
    if index is not None:
        decay = one.call.args[index].value
    text = f"{options['helper']}({one.params}, {code(decay)})"
    return [((*one.path, "args", 0, "value"), swap(expression(text)))]


def average_weights(script: Script, options: Options, rng: Random) -> Changes:
    """Track an average of the weights after each step, and use it after the last loop."""
    taken = steps(script)
    if not taken or "average" in script.source or "ScheduleFree" in script.source:
        return None
    step = rng.choice(taken)
    track, use = (str(options[key]).format(optimizer=step.target) for key in ("track", "use"))
    return [(step.path, after(statement(track))), (step.outermost, after(statement(use)))]


def smooth_labels(script: Script, options: Options, rng: Random) -> Changes:
    """Smooth the labels of a cross-entropy that is trained on, and of no other."""
    trained = backwards(script)
    changes: list[Change] = []
    for part in script.parts:
        call = part.node
        if (
            not isinstance(call, cst.Call)
            or dotted(call.func).rpartition(".")[2] != "cross_entropy"
        ):
            continue
        if part.where.kept or "smoothing" in code(call):
            continue
        block, index = block_of(script, part.path)
        target = _assigned(at(script.module, (*block, index)))
        amount = str(options["by"])
        if part.where.function.endswith(".forward"):
            amount = f"{amount} if self.training else 0.0"
        elif (part.where.function, target) not in trained:
            continue
        changes.append((part.path, _with_keyword("label_smoothing", amount)))
    return changes or None


def call_at_start(script: Script, options: Options, rng: Random) -> Changes:
    """Call something on the parameters ahead of the statement that makes the optimizer."""
    call = str(options["call"])
    name = call.partition("(")[0]
    whole = [one for one in optimizers(script) if ungrouped(script, one)]
    if not whole or name in script.source:
        return None
    one = rng.choice(whole)
    block, index = block_of(script, one.path)
    return [((*block, index), before(statement(call.format(params=one.params))))]


def rename_modules(script: Script, options: Options, rng: Random) -> Changes:
    """Use another module of torch.nn that takes the same arguments, everywhere alike."""
    by_name: dict[str, list[Change]] = {}
    for part in script.parts:
        if isinstance(part.node, cst.Call) and len(part.node.args) == 1:
            new = swap(expression(f"torch.nn.{options['new']}"))
            by_name.setdefault(script.full(part.node.func), []).append(((*part.path, "func"), new))
    return next((by_name[old] for old in options["old"] if old in by_name), None)


def exchange_activation(script: Script, options: Options, rng: Random) -> Changes:
    """Use another activation, wherever the program uses the one that is drawn."""
    by_name: dict[str, list[Change]] = {}
    for part in script.parts:
        if not isinstance(part.node, cst.Call):
            continue
        full = script.full(part.node.func)
        last = full.rpartition(".")[2]
        path = (*part.path, "func")
        if full.startswith("torch.nn.") and last in MODULES - {options["module"]}:
            bare = part.node.with_changes(args=[], func=expression(f"torch.nn.{options['module']}"))
            by_name.setdefault(last, []).append((part.path, swap(bare)))
        elif len(part.node.args) != 1:
            continue
        elif full.startswith("torch") and last in ACTIVATIONS - {options["function"]}:
            name = f"torch.nn.functional.{options['function']}"
            by_name.setdefault(last, []).append((path, swap(expression(name))))
    return by_name[rng.choice(sorted(by_name))] if by_name else None


def exchange_batch(script: Script, options: Options, rng: Random) -> Changes:
    """Change the size of the batch and the learning rate together."""
    numbers = numbers_of(script)
    batches = [n for n in numbers if isinstance(n.value, int) and "batch" in words_of(n.name)]
    rates = [n for n in numbers if isinstance(n.value, float) and words_of(n.name) & RATES]
    batches = [n for n in batches if n.value > 3]
    if not batches or not rates:
        return None
    batch, rate = rng.choice(batches), rates[0]
    size = max(2, round(batch.value * float(options["batch"])))
    return [
        (batch.path, swap(literal(size))),
        (rate.path, swap(literal(rounded(rate.value * float(options["rate"]))))),
    ]


CHANGES: Mapping[str, Callable[[Script, Options, Random], Changes]] = {
    "activation": exchange_activation,
    "average": average_weights,
    "batch": exchange_batch,
    "before_step": call_before_step,
    "decay": decay_matrices,
    "optimizer": exchange_optimizer,
    "rename": rename_modules,
    "schedule": add_schedule,
    "smoothing": smooth_labels,
    "start": call_at_start,
}


def _by_name(argument: cst.Arg, index: int) -> cst.Arg:
    """A learning rate by keyword, where it is given by its place."""
    if index or argument.keyword is not None:
        return argument
    equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    return argument.with_changes(keyword=cst.Name("lr"), equal=equal)


def _scaled(argument: cst.Arg, rate: float) -> cst.Arg:
    """A learning rate times a factor; any other argument as it is."""
    if argument.keyword is None or argument.keyword.value != "lr" or rate == 1.0:
        return argument
    return argument.with_changes(
        value=combine(literal(rounded(rate)), cst.Multiply(), copied(argument.value))
    )


def _same(target: str, one: Optimizer) -> bool:
    return target.rpartition(".")[2] == one.target.rpartition(".")[2]


def _assigned(node: cst.CSTNode) -> str:
    """The name that a line assigns, or ""."""
    if isinstance(node, cst.SimpleStatementLine) and isinstance(node.body[0], cst.Assign):
        return dotted(node.body[0].targets[0].target)
    return ""


def _with_keyword(name: str, value: str) -> Callable[[cst.CSTNode], cst.CSTNode]:
    def add(node: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(node, cst.Call)
        arguments = list(node.args)
        space = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
        arguments[-1] = arguments[-1].with_changes(comma=space)
        equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
        keyword = cst.Arg(expression(value), keyword=cst.Name(name), equal=equal)
        return node.with_changes(args=[*arguments, keyword])

    return add
