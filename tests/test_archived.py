"""Agents that a search has found propose for real tasks, from within the sandbox."""

import dataclasses
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import pytest
from conftest import BOWL
from stand_ins.runs import always, start
from stand_ins.scripted import START, confirmed, node

from ratchet.agents import archived
from ratchet.agents.archived import Archived, guest_program, open_archived
from ratchet.agents.base import AgentError, Brief, ProposalError, ReplyError, Tried
from ratchet.agents.itself import Itself
from ratchet.agents.llm import Message
from ratchet.archive import Archive, Node, Tree
from ratchet.evals import Candidate
from ratchet.evals.canonical import canonical
from ratchet.sandbox import Job, Result, Sandbox
from ratchet.search.desk.desk import RunDesk
from ratchet.search.loop import search
from ratchet.tasks import Task, load

AGENTS = load("research_agent")
TASK = load(BOWL)
HEAD = "def propose(brief):\n    files = dict(brief.parent['files'])\n"
DONE = "    return {'files': files, 'idea': 'as told'}\n"
BETTER = START.replace("0.02", "0.04")


class RealDesk(RunDesk):
    """A desk whose model follows a script, and that keeps what was asked of it."""

    def __init__(
        self, sandbox: Sandbox, script: Sequence[str | ReplyError] = (), task: Task = TASK
    ) -> None:
        super().__init__("run/1.0", task, sandbox, None, None)
        self._script, self._name = list(script), "test-model" if script else ""
        self.jobs: list[Job] = []
        self.tried: list[Mapping[str, str]] = []
        self.asked: list[tuple[str, str, str]] = []

    def ask_text(self, step: str, role: str, messages: Sequence[Message]) -> str:
        self.asked.append((step, role, "\n".join(message.content for message in messages)))
        said = self._script.pop(0)
        if isinstance(said, ReplyError):
            raise said
        return said

    def model(self, role: str) -> str:
        return self._name

    def try_out(self, files: Mapping[str, str]) -> Tried:
        self.tried.append(files)
        return super().try_out(files)

    def run(self, job: Job) -> Result:
        self.jobs.append(job)
        return super().run(job)


def agent(text: str) -> Archived:
    return Archived({"agent.py": text}, guest_program(AGENTS), "agent x.1")


def brief(desk: RealDesk, *nodes: Node, parent: int = 0, seed: int = 0, task: Task = TASK) -> Brief:
    tree = Tree([node(0, None, START), *nodes])
    return Brief(task, tree[parent], tree, Random(seed), desk)


def told(desk: RealDesk) -> dict[str, object]:
    """What the last job was told."""
    found: dict[str, object] = json.loads(desk.jobs[-1].request[1:])
    return found


def test_the_agents_of_the_task_propose_for_another_one(process_sandbox: Sandbox) -> None:
    for files in (AGENTS.start, *AGENTS.baselines.values()):
        offers = []
        for seed in range(3):
            desk = RealDesk(process_sandbox)
            offers.append(agent(files["agent.py"]).propose(brief(desk, seed=seed)))
        assert all(set(offer.files) == {"step.py"} for offer in offers)
        assert all(offer.proposer == "agent x.1" and offer.idea for offer in offers)
        assert any(offer.files["step.py"] != START for offer in offers)
        assert any(desk.try_out(offer.files).ok for offer in offers)


def test_equal_briefs_give_equal_offers(process_sandbox: Sandbox) -> None:
    made = [
        agent(AGENTS.start["agent.py"]).propose(
            brief(RealDesk(process_sandbox), confirmed(1, 0, 0.5, source=BETTER), seed=5)
        )
        for _ in range(2)
    ]
    assert made[0] == made[1]


def test_it_proposes_from_within_walls(isolated_sandbox: Sandbox) -> None:
    text = HEAD + "    files['step.py'] = 'RATE = 1.0\\n' + files['step.py']\n" + DONE
    assert agent(text).propose(brief(RealDesk(isolated_sandbox))).idea == "as told"
    text = HEAD + "    import os\n    os.fork()\n" + DONE
    with pytest.raises(ProposalError, match="candidate_error"):
        agent(text).propose(brief(RealDesk(isolated_sandbox)))


def test_an_agent_sees_the_tree(process_sandbox: Sandbox) -> None:
    desk = RealDesk(process_sandbox)
    failed = node(2, 1, standing="invalid", screen=None)
    at = brief(desk, confirmed(1, 0, 0.5, source=BETTER), failed, node(3, 1), parent=1)
    agent(HEAD + DONE).propose(at)
    seen = told(desk)
    nodes = seen["nodes"]
    assert isinstance(nodes, list)
    assert [each["number"] for each in nodes] == [0, 1, 2, 3]
    assert [each["gain"] for each in nodes] == [0.0, 0.5, None, pytest.approx(0.49)]
    assert [each["parent"] for each in nodes] == [None, 0, 1, 1]
    assert nodes[1]["files"] == {"step.py": BETTER}
    assert nodes[3]["seeds"] == 16
    assert (seen["parent"], seen["best"], seen["motifs"], seen["model"]) == (1, 1, [], False)
    assert "noisy ten-dimensional quadratic" in str(seen["statement"])


def test_of_a_large_tree_the_best_and_the_newest_are_shown(process_sandbox: Sandbox) -> None:
    desk = RealDesk(process_sandbox)
    rest = [node(number, 0) for number in range(2, 90)]
    agent(HEAD + DONE).propose(brief(desk, confirmed(1, 0, 0.5), *rest))
    nodes = told(desk)["nodes"]
    assert isinstance(nodes, list)
    numbers = [each["number"] for each in nodes]
    assert len(numbers) == archived.NODES
    assert numbers == sorted(numbers)
    assert {0, 1, 89} <= set(numbers)
    assert 30 not in numbers


def test_simple_motifs_of_the_task_are_handed_on(process_sandbox: Sandbox) -> None:
    task = load("policy_objective")
    desk = RealDesk(process_sandbox, task=task)
    start = node(0, None).model_copy(
        update={"candidate": Candidate(files=task.start, idea="", proposer="start")}
    )
    at = Brief(task, start, Tree([start]), Random(0), desk)
    offer = agent(AGENTS.start["agent.py"]).propose(at)
    assert set(offer.files) == {"objective.py"}
    seen = told(desk)["motifs"]
    assert isinstance(seen, list)
    assert {"name": "ratio clip", "code": "BAND = 0.2\nx.clamp(1.0 - BAND, 1.0 + BAND)"} in seen


def test_a_model_is_asked_by_running_again(process_sandbox: Sandbox) -> None:
    text = HEAD + (
        "    first = brief.ask('Which rate?')\n"
        "    second = brief.ask(f'Sure of {first}?')\n"
        "    files['step.py'] = files['step.py'].replace('0.02', first)\n"
        "    return {'files': files, 'idea': second}\n"
    )
    desk = RealDesk(process_sandbox, ["0.05", "Yes"])
    offer = agent(text).propose(brief(desk))
    assert offer.files == {"step.py": START.replace("0.02", "0.05")}
    assert offer.idea == "Yes"
    assert desk.asked == [
        ("agent/0", "agent", "Which rate?"),
        ("agent/1", "agent", "Sure of 0.05?"),
    ]
    assert len(desk.jobs) == 3


def test_without_a_model_an_agent_is_told_so_and_may_do_without(process_sandbox: Sandbox) -> None:
    text = HEAD + (
        "    try:\n        brief.ask('Anyone?')\n"
        "    except RuntimeError as error:\n        return {'files': files, 'idea': str(error)}\n"
    )
    assert agent(text).propose(brief(RealDesk(process_sandbox))).idea == "no model here"


def test_a_reply_that_does_not_come_is_the_desks_error(process_sandbox: Sandbox) -> None:
    desk = RealDesk(process_sandbox, [ReplyError("nothing came")])
    with pytest.raises(ReplyError, match="nothing came"):
        agent(HEAD + "    brief.ask('Well?')\n" + DONE).propose(brief(desk))


def test_programs_are_tried_out_at_the_desk(process_sandbox: Sandbox) -> None:
    text = HEAD + (
        "    bad = brief.try_out({'step.py': 'import os\\n'})\n"
        "    good = brief.try_out(files)\n"
        "    return {'files': files, 'idea': repr((bad, good))}\n"
    )
    desk = RealDesk(process_sandbox)
    offer = agent(text).propose(brief(desk))
    assert "'ok': False, 'log': 'step.py:1 imports os" in offer.idea
    assert "{'ok': True, 'log': ''}" in offer.idea
    assert len(desk.tried) == 2
    assert len(desk.jobs) == 3


def test_an_agent_may_build_on_another_node(process_sandbox: Sandbox) -> None:
    text = (
        "def propose(brief):\n    other = brief.nodes[1]\n"
        "    return {'files': other['files'], 'idea': 'x', 'parent': other['number']}\n"
    )
    offer = agent(text).propose(brief(RealDesk(process_sandbox), confirmed(1, 0, 0.5)))
    assert offer.parent == 1


# In its own process it may do as it likes.
OWNED = "import guest, json\nguest.proposal = lambda *all: json.loads(REPLY)\n"
ENDLESS = "    number = 0\n    while True:\n        number += 1\n        brief.ask(f'{number}?')\n"
DIFFERENT = "    brief.ask(f'{len(count)}?')\n    brief.ask('Really?')\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def propose(:\n", "does not import"),
        (HEAD + "    raise ValueError('no idea')\n", "no idea"),
        (HEAD + "    return 3\n", "must return a dict"),
        (HEAD + "    return {'files': {'step.py': 3}}\n", "names and texts"),
        (
            HEAD + "    return {'files': {**files, 'more.py': ''}}\n",
            "step.py, more.py, not step.py",
        ),
        (HEAD + "    return {'files': files, 'parent': 7}\n", "the number of a node"),
        (HEAD + "    brief.ask('x' * 70_000)\n" + DONE, "1 to 60000 characters"),
        (HEAD + ENDLESS, "had not made up its mind after 12"),
        ("import os\n" + HEAD + "    count = str(os.getpid())\n" + DIFFERENT, "another question 0"),
        (HEAD + "    while True: pass\n", "longer than 2 s of CPU time"),
    ],
)
def test_a_broken_agent_has_nothing_to_offer(
    process_sandbox: Sandbox, text: str, reason: str
) -> None:
    text = text.replace("len(count)", "count")
    desk = RealDesk(process_sandbox, ["reply"] * archived.ROUNDS)
    with pytest.raises(ProposalError, match=reason):
        agent(text).propose(brief(desk))
    assert len(desk.jobs) <= archived.ROUNDS


def test_one_that_sleeps_is_ended(
    process_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = dataclasses.replace(archived.LIMITS, wall_seconds=3.0)
    monkeypatch.setattr(archived, "LIMITS", limits)
    text = "import time\n" + HEAD + "    time.sleep(60)\n"
    with pytest.raises(ProposalError, match="timeout"):
        agent(text).propose(brief(RealDesk(process_sandbox)))


@pytest.mark.parametrize(
    "reply",
    [
        '"nonsense"',
        '{"files": {"step.py": 3}}',
        '{"asks": [{"id": "0", "kind": "pay", "prompt": "?"}]}',
        '{"asks": [{"id": "0", "kind": "ask", "prompt": "?"}, {"id": "1", "kind": "ask"}]}',
        '{"asks": [{"id": "0", "kind": "ask", "prompt": "' + "x" * 70_000 + '"}]}',
        '{"files": {}, "idea": "", "score": 9}',
    ],
)
def test_what_an_agent_that_owns_its_box_replies_is_checked(
    process_sandbox: Sandbox, reply: str
) -> None:
    text = OWNED.replace("REPLY", repr(reply)) + HEAD + DONE
    desk = RealDesk(process_sandbox, ["reply"] * archived.ROUNDS)
    with pytest.raises(ProposalError, match="replied badly"):
        agent(text).propose(brief(desk))
    assert desk.asked == []


def test_one_that_repeats_its_question_is_ended(process_sandbox: Sandbox) -> None:
    said = '{"asks": [{"id": "0", "kind": "ask", "prompt": "?"}]}'
    text = OWNED.replace("REPLY", repr(said)) + HEAD + DONE
    desk = RealDesk(process_sandbox, ["reply"] * archived.ROUNDS)
    with pytest.raises(ProposalError, match="asks again"):
        agent(text).propose(brief(desk))
    assert len(desk.asked) == 1


BIG = "import guest\nguest.proposal = lambda found, brief: REPLY\n"
ASKING = (
    '{"asks": [{"id": str(len(brief._replies)), "kind": "try",'
    ' "files": {"step.py": "#" * 600_000}}]}'
)
LITERAL = (
    HEAD
    + "    files['step.py'] += '\\n\\nX = 0x' + 'f' * 4000 + '\\n\\n\\ndef more(): return X\\n'\n"
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (LITERAL + DONE, "bytes of literals"),
        (LITERAL + "    assert not brief.try_out(files)['ok']\n" + DONE, "bytes of literals"),
        (BIG.replace("REPLY", "{'files': {'step.py': '#' * 4_000_000}}"), "output_overflow"),
        (BIG.replace("REPLY", "{'files': {'step.py': '#' * 900_000}}"), "has 900000 bytes, and"),
        (BIG.replace("REPLY", "{'files': {'step.py': '\\ud800'}}"), "replied badly"),
        (BIG.replace("REPLY", "{'files': {'step.py': ''}, 'idea': 'x' * 900_000}"), "smoke test"),
        (BIG.replace("REPLY", "{str(n): n for n in range(60_000)}"), "replied badly"),
        (BIG.replace("REPLY", ASKING), "bytes and 60 s are the most"),
        (
            BIG.replace("REPLY", "{'files': {f'\\x1b[31m{n}': '' for n in range(20_000)}}"),
            "offers 0, 1, 2,",
        ),
    ],
)
def test_nothing_that_a_discovered_agent_sends_ends_a_search(
    tmp_path: Path, process_sandbox: Sandbox, text: str, reason: str
) -> None:
    text = text if "def propose" in text else text + HEAD + DONE
    one = agent(text)
    one.attempts = 1
    run = start(tmp_path / "a.db", process_sandbox, one, turns=1)
    began = time.process_time()
    (made,) = [node for node in search(run, always) if node.verdict]
    assert time.process_time() - began < 10.0
    assert made.verdict is not None
    assert reason in made.verdict.reason
    assert len(made.verdict.reason) <= 1000
    assert "\x1b" not in made.verdict.reason
    assert sum(map(len, made.candidate.files.values())) < 100_000


def test_one_proposal_may_take_so_long_and_no_longer(
    process_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archived, "SECONDS", 0.0)
    with pytest.raises(ProposalError, match="0 s are the most for one proposal"):
        agent(HEAD + DONE).propose(brief(RealDesk(process_sandbox)))


def test_its_words_are_made_harmless(process_sandbox: Sandbox) -> None:
    text = HEAD + "    raise ValueError('\\x1b[2J' + 'a\\u202eb' + 'x' * 5000)\n"
    with pytest.raises(ProposalError) as caught:
        agent(text).propose(brief(RealDesk(process_sandbox)))
    said = str(caught.value)
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert len(said) < 500


def test_it_opens_from_an_archive(tmp_path: Path, process_sandbox: Sandbox) -> None:
    archive = Archive(tmp_path / "a.db", create=True)
    try:
        archive.start_run("agents", AGENTS, {"task": AGENTS.name})
        archive.start_run("bowl", TASK, {"task": TASK.name})
        found = Candidate(files=AGENTS.start, idea="", proposer="start")
        update = {"run": "agents", "candidate": found}
        archive.add(node(0, None).model_copy(update=update))
        archive.add(node(0, None).model_copy(update={"run": "bowl"}))
        opened = open_archived(archive, "agents.0")
        offer = opened.propose(brief(RealDesk(process_sandbox), seed=1))
        assert offer.proposer == "agent agents.0"
        with pytest.raises(AgentError, match="is a program for 'bowl', not an agent"):
            open_archived(archive, "bowl.0")
    finally:
        archive.close()


def test_an_agent_changes_itself_and_its_offspring_runs(process_sandbox: Sandbox) -> None:
    planted = node(0, None).model_copy(
        update={
            "candidate": Candidate(files=AGENTS.start, idea="the start", proposer="task"),
            "canonical": canonical(AGENTS.start),
        }
    )
    tree = Tree([planted])
    found = []
    for seed in range(6):
        desk = RealDesk(process_sandbox, task=AGENTS)
        try:
            offer = Itself().propose(Brief(AGENTS, planted, tree, Random(seed), desk))
        except ProposalError:
            continue
        assert offer.proposer == "itself, as node 0"
        if canonical(offer.files) != planted.canonical and desk.try_out(offer.files).ok:
            found.append(offer)
    assert found, "of six changes of itself at least one runs"


def test_only_agents_can_change_themselves(process_sandbox: Sandbox) -> None:
    with pytest.raises(AgentError, match="'bowl' are no agents"):
        Itself().propose(brief(RealDesk(process_sandbox)))
