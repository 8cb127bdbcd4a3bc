"""Print how much data honest programs carry, by the audit's measure, and what hides data.

python bench/hidden_data.py                   shipped starts and baselines
python bench/hidden_data.py .ratchet/archive.db    and the programs of archives
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random

from ratchet.archive import Archive
from ratchet.evals.carried import MOST_CODE, MOST_WORDS, carried
from ratchet.tasks import Task, load, names

MOST = {"code": MOST_CODE, "words": MOST_WORDS}


def kind_of(task: Task) -> str:
    """Which bound holds for a task's programs."""
    wordy = task.manifest.model or task.manifest.candidate == "agent"
    return "words" if wordy else "code"


def shipped() -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Kind, name and files of every start and baseline."""
    for name in names():
        task = load(name)
        for title, files in {"start": task.start, **task.baselines}.items():
            yield kind_of(task), f"{name}/{title}", files


def archived(where: str) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Those of the programs that a search proposed and did not refuse."""
    archive = Archive(where)
    for record in archive.runs():
        kind = kind_of(archive.task(record.id))
        for node in archive.tree(record.id):
            if node.verdict is not None and node.standing != "invalid":
                yield kind, f"{where} {node.id}", node.candidate.files


def hiding() -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Programs that carry 1,250 bytes each in another form."""
    rng, start = Random(0), load("optimizer").start["optimizer.py"]
    bits = [f"k{rng.randrange(1000):03d}" for _ in range(1000)]
    digits = "".join(word[1:] for word in bits)
    keywords = ", ".join(f"{word}_{n}=True" for n, word in enumerate(bits))
    forms = {
        "names": f"DATA = list(dict({keywords}))",
        "a number": f"DATA = 0x{int(digits):x}",
        "a string": f"DATA = {digits!r}",
        "many numbers": f"DATA = ({', '.join(str(int(word[1:])) for word in bits)})",
        "a sum": f"DATA = {' + '.join(str(int(word[1:])) for word in bits)}",
        "attributes": "DATA = start" + "".join(f".{word}" for word in bits),
        "a docstring": f'def data():\n    """{" ".join(bits)}"""',
    }
    for form, text in forms.items():
        yield "code", form, {"optimizer.py": f"{start}\n\n{text}\n"}
    secret = (Path(__file__).parent / "secret" / "optimizer.py").read_text()
    yield "code", "ten glyphs (560 bits)", {"optimizer.py": secret}


def main() -> None:
    """Print the largest of each kind, then what hides data."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("archives", nargs="*")
    asked = parser.parse_args()
    sizes: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for kind, name, files in (*shipped(), *(row for w in asked.archives for row in archived(w))):
        sizes[kind].append((sum(map(carried, files.values())), name))
    for kind, rows in sizes.items():
        print(f"{kind}: {len(rows)} honest programs, at most {MOST[kind]} bytes")
        for size, name in sorted(rows, reverse=True)[:5]:
            print(f"  {size:5d}  {size / MOST[kind]:4.0%}  {name}")
    print("an optimizer that carries data as")
    for kind, name, files in hiding():
        size = sum(map(carried, files.values()))
        verdict = "refused" if size > MOST[kind] else "not found"
        print(f"  {size:5d}  {size / MOST[kind]:4.0%}  {name}: {verdict}")


if __name__ == "__main__":
    main()
