"""What a true promotion costs, before and after: the real search on a simulated task.

    python bench/promotions.py --searches 10 --seeds 3000

Proposals have mixed effects: most lose, some do nothing, some gain (landscape.py). Of three
baselines two are about as good and lead by `--lead`, the third is half as far, and parents are
drawn evenly. So some lineages are in front and others hopelessly behind. `before` is the rule that
older runs are kept under. Noise and proposals are the same for every line. A promotion is true if
the child's true gain over its parent is above the smallest worth claiming.
"""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from harness import mean_error, options, save
from landscape import TASK, Landscape, Searched, read, searched

from ratchet.archive import Node, Tree
from ratchet.evals import Claim, Rule
from ratchet.evals.rule import BEFORE
from ratchet.search.select import POLICIES

SHARED = {**BEFORE, "baseline_seeds": "shared"}
STEPS: Mapping[str, Mapping[str, Any]] = {
    "before": BEFORE,
    "best baseline on the child's seeds": SHARED,
    "and those that may be as good": {**SHARED, "near": Rule().near},
    "a tenth for what is far behind": {**BEFORE, "behind": Rule().behind},
    "after": {},
}


class Spent(NamedTuple):
    """Of one search: trials, and those of fresh seeds; true and false promotions, and the best.

    `front` promotions are true and ahead of all that was planted. `over` of them claimed that, for
    `surcharge` trials beyond those of the claim over their parent.
    """

    trials: int
    fresh: int
    true: int
    false: int
    front: int
    over: int
    surcharge: int
    best: float


def spent(simulated: Searched, lead: float) -> Spent:
    """What a search spent, and what it came to."""
    tree = simulated.tree
    promoted = tree.confirmed()
    true = [node for node in promoted if gain(tree, node) > TASK.metric.minimum_gain]
    over = [node for node in promoted if node.verdict and len(node.verdict.claims) > 1]
    best = tree.best()
    return Spent(
        trials=simulated.lab.trials,
        fresh=sum(fresh(node) for node in tree),
        true=len(true),
        false=len(promoted) - len(true),
        front=sum(read(node.candidate)[1] > lead for node in true),
        over=len(over),
        surcharge=sum(fresh(node) - 2 * claims(node)[0].pairs for node in over),
        best=max(read(best.candidate)[1] if best else 0.0, lead),
    )


def gain(tree: Tree, node: Node) -> float:
    """A node's true gain over its parent."""
    assert node.parent is not None
    return float(read(node.candidate)[1] - read(tree[node.parent].candidate)[1])


def claims(node: Node) -> Sequence[Claim]:
    """What was put to fresh seeds of a node."""
    return node.verdict.claims if node.verdict else ()


def fresh(node: Node) -> int:
    """Trials on fresh seeds: the node's own, and those of its rivals."""
    streams = {claim.stream for claim in claims(node)}
    own = sum(e.count for e in node.seeds_run if e.stream in streams)
    return own + sum(claim.pairs for claim in claims(node))


def cost(trials: int, promotions: Sequence[int]) -> tuple[float, float]:
    """Trials for a promotion, from what each search promoted, with the standard error."""
    mean, error = mean_error(promotions)
    price = trials / len(promotions) / max(mean, 1 / len(promotions))
    return price, price * error / max(mean, 1 / len(promotions))


def main() -> None:
    """Search every landscape under every rule until the seeds are spent."""
    parser = options(__doc__, searches=30)
    parser.add_argument("--rho", type=float, default=0.88)
    parser.add_argument("--lead", type=float, default=4.0, help="of the best baseline, noise sd")
    parser.add_argument("--select", default="uniform", choices=POLICIES, help="of parents")
    parser.add_argument("--seeds", type=int, default=5000, help="trials of a search")
    asked = parser.parse_args()
    print(f"{asked.searches} searches of {asked.seeds} trials; trials for a true promotion ± se")
    head = ["every one", "those in front", "share fresh", "over baselines", "false", "best"]
    print(f"  {'':35s} {' '.join(f'{word:>13s}' for word in head)}")
    figures = {name: line(name, changes, asked) for name, changes in STEPS.items()}
    save(asked, figures)


def line(name: str, changes: Mapping[str, Any], asked: argparse.Namespace) -> dict[str, float]:
    """Search every landscape under one rule, and print what came of it."""
    rule, rows = Rule().model_copy(update=changes), []
    planted = {"leader": asked.lead, "second": asked.lead - 0.02, "third": asked.lead / 2}
    for number in range(asked.searches):
        land = Landscape(asked.first_seed + number, asked.rho, good=0.15)
        with searched(
            land,
            lambda made, seeds: seeds < asked.seeds,
            rule=rule,
            planted=planted,
            select=POLICIES[asked.select],
        ) as s:
            rows.append(spent(s, asked.lead))
    total = Spent(*(sum(column) for column in zip(*rows, strict=True)))
    best, error = mean_error([row.best for row in rows])
    every, every_se = cost(total.trials, [row.true for row in rows])
    front, front_se = cost(total.trials, [row.front for row in rows])
    figures = {
        "every": every,
        "every_se": every_se,
        "front": front,
        "front_se": front_se,
        "fresh": total.fresh / total.trials,
        "over": total.surcharge / max(total.over, 1),
        "false": total.false / max(total.true + total.false, 1),
        "best": best,
        "best_se": error,
    }
    cells = [
        f"{every:.0f} ± {every_se:.0f}",
        f"{front:.0f} ± {front_se:.0f}",
        *(
            f"{figures[key]:.{digits}f}"
            for key, digits in {"fresh": 2, "over": 1, "false": 3}.items()
        ),
        f"{best:+.2f} ± {error:.2f}",
    ]
    print(f"  {name:35s} {' '.join(f'{cell:>13s}' for cell in cells)}", flush=True)
    return figures


if __name__ == "__main__":
    main()
