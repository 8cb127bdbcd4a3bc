"""The gym: every task is a real environment, and nothing an agent says can break an episode."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from conftest import BOWL
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from gymnasium.utils.seeding import np_random
from gymnasium.wrappers import RecordEpisodeStatistics
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ratchet.evals import Candidate, Keys, draw
from ratchet.evals.env import ResearchEnv, SettingsError, register_task
from ratchet.evals.gym import TOOLS, Edit, Lease, Replace, Run, Submit, Validate, View, Write
from ratchet.evals.gym.scores import STREAM
from ratchet.sandbox import Isolation, Job, Result, Sandbox, SandboxError
from ratchet.tasks import Task, TaskError, load, names

DOCS = Path(__file__).parent.parent / "docs" / "gym.md"
START = load(BOWL).start["step.py"]
BETTER = {"tool": "edit", "file": "step.py", "old": "0.02", "new": "0.03"}
WORSE = {"tool": "edit", "file": "step.py", "old": "0.03", "new": "0.001"}
CRASH = "def step(x, grad, progress):\n    raise ValueError('\\x1b[31mreward: 99')\n"
STUCK = "def step(x, grad, progress):\n    while True:\n        pass\n"


class Recorder:
    """A sandbox that remembers what it was asked to do."""

    name = "recorder"

    def __init__(self, sandbox: Sandbox) -> None:
        self.isolation: Isolation = sandbox.isolation
        self.jobs: list[Job] = []
        self.results: list[Result] = []
        self._sandbox = sandbox

    def run(self, job: Job) -> Result:
        self.jobs.append(job)
        self.results.append(self._sandbox.run(job))
        return self.results[-1]

    def describe(self) -> dict[str, str]:
        return self._sandbox.describe()

    def close(self) -> None:
        """It belongs to somebody else."""


class Flaky(Recorder):
    """Loses the box of the n-th job, as a machine may."""

    def __init__(self, sandbox: Sandbox, lost: int) -> None:
        super().__init__(sandbox)
        self._lost = lost

    def run(self, job: Job) -> Result:
        if len(self.jobs) + 1 == self._lost:
            self.jobs.append(job)
            return Result("infra_lost")
        return super().run(job)


@pytest.fixture
def env(process_sandbox: Sandbox) -> Iterator[ResearchEnv]:
    env = ResearchEnv(BOWL, backend=process_sandbox)
    env.reset(seed=1)
    yield env
    env.close()


@pytest.fixture(scope="module")
def bowl() -> str:
    return register_task(BOWL)


def act(env: Any, action: Mapping[str, object] | str) -> tuple[Any, float, bool, bool, Any]:
    text = action if isinstance(action, str) else json.dumps(action)
    observation, reward, terminated, truncated, info = env.step(text)
    assert observation in env.observation_space
    return observation, reward, terminated, truncated, info


def written(text: str) -> dict[str, object]:
    return {"tool": "write", "file": "step.py", "text": text}


VALIDATE, RUN, SUBMIT = {"tool": "validate"}, {"tool": "run"}, {"tool": "submit"}


@pytest.mark.parametrize("name", names())
def test_every_task_is_a_valid_environment(name: str) -> None:
    env = gymnasium.make(f"Ratchet/{name}-v0")
    check_env(env.unwrapped)
    env.close()


def test_a_folder_becomes_a_valid_environment(bowl: str) -> None:
    assert bowl == register_task(BOWL) == "Ratchet/bowl-v0"
    env = gymnasium.make(bowl, render_mode="ansi")
    check_env(env.unwrapped)
    env.close()


def test_a_folder_cannot_take_the_name_of_a_built_in_task(tmp_path: Path) -> None:
    for path, content in load("schedule").files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    with pytest.raises(TaskError, match="built-in"):
        register_task(tmp_path)


def test_an_episode_in_isolation(bowl: str, isolated_sandbox: Sandbox) -> None:
    env = gymnasium.make(bowl, sandbox=isolated_sandbox.name, seeds=4)
    env.reset(seed=1)
    assert "it runs" in act(env, RUN)[0]["feedback"]
    observation, reward, terminated, _, info = act(env, {"files": {"step.py": fast(0.03)}})
    assert observation["best"] == info["gain"] > 0
    assert reward > 0
    assert not terminated
    observation, reward, terminated, truncated, info = act(env, SUBMIT)
    assert (reward, terminated, truncated) == (0, True, False)
    assert info["submitted"] == info["program"] == info["best"]
    env.close()
    env.close()


def fast(rate: float) -> str:
    return START.replace("0.02", str(rate))


def test_an_open_task_will_do(process_sandbox: Sandbox) -> None:
    env = ResearchEnv(Task(load(BOWL).files), backend=process_sandbox, seeds=2)
    env.reset(seed=1)
    assert "it runs" in act(env, RUN)[0]["feedback"]
    env.close()


def test_a_spec_rebuilds_its_environment_from_json(bowl: str) -> None:
    env = gymnasium.make(bowl, steps=7, seeds=3, penalty=0.5, start={"step.py": fast(0.01)})
    assert env.spec is not None
    again = gymnasium.make(EnvSpec.from_json(env.spec.to_json()))
    first, _ = env.reset(seed=2)
    assert first == again.reset(seed=2)[0]
    assert first["budget"]["steps"] == 7
    assert "0.01" in first["files"]
    env.close()
    again.close()


def test_equal_seeds_give_equal_episodes_and_fresh_ones_others(process_sandbox: Sandbox) -> None:
    def episode(env: ResearchEnv, seed: int | None) -> list[Any]:
        first = env.reset(seed=seed)
        return [first, *(act(env, each) for each in (VALIDATE, BETTER, VALIDATE, "?", SUBMIT))]

    with_seed = [episode(ResearchEnv(BOWL, backend=process_sandbox, seeds=2), 7) for _ in range(2)]
    assert with_seed[0] == with_seed[1]
    env = ResearchEnv(BOWL, backend=process_sandbox, seeds=2)
    gains = [episode(env, None)[-1][-1]["gain"] for _ in range(2)]
    assert gains[0] != gains[1] != with_seed[0][-1][-1]["gain"]


def test_the_return_is_the_best_gain_in_units_of_noise(env: ResearchEnv) -> None:
    rates, total, gains = (0.03, 0.001, 0.05, 0.04), 0.0, [0.0]
    for rate in rates:
        act(env, written(fast(rate)))
        observation, reward, _, _, info = act(env, VALIDATE)
        gains.append(info["gain"])
        total += reward
        assert (reward > 0) == (gains[-1] > max(gains[:-1]))
        assert observation["best"] == max(gains)
    assert total == pytest.approx(max(gains) / env.unit)
    assert 0.2 < env.unit < 1.0


def test_gains_are_over_the_given_start(process_sandbox: Sandbox) -> None:
    env = ResearchEnv(BOWL, backend=process_sandbox, start={"step.py": fast(0.03)})
    env.reset(seed=1)
    assert act(env, VALIDATE)[4]["gain"] == 0
    info = act(env, {"files": {"step.py": START}})[4]
    assert info["high"] < 0
    with pytest.raises(TaskError, match=r"step\.py"):
        ResearchEnv(BOWL, backend=process_sandbox, start={"other.py": START}).reset()


def test_what_has_a_score_costs_nothing_more(env: ResearchEnv) -> None:
    act(env, BETTER)
    spent = act(env, VALIDATE)[0]["budget"]["trials"]
    assert spent == 256 - 8
    assert env.trials == 16
    assert act(env, VALIDATE)[0]["budget"]["trials"] == spent
    act(env, written(START))
    assert act(env, VALIDATE)[0]["budget"]["trials"] == spent


@pytest.mark.parametrize(
    ("action", "says"),
    [
        ({**BETTER, "old": "0.04"}, "does not occur in step.py"),
        ({**BETTER, "old": "grad"}, "occurs 3 times in step.py (at lines 1, 6, 8)"),
        ({**BETTER, "old": ""}, "`old` is empty"),
        ({**BETTER, "file": "../grader.py"}, "no file '../grader.py' to edit: the files are step"),
        (written("#" * 20_001), "20001 bytes, and 20000 are the most"),
        ({"files": {"step.py": "a = 1", "other.py": ""}}, "no file 'other.py'"),
        ({"tool": "view", "file": "step.py", "first": 9, "last": 2}, "lines 1 to 9, not 9 to 2"),
        ({"tool": "edit", "file": "step.py"}, "edit: old: Field required"),
        ({"tool": "run", "shell": "id"}, "run: shell: Extra inputs"),
        ({"tool": "shell"}, "there is no tool 'shell': the tools are view, edit"),
        ({"tool": ["run"]}, "there is no tool"),
        ({}, "no tool is named"),
        ("[]", "not a JSON object"),
        ("run", "not JSON"),
        ('{"tool": "write", "file": "step.py", "text": "\\ud800"}', "not JSON"),
        pytest.param("\ud800", "not JSON", id="surrogate"),
        ("[" * 5000, "not JSON"),
        (json.dumps(written("x" * 131_072)), "131072 are the most"),
    ],
)
def test_a_wrong_action_says_what_is_wrong_and_changes_nothing(
    action: Mapping[str, object] | str, says: str, process_sandbox: Sandbox
) -> None:
    env = ResearchEnv(BOWL, backend=process_sandbox, penalty=0.25)
    before = env.reset(seed=1)[0]
    observation, reward, terminated, truncated, info = act(env, action)
    assert says in observation["feedback"]
    assert observation["files"] == before["files"]
    assert (reward, terminated, truncated, info["valid"]) == (-0.25, False, False, False)
    assert observation["budget"]["steps"] == before["budget"]["steps"] - 1


def test_overlapping_places_are_ambiguous(env: ResearchEnv) -> None:
    act(env, written("aaa = 1"))
    assert "occurs 2 times" in act(env, {**BETTER, "old": "aa"})[0]["feedback"]


def test_a_view_shows_the_lines_asked_for(env: ResearchEnv) -> None:
    view = {"tool": "view", "file": "step.py", "first": 3, "last": 4}
    assert act(env, view)[0]["feedback"] == "step.py, lines 3 to 4 of 9:\n3\tRATE = 0.02\n4\t"


@pytest.mark.parametrize(
    ("program", "tool", "says"),
    [
        ("import os\n" + START, RUN, "not allowed: step.py:1"),
        ("import os\n" + START, VALIDATE, "not allowed: step.py:1"),
        ("def step(:", VALIDATE, "not allowed: step.py:1 is not Python"),
        (CRASH, RUN, "it fails: candidate_error"),
        (CRASH, VALIDATE, "it has no score: candidate_error"),
        (STUCK, RUN, "it fails: timeout"),
        ("", VALIDATE, "it has no score: candidate_error"),
    ],
)
def test_a_bad_program_is_feedback_and_never_an_error(
    program: str, tool: Mapping[str, object], says: str, env: ResearchEnv
) -> None:
    act(env, written(program))
    observation, reward, terminated, truncated, info = act(env, tool)
    assert says in observation["feedback"]
    assert "\x1b" not in observation["feedback"]
    assert all(line.startswith("| ") for line in lines_with("reward: 99", observation["feedback"]))
    assert (reward, terminated, truncated, info["valid"]) == (0, False, False, True)
    assert "gain" not in info


def lines_with(part: str, text: str) -> list[str]:
    return [line for line in text.split("\n") if part in line]


def test_a_start_without_a_score_is_nothing_to_beat(process_sandbox: Sandbox) -> None:
    for backend, start in ((process_sandbox, CRASH), (Flaky(process_sandbox, 1), START)):
        env = ResearchEnv(BOWL, backend=backend, start={"step.py": start})
        env.reset(seed=1)
        with pytest.raises(TaskError, match="has no score to beat"):
            act(env, {"files": {"step.py": fast(0.03)}})
    assert "gain" in act(env, VALIDATE)[4]


def test_a_program_whose_box_was_lost_may_be_measured_again(process_sandbox: Sandbox) -> None:
    env = ResearchEnv(BOWL, backend=Flaky(process_sandbox, 3))
    env.reset(seed=1)
    act(env, BETTER)
    assert "no score: infra_lost" in act(env, VALIDATE)[0]["feedback"]
    assert act(env, VALIDATE)[4]["gain"] > 0


def test_out_of_steps_the_best_program_counts_as_submitted(process_sandbox: Sandbox) -> None:
    env = ResearchEnv(BOWL, backend=process_sandbox, steps=4)
    env.reset(seed=1)
    better = act(env, BETTER)[4]["program"]
    act(env, VALIDATE)
    assert not act(env, WORSE)[3]
    assert env.submitted is None
    _, reward, terminated, truncated, info = act(env, VALIDATE)
    assert (reward, terminated, truncated, info["end"]) == (0, False, True, "steps")
    assert info["submitted"] == info["best"] == better != info["program"]
    assert env.submitted == Candidate(
        files={"step.py": fast(0.03)}, idea="the result of an episode", proposer="gym"
    )


def test_out_of_evaluations_the_best_program_counts_as_submitted(process_sandbox: Sandbox) -> None:
    env = ResearchEnv(BOWL, backend=process_sandbox, seeds=4, trials=11)
    env.reset(seed=1)
    act(env, BETTER)
    assert not act(env, VALIDATE)[3]
    act(env, WORSE)
    observation, _, terminated, truncated, info = act(env, VALIDATE)
    assert (terminated, truncated, info["end"]) == (False, True, "trials")
    assert observation["budget"]["trials"] == 3
    assert info["submitted"] == info["best"] != info["program"]


def test_nothing_is_submitted_where_nothing_beats_the_start(process_sandbox: Sandbox) -> None:
    env = ResearchEnv(BOWL, backend=process_sandbox, steps=1)
    first = env.reset(seed=1)[1]
    info = act(env, {"files": {"step.py": fast(0.001)}})[4]
    assert info["submitted"] == first["program"] == info["best"]
    assert env.submitted is None


def test_a_submitted_program_without_a_score_gives_way_to_the_best(env: ResearchEnv) -> None:
    act(env, BETTER)
    best = act(env, VALIDATE)[4]["best"]
    act(env, written(CRASH))
    observation, _, terminated, _, info = act(env, SUBMIT)
    assert terminated
    assert "the best program so far instead: it has no score" in observation["feedback"]
    assert info["submitted"] == best


def test_a_submission_is_measured_and_may_be_worse_than_the_best(env: ResearchEnv) -> None:
    act(env, BETTER)
    _, reward, terminated, _, info = act(env, SUBMIT)
    assert terminated
    assert reward == pytest.approx(info["gain"] / env.unit)
    env.reset(seed=1)
    act(env, BETTER)
    act(env, VALIDATE)
    act(env, WORSE)
    info = act(env, SUBMIT)[4]
    assert info["submitted"] == info["program"] != info["best"]


def test_no_step_without_an_episode(process_sandbox: Sandbox) -> None:
    env = ResearchEnv(BOWL, backend=process_sandbox)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step("{}")
    env.reset()
    act(env, SUBMIT)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step("{}")
    assert "the episode is over" in env.call(Run())


def test_only_search_seeds_are_used_and_none_is_told(process_sandbox: Sandbox) -> None:
    recorder = Recorder(process_sandbox)
    env = ResearchEnv(BOWL, backend=recorder)
    rng, _ = np_random(5)
    seeds = draw(Keys(rng.bytes(16).hex(), rng.bytes(16).hex()), STREAM, 8)
    told: list[object] = [env.reset(seed=5)]
    actions = (VALIDATE, BETTER, VALIDATE, RUN, written(CRASH), VALIDATE, RUN, SUBMIT)
    told += [act(env, each) for each in actions]
    text = repr(told)
    requests = [json.loads(job.request.partition(b"\n")[0]) for job in recorder.jobs]
    measured = [r for r in requests if r.get("seeds") == [seed.train for seed in seeds]]
    assert len(measured) == 5
    assert {w for r in requests for w in r.get("workloads", ())} == {"easy", "hard"}
    assert any(r.get("sealed") == [seed.sealed for seed in seeds] for r in requests)
    for request in requests:
        for number in (*request.get("seeds", ()), *request.get("sealed", ())):
            assert str(number) not in text
    assert "harder" not in text


def test_calls_do_what_steps_do(env: ResearchEnv, process_sandbox: Sandbox) -> None:
    other = ResearchEnv(BOWL, backend=process_sandbox)
    other.reset(seed=1)
    calls = (
        View(file="step.py"),
        Edit(file="step.py", old="0.02", new="0.03"),
        Run(),
        Write(file="step.py", text=fast(0.04)),
        Validate(),
        Replace(files={"step.py": fast(0.05)}),
        Submit(),
    )
    for call in calls:
        assert not env.over
        observation, *_, info = act(other, call.model_dump_json())
        assert env.call(call) == observation["feedback"]
        assert info["valid"]
    assert env.over
    assert env.submitted == other.submitted is not None


def test_the_tools_have_strict_schemas() -> None:
    for name, tool in TOOLS.items():
        schema = tool.model_json_schema()
        assert schema["additionalProperties"] is False
        assert schema["required"] == list(schema["properties"])
        assert schema["properties"]["tool"]["const"] == name
        assert schema["description"]
        assert not re.search(r'"(default|\$ref|patternProperties)"', json.dumps(schema))


def test_statistics_and_vectors_of_environments(bowl: str) -> None:
    settings: dict[str, Any] = {"sandbox": "process", "accept_unisolated": True, "seeds": 2}
    env = RecordEpisodeStatistics(gymnasium.make(bowl, **settings))
    env.reset(seed=1)
    reward = act(env, {"files": {"step.py": fast(0.03)}})[1]
    assert act(env, SUBMIT)[4]["episode"]["r"] == pytest.approx(reward)
    pair = gymnasium.make_vec(bowl, num_envs=2, vectorization_mode="sync", **settings)
    pair.reset(seed=1)
    observations, rewards, *_ = pair.step((json.dumps({"files": {"step.py": fast(0.03)}}), "?"))
    assert rewards[0] == pytest.approx(reward)
    assert rewards[1] == 0
    assert observations["best"].shape == (2,)
    assert observations["feedback"][1].startswith("error: ")
    pair.close()
    env.close()


def test_environments_share_a_sandbox_until_the_last_is_closed() -> None:
    first, second = Lease("process", True), Lease("process", True)
    shared = first.sandbox()
    assert shared is first.sandbox() is second.sandbox()
    first.close()
    first.close()
    assert second.sandbox() is shared
    second.close()
    third = Lease("process", True)
    assert third.sandbox() is not shared
    third.close()


def test_nothing_runs_without_isolation_unless_someone_says_so() -> None:
    env = ResearchEnv(BOWL, sandbox="process")
    env.reset()
    with pytest.raises(SandboxError, match="does not isolate"):
        act(env, RUN)
    env.close()


@pytest.mark.parametrize(
    "wrong", [{"steps": 0}, {"seeds": 1}, {"trials": 7}, {"penalty": -1}, {"render_mode": "x"}]
)
def test_impossible_settings_are_refused(wrong: Mapping[str, Any]) -> None:
    with pytest.raises(SettingsError):
        ResearchEnv(BOWL, **wrong)


def test_rendering(capsys: pytest.CaptureFixture[str], process_sandbox: Sandbox) -> None:
    for mode in ("ansi", "human"):
        env = ResearchEnv(BOWL, render_mode=mode, backend=process_sandbox)
        env.reset(seed=1)
        act(env, {"tool": "view", "file": "step.py"})
        drawn = env.render() if mode == "ansi" else capsys.readouterr().out
        assert drawn is not None
        assert "29 steps and 256 trials left" in drawn
        assert "RATE = 0.02" in drawn


PARTS = st.sampled_from(["step.py", "0.02", "0.03", "grad", "x", "", "../x", "\x00", "é", START])
FIELDS = st.sampled_from(["file", "old", "new", "text", "first", "last", "files", "more"])
VALUES = st.one_of(
    PARTS,
    st.integers(),
    st.none(),
    st.floats(),
    st.lists(PARTS, max_size=2),
    st.dictionaries(PARTS, PARTS, max_size=2),
    st.just({"step.py": "a = 1"}),
)
CHANGES = st.builds(
    lambda tool, file, old, new: {
        "tool": tool,
        "file": file,
        **({"old": old, "new": new} if tool == "edit" else {"text": new}),
    },
    st.sampled_from(["edit", "write"]),
    PARTS,
    PARTS,
    PARTS,
)
JSON_LIKE = st.one_of(
    st.text(max_size=60),
    CHANGES.map(json.dumps),
    st.builds(
        lambda tool, rest: json.dumps({"tool": tool, **rest}),
        st.one_of(st.sampled_from([*TOOLS, "shell"]), VALUES),
        st.dictionaries(FIELDS, VALUES, max_size=4),
    ),
    st.dictionaries(FIELDS, VALUES, max_size=3).map(json.dumps),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(actions=st.lists(JSON_LIKE, min_size=1, max_size=5), seed=st.integers(0, 9))
def test_no_string_breaks_an_episode(
    actions: list[str], seed: int, process_sandbox: Sandbox
) -> None:
    env = ResearchEnv(BOWL, backend=process_sandbox, seeds=2)
    files = json.loads(env.reset(seed=seed)[0]["files"])
    for action in actions:
        observation, reward, terminated, truncated, info = act(env, action)
        now = json.loads(observation["files"])
        assert now == (expected(action, files) if info["valid"] else files)
        assert np.isfinite(reward)
        assert not (terminated and truncated)
        files = now
        if terminated or truncated:
            break


def expected(action: str, files: Mapping[str, str]) -> Mapping[str, str]:
    """The files after a valid action, by the words of the documentation."""
    told = json.loads(action)
    if told.get("tool") == "edit":
        before, after = files[told["file"]].split(told["old"])
        return {told["file"]: before + told["new"] + after}
    if told.get("tool") == "write":
        return {told["file"]: told["text"]}
    return {**files, **(told["files"] if "tool" not in told else {})}


def test_the_example_of_the_documentation_runs(
    isolated_sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.S)
    assert blocks
    for block in blocks:
        exec(compile(block, str(DOCS), "exec"), {})
    assert "gain" in capsys.readouterr().out
