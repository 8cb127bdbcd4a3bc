"""What secret training still gains: an optimizer that carries the published glyphs, and trains.

    python bench/secret_training.py                      dev and transfer, each defence
    python bench/secret_training.py --seeds 8 --sandbox namespace --splits dev

The program is `secret/optimizer.py`, in four forms: it trains in `init`; at the first step instead,
where only the CPU time of the whole job is bounded; so and on shapes that it draws by itself, for
an own idea of what glyphs look like; and with `bulky` training, ten times as long. Each is measured
with no defence, with either, and with both. Gains are over the start, in nats, on the same seeds.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from statistics import fmean
from typing import get_args

from ratchet.evals import Candidate, Keys, Split, Trial, audit, draw, measure
from ratchet.sandbox import Sandbox, open_sandbox
from ratchet.tasks import Task, load

SOURCE = Path(__file__).parent / "secret" / "optimizer.py"
TRAINED = "        LEARNED[str(shapes)] = learned(shapes)\n"
FIRST = "    step, updates, new_state = ctx.step + 1, {}, {}\n"
GLYPHS = "GLYPHS = torch.tensor("
OWN = """

def invented():
    \"\"\"Ten glyphs of a few strokes, as anybody might draw them.\"\"\"
    y, x = torch.meshgrid(torch.arange(8.0), torch.arange(7.0), indexing="ij")
    strokes = torch.stack(
        [((y - 7 * torch.rand(1)) * torch.randn(1) + (x - 6 * torch.rand(1)) * torch.randn(1)).abs()
         < 0.6 for _ in range(7)]
    ).float()
    return torch.stack([strokes[torch.randperm(7)[:2]].amax(0) for _ in range(10)])


GLYPHS = invented()
"""


def programs() -> Iterator[tuple[str, str]]:
    """A title and a text for each form of the program."""
    text = SOURCE.read_text()
    late = text.replace(TRAINED, "        pass\n").replace(
        "    if target is not None and ctx.step == 0:\n",
        "    shapes = {n: tuple(p.shape) for n, p in params.items()}\n"
        "    dense = all(n[0] in 'wb' for n in shapes)\n"
        "    if ctx.step == 0 and dense and shapes['w0'][0] == 100:\n"
        "        target = LEARNED[str(shapes)] = learned(shapes)\n",
    )
    before, _, rest = late.partition(GLYPHS)
    yield "in init", text
    yield "at the first step", late
    yield "on own shapes", before.rstrip() + OWN + rest.partition("\n")[2]
    yield "ten times as long", late.replace("STEPS = 1000", "STEPS = 10000")


def defended(task: Task, setup: bool) -> Task:
    """The task, with the limit of its set-up or practically without."""
    if setup:
        return task
    manifest = task.files["task.toml"].decode().replace("[limits]", "[limits]\nsetup_seconds = 60")
    return Task({**task.files, "task.toml": manifest.encode()})


def outcome(task: Task, start: Sequence[Trial], own: Sequence[Trial]) -> str:
    """The gain over the start, workload by workload, or how the program ended."""
    failed = [trial for trial in own if trial.score is None]
    if failed:
        return f"{failed[0].status}: {failed[0].log.strip().splitlines()[-1]}"
    gains = [
        task.metric.gain(a.score or 0.0, b.score or 0.0) for a, b in zip(own, start, strict=True)
    ]
    parts: dict[str, float] = {}
    for name in own[0].scores:
        pairs = [(a.scores[name], b.scores[name]) for a, b in zip(own, start, strict=True)]
        parts[name] = fmean(task.metric.gain(a or 0.0, b or 0.0) for a, b in pairs)
    seconds = (sum(trial.seconds for trial in trials) for trials in (own, start))
    own_seconds, start_seconds = seconds
    cost = f"{own_seconds:.1f} CPU s, {own_seconds / start_seconds:.1f} times the start's"
    shown = ", ".join(f"{name} {gain:+.2f}" for name, gain in parts.items() if abs(gain) >= 0.02)
    return f"{fmean(gains):+.3f} ({shown}); {cost}"


def table(task: Task, split: Split, seeds: int, backend: Sandbox) -> None:
    """Print every form of the program under every defence."""
    keys: Mapping[str, Keys] = {
        "published data": Keys.fresh()._replace(data=0),
        "data of a run": Keys.fresh(),
    }
    begin = Candidate(files=task.start, idea="start", proposer="bench")
    for data, key in keys.items():
        drawn = draw(key, "bench", seeds)
        start = measure(begin, task, backend, drawn, split)
        seconds = sum(trial.seconds for trial in start)
        for title, text in programs():
            files = {"optimizer.py": text}
            refused = audit(files, task).refused
            program = Candidate(files=files, idea=title, proposer="bench")
            for clocks in (False, True):
                limited = defended(task, clocks)
                paid = seconds if clocks else 0.0
                own = measure(program, limited, backend, drawn, split, start_seconds=paid)
                with_clocks = "CPU time bounded" if clocks else "not bounded"
                ending = outcome(task, start, own) + ("; the audit refuses it" if refused else "")
                print(f"{split} | {data} | {with_clocks} | {title} | {ending}", flush=True)


def main() -> None:
    """Measure on the splits asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--sandbox", default="process")
    parser.add_argument("--splits", nargs="+", choices=get_args(Split), default=["dev", "transfer"])
    asked = parser.parse_args()
    with closing(open_sandbox(asked.sandbox, 1, accept_unisolated=True)) as backend:
        for split in asked.splits:
            table(load("optimizer"), split, asked.seeds, backend)


if __name__ == "__main__":
    main()
