"""What searches find: the best of each, measured on fresh seeds against one fixed program.

    python bench/discovery.py --file found.json                       five searches of 4.5 minutes
    python bench/discovery.py --file found.json --minutes 30 --seeds 1 2
    python bench/discovery.py --file found.json --task schedule --minutes 10 --over start
    python bench/discovery.py --file found.json --trials 1600         on a busy machine

With `--trials` a search ends after so many trials, whatever else the machine does. 1,600 are about
what 4.5 minutes have on two cores.

Searches are made one after the other, on a machine that should do nothing else, and kept in an
archive beside the file. A row is written to the file as soon as it is measured, and what is there
is not done again, so a long table can be made in sittings. The best kept node is measured beside
the reference on seeds that no search draws: for `optimizer` the Muon of bench/reference, whatever
baselines the task may get, else the program that `--over` names. `can win` is the share of all
trials of proposals that went to children of a node within three typical steps of the best of the
end. `ruined` counts proposals that could not run, or that the first look showed to be far worse.
Errors are standard errors.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from harness import mean_error

import ratchet
from ratchet.archive import Archive, Node, Tree
from ratchet.evals import Candidate, Keys, Split, draw, judge
from ratchet.sandbox import open_sandbox
from ratchet.search.budget import Caps
from ratchet.search.lab import Lab
from ratchet.search.select.lead import typical_step
from ratchet.tasks import Task, load

HERE = Path(__file__).parent
FRESH: Mapping[Split, int] = {"dev": 64, "transfer": 16}
JOB = 4  # seeds
NEAR = 3.0  # typical steps
HEAD = ("seed", "proposals", "ruined", "can win", "tuned", "claims", "dev", "transfer")


def reference(task: Task, over: str) -> Candidate:
    """The program that is to be beaten."""
    if over == "muon":
        files: Mapping[str, str] = {"optimizer.py": (HERE / "reference/muon.py").read_text()}
    else:
        files = task.start if over == "start" else task.baselines[over]
    return Candidate(files=files, idea=over, proposer="task")


def measured(
    task: Task, child: Candidate, rival: Candidate, sandbox: str
) -> dict[str, tuple[float, float]]:
    """Mean gain and its standard error on fresh seeds, by split."""
    keys, gains = Keys.fresh(), dict[str, tuple[float, float]]()
    box = open_sandbox(sandbox, 2)
    with TemporaryDirectory() as folder:
        lab = Lab(task.keyed(keys.data), box, Archive(Path(folder) / "a.db", create=True))
        for split, count in FRESH.items():
            seeds, both = draw(keys, "fresh", count), {"child": child, "rival": rival}
            for some in range(JOB, count + 1, JOB):  # small jobs, in time on a busy machine too
                evaluations = lab.evaluate_all(both, "fresh", seeds[:some], split)
            values = judge.gains(evaluations["child"], evaluations["rival"], task.metric)
            gains[split] = mean_error(values)
    box.close()
    return gains


def counted(tree: Tree) -> dict[str, Any]:
    """Where the budget of a search went, and what became of it."""
    proposals = tree.proposals()
    ruined = [node for node in proposals if _ruined(node)]
    least = max(tree.ranking.values()) - NEAR * typical_step(tree)
    can_win = sum(n.trials for n in proposals if tree.ranking.get(n.parent or 0, least) > least)
    claims = tree.claims()
    return {
        "proposals": len(proposals),
        "ruined": len(ruined) / max(1, len(proposals)),
        "can win": can_win / max(1, sum(node.trials for node in proposals)),
        "tuned": sum(node.tuning is not None for node in proposals),
        "claims": f"{sum(c.held for c in claims)} of {len(claims)}",
        "trials": tree.trials,
    }


def _ruined(node: Node) -> bool:
    return node.standing == "invalid" or (
        bool(node.evidence) and all(evidence.split == "glance" for evidence in node.evidence)
    )


def searched(asked: argparse.Namespace, seed: int) -> dict[str, Any]:
    """One search, and its best node beside the reference."""
    task = load(asked.task)
    place = asked.file.with_suffix(".db")
    run = ratchet.search(
        asked.task,
        minutes=None if asked.trials else asked.minutes,
        caps=Caps(trials=asked.trials),
        seed=seed,
        sandbox=asked.sandbox,
        archive=place,
    )
    run.wait()
    tree = Archive(place).tree(run.id)
    row: dict[str, Any] = {"seed": seed, "run": run.id, **counted(tree)}
    if best := tree.best():
        rival = reference(task, asked.over)
        row |= measured(task, best.candidate, rival, asked.sandbox)
        row |= {"code": dict(best.candidate.files), "idea": best.candidate.idea}
    return row


def cells(row: Mapping[str, Any]) -> list[str]:
    """A row of the table."""
    text = {name: f"{row[name]:.0%}" for name in ("ruined", "can win")}
    for split in FRESH:
        text[split] = "{:+.4f} ± {:.4f}".format(*row[split]) if split in row else "nothing kept"
    return [text.get(name, str(row[name])) if name in row or name in text else "" for name in HEAD]


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """All rows, and their medians."""
    lines = [HEAD, ["---"] * len(HEAD), *map(cells, rows)]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    for split in FRESH:
        gains = [row[split][0] if split in row else 0.0 for row in rows]
        text += f"\nmedian, {split}: {median(gains):+.4f} ({sum(g > 0 for g in gains)} above zero)"
    return text


def main() -> None:
    """Make the searches that the file lacks, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--file", type=Path, required=True, help="where rows are kept")
    parser.add_argument("--task", default="optimizer")
    parser.add_argument("--over", default="muon", help="muon, start or the name of a baseline")
    parser.add_argument("--minutes", type=float, default=4.5)
    parser.add_argument("--trials", type=int, help="in the place of minutes")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--sandbox", default="auto")
    asked = parser.parse_args()
    kept: dict[str, list[dict[str, Any]]] = {}
    if asked.file.exists():
        kept = json.loads(asked.file.read_text())
    budget = f"{asked.trials} trials" if asked.trials else f"{asked.minutes:g}"
    rows = kept.setdefault(f"{asked.task} {budget} over {asked.over}", [])
    for seed in asked.seeds:
        if seed not in {row["seed"] for row in rows}:
            rows.append(searched(asked, seed))
            asked.file.write_text(json.dumps(kept, indent=1) + "\n")
            print(table(rows), flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
