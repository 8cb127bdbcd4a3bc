"""One conformance suite for every sandbox backend: a new one is one more name in BACKENDS."""

import ast
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from stand_ins.boxes import (
    BACKENDS,
    BOTH,
    ISOLATED,
    NAMED,
    SOON,
    STUBBORN,
    TRUSTED,
    attempt,
    gone,
    opened,
    running,
    unusable,
)

from ratchet.sandbox import (
    Job,
    Limits,
    Program,
    Result,
    Sandbox,
    SandboxError,
    open_sandbox,
)
from ratchet.sandbox.box import Box
from ratchet.sandbox.inside import program as runner_program
from ratchet.sandbox.inside.cell import SECRETS, VIEWS

HOSTILE = {
    "broken header": b"\x00\x00\x00\x05\x00\x00\x00\x00hello",
    "duplicate keys": b'\x00\x00\x00\x11\x00\x00\x00\x00{"id": 1, "id":1}',
    "not a number": b'\x00\x00\x00\x18\x00\x00\x00\x00{"id": 1, "status": NaN}',
    "deep nesting": b"\x00\x00\xff\xff\x00\x00\x00\x00" + b"[" * 0xFFFF,
    "huge lengths": b"\xff\xff\xff\xff\xff\xff\xff\xff",
    "short payload": b"\x00\x00\x00\x02\x00\x00\xff\xff{}",
    "long payload": b"\x00\x00\x00\x02\x00\x00\x00\x00{}" + b"x" * 4096,
    "silence": b"\x00\x00",
}
WRITE_EVERYWHERE = """
import os, time
for end in range(3, 64):
    try: os.write(end, request)
    except OSError: pass
folder = f"/proc/{os.getppid()}/fd"
for name in os.listdir(folder) if os.access(folder, os.R_OK) else ():
    try:
        if not os.readlink(f"{folder}/{name}").startswith(("pipe", "socket")): continue
        end = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_NONBLOCK)
        os.write(end, request)
    except OSError: pass
time.sleep(0.2)
answer = b"done"
"""


@pytest.fixture(scope="module", params=BACKENDS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with closing(opened(request.param)) as backend:
        yield backend


@pytest.fixture(scope="module", params=ISOLATED)
def isolated(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with closing(opened(request.param)) as backend:
        yield backend


def test_a_reply_comes_back_with_its_cost(sandbox: Sandbox) -> None:
    result = attempt(sandbox, "print('hello')\nanswer = request * 2", b"\x00ab")
    assert (result.status, result.reply, result.log) == ("ok", b"\x00ab\x00ab", "hello\n")
    assert 0 < result.cpu_seconds <= result.wall_seconds + 0.1


def test_a_large_request_and_a_large_reply_pass_whole(sandbox: Sandbox) -> None:
    data = os.urandom(24 << 20)
    assert attempt(sandbox, "answer = request", data).reply == data


def test_the_files_are_the_workspace_and_nothing_else_is(sandbox: Sandbox) -> None:
    code = "import os; answer = ' '.join(sorted(os.listdir('.'))).encode()"
    assert attempt(sandbox, code, notes=b"1").reply == b"candidate.py notes"


@pytest.mark.parametrize("again", ["the same files", "other files"])
def test_two_jobs_share_nothing(sandbox: Sandbox, again: str) -> None:
    code = """
import builtins, os, sys
seen = [getattr(builtins, "leak", ""), os.environ.get("LEAK", ""), str(sys.modules.get("leak", ""))]
seen += [name for folder in (".", "..") for name in os.listdir(folder) if "leak" in name]
builtins.leak = os.environ["LEAK"] = "leak"
sys.modules["leak"] = sys
open("leak", "w")
try: open("../leak", "w")
except OSError: pass
answer = "".join(seen).encode()
"""
    mark = uuid.uuid4().hex.encode()
    assert attempt(sandbox, code, mark=mark).status == "ok"
    other = mark if again == "the same files" else mark[::-1]
    assert attempt(sandbox, code, mark=other).reply == b""


def test_an_exception_is_a_result_that_ends_with_its_traceback(sandbox: Sandbox) -> None:
    result = attempt(sandbox, "raise ValueError('seven')")
    assert result.status == "candidate_error"
    assert result.log.endswith("ValueError: seven\n")
    assert "candidate.py" in result.log


@pytest.mark.parametrize("how", STUBBORN)
def test_a_job_past_its_deadline_is_gone_whatever_it_does(sandbox: Sandbox, how: str) -> None:
    mark = uuid.uuid4().hex
    result = attempt(sandbox, NAMED + STUBBORN[how], mark.encode(), Limits(wall_seconds=0.5))
    refused = sandbox.isolation != "none" and how in ("forks", "daemonises")
    ends = ("timeout", "output_overflow") if how == "floods" else ("timeout",)
    assert result.status in (("pids",) if refused else ends)
    assert result.wall_seconds < 0.5 + SOON
    assert gone(mark)


def test_what_a_finished_job_leaves_running_is_killed(sandbox: Sandbox) -> None:
    mark = uuid.uuid4().hex
    code = NAMED + STUBBORN["forks where it can"].replace("while True: pass", "answer = b'done'")
    result = attempt(sandbox, code, mark.encode())
    assert (result.status, result.reply) == ("ok", b"done")
    assert gone(mark)


def test_a_trusted_program_that_forks_leaves_nothing_running(sandbox: Sandbox) -> None:
    mark = uuid.uuid4().hex[:15]
    code = f"""
import ctypes, os, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        ctypes.CDLL(None).prctl(15, b"{mark}", 0, 0, 0)
        if os.fork(): os._exit(0)
        time.sleep(60)
answer = b"done"
"""
    program = Program({"trusted.py": TRUSTED}, "trusted")
    assert sandbox.run(Job(program, code.encode(), limits=Limits(wall_seconds=9))).reply == b"done"
    assert gone(mark)


def test_the_memory_of_a_killed_job_is_back(sandbox: Sandbox) -> None:
    # What leaks does so each time; a test that takes memory beside this one does not.
    assert any(back_after_a_kill(sandbox) for _ in range(4))


def back_after_a_kill(sandbox: Sandbox) -> bool:
    """Whether the free memory of the machine is back after a job that held 1,800 MiB."""
    code = "kept = bytearray(os.urandom(1)) * (1800 << 20)\nwhile True: pass"
    before = available()
    assert attempt(sandbox, NAMED + code, b"m", Limits(wall_seconds=4)).status == "timeout"
    enough, end = before - (1200 << 20), time.monotonic() + SOON
    while available() < enough and time.monotonic() < end:
        time.sleep(0.05)
    return available() > enough


def available() -> int:
    """Free memory of the machine."""
    (line,) = [x for x in Path("/proc/meminfo").read_text().splitlines() if "MemAvailable" in x]
    return int(line.split()[1]) << 10


def test_too_much_memory_is_told_from_an_error(sandbox: Sandbox) -> None:
    limits = Limits(wall_seconds=20, memory_mb=256)
    assert attempt(sandbox, "bytearray(1 << 30)", limits=limits).status == "oom"
    assert attempt(sandbox, "answer = b'fine'", limits=limits).status == "ok"


@pytest.mark.parametrize(
    "code",
    [
        "import torch; torch.empty(1 << 40)",
        "import torch; kept = [torch.ones(1 << 22) for _ in range(999)]",
        "import numpy; numpy.ones(1 << 40)",
        "bytes(1 << 40)",
    ],
)
def test_memory_that_a_library_did_not_get_is_oom(sandbox: Sandbox, code: str) -> None:
    result = attempt(sandbox, code, limits=Limits(wall_seconds=30, memory_mb=1024))
    assert result.status == "oom", result.log
    assert "the job took all of its 1024 MB of memory" in result.log


def test_a_library_that_does_not_fit_into_the_memory_is_oom(isolated: Sandbox) -> None:
    for megabytes in (256, 512):
        limits = Limits(wall_seconds=30, memory_mb=megabytes)
        result = attempt(isolated, "import torch", limits=limits)
        assert result.status == "oom", result.log
        assert f"all of its {megabytes} MB of memory" in result.log


def test_a_reply_over_its_cap_is_cut_off(sandbox: Sandbox) -> None:
    limits = Limits(wall_seconds=20, reply_bytes=1000)
    assert attempt(sandbox, "answer = bytes(1000)", limits=limits).status == "ok"
    assert attempt(sandbox, "answer = bytes(1001)", limits=limits).status == "output_overflow"


@pytest.mark.parametrize("text", ["b'x' * 99 + b'\\n'", "bytes(range(128, 228))", "bytes(100)"])
def test_only_the_end_of_a_long_log_is_kept(sandbox: Sandbox, text: str) -> None:
    code = f"import os\nfor _ in range(100_000): os.write(1, {text})\nprint('last')"
    result = attempt(sandbox, code)
    assert result.status == "ok"
    assert result.log.endswith("last\n")
    assert len(result.log) <= Limits().log_bytes


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("os._exit(0)", "candidate_error"),
        ("os._exit(100)", "candidate_error"),  # never one of those that are drawn for a guest
        ("sys.exit()", "candidate_error"),
        ("os.kill(os.getpid(), 9)", "candidate_error"),
        ("os.kill(os.getpid(), 11)", "candidate_error"),
        ("os.kill(os.getppid(), 9); time.sleep(5)", "candidate_error"),
        (
            "import threading\nwhile True: threading.Thread(target=time.sleep, args=(9,)).start()",
            "pids",
        ),
        ('raise RuntimeError("can\'t start new thread")', "candidate_error"),
        (
            'raise RuntimeError("not enough memory: you tried to allocate 1 bytes")',
            "candidate_error",
        ),
        ("raise MemoryError", "candidate_error"),
        *((f"os._exit({code})", "candidate_error") for code in range(101, 106)),
        ("os.closerange(0, 99); time.sleep(0.1)", "candidate_error"),
    ],
)
def test_an_early_end_is_the_jobs_own_fault(sandbox: Sandbox, ending: str, status: str) -> None:
    result = attempt(sandbox, f"import os, sys, time\n{ending}", os.urandom(8))
    assert result.status == status
    assert result.log


@pytest.mark.parametrize("bytes_sent", HOSTILE)
def test_forged_frames_neither_hang_the_host_nor_reach_the_next_job(
    sandbox: Sandbox, bytes_sent: str
) -> None:
    limits = Limits(wall_seconds=1, reply_bytes=1000)
    result = attempt(sandbox, WRITE_EVERYWHERE, HOSTILE[bytes_sent], limits)
    assert result.wall_seconds < 1 + SOON
    if sandbox.isolation != "none":
        # Its own line to the trainer is all it can write to: that is answering, not forging.
        assert result.status not in ("invalid_output", "infra_lost")
    assert attempt(sandbox, "answer = b'honest'").reply == b"honest"


def test_nothing_of_the_hosts_environment_is_visible(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATCHET_CANARY", "c4n4ry")
    result = attempt(sandbox, "import os; answer = repr(dict(os.environ)).encode()")
    assert b"HOME" in result.reply
    assert b"c4n4ry" not in result.reply
    assert b"RATCHET" not in result.reply


RESIDUE = """
import ctypes, os
libc, seen = ctypes.CDLL(None, use_errno=True), []
def leave(what, make, find):
    try:
        if find(): seen.append(what)
    except (OSError, ValueError): pass
    try: make()
    except (OSError, ValueError): pass
for folder in (".", "..", "/tmp", "/dev/shm", "/dev/mqueue", "/var/tmp", "/run"):
    leave(folder, lambda: open(folder + "/leak", "w"), lambda: os.path.exists(folder + "/leak"))
leave("shm", lambda: libc.shmget(4242, 4096, 0o1666), lambda: libc.shmget(4242, 4096, 0) >= 0)
leave("msg", lambda: libc.msgget(4242, 0o1666), lambda: libc.msgget(4242, 0) >= 0)
leave("sem", lambda: libc.semget(4242, 1, 0o1666), lambda: libc.semget(4242, 1, 0) >= 0)
leave("mq", lambda: libc.mq_open(b"/leak", 0o102, 0o666, None),
      lambda: libc.mq_open(b"/leak", 0) >= 0)
leave("keys", lambda: libc.syscall(248, b"user", b"leak", b"x", 1, -4),
      lambda: libc.syscall(250, 10, -4, b"user", b"leak", 0) >= 0)
def listen():
    import socket
    socket.socket(socket.AF_UNIX).bind("\\0leak")
    if os.fork() == 0: import time; time.sleep(60)
def connect():
    import socket
    socket.socket(socket.AF_UNIX).connect("\\0leak")
    return True
leave("socket", listen, connect)
answer = " ".join(seen).encode()
"""


@pytest.mark.parametrize("again", ["the same files", "other files"])
def test_no_channel_leads_from_one_job_to_a_later_one(isolated: Sandbox, again: str) -> None:
    mark = uuid.uuid4().hex.encode()
    assert attempt(isolated, RESIDUE, mark=mark).reply == b""
    other = mark if again == "the same files" else mark[::-1]
    assert attempt(isolated, RESIDUE, mark=other).reply == b""


FORBIDDEN = {
    "fork": "os.fork()",
    "exec": "os.execv(sys.executable, ['python'])",
    "socket": "import socket; socket.socket(socket.AF_UNIX)",
    "ptrace": "check(libc.ptrace(16, os.getppid(), 0, 0))",
    "another's memory": "open(f'/proc/{os.getppid()}/mem', 'r+b')",
    "another's descriptors": "os.listdir(f'/proc/{os.getppid()}/fd')",
    "another's environment": "open(f'/proc/{os.getppid()}/environ').read()[0]",
    "another's limits": "import resource; resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE)",
    "signal": "os.kill(os.getppid(), 0)",
    "signal a group": "os.killpg(0, 0)",
    "signal everyone": "os.kill(-1, 0)",
    "signal by descriptor": "import fcntl; r, w = os.pipe(); fcntl.fcntl(r, 8, os.getppid())",
    "unshare": "check(libc.unshare(0x10000000))",
    "mount": "check(libc.mount(b'none', b'/job', b'tmpfs', 0, None))",
    "io_uring": "check(libc.syscall(425, 1, 0))",
    "bpf": "check(libc.syscall(321, 0, 0, 0))",
    "userfaultfd": "check(libc.syscall(323, 0))",
    "perf": "check(libc.syscall(298, 0, 0, -1, -1, 0))",
    "keyctl": "check(libc.syscall(250, 0, -3, 1))",
    "memfd": "os.memfd_create('x')",
    "clock": "time.clock_settime(time.CLOCK_REALTIME, 0)",
    "privileges": "os.setuid(0)",
    "device": "os.mknod('d', 0o20666, os.makedev(1, 3)); open('d')",
    "priority": "os.setpriority(os.PRIO_PROCESS, 0, -5)",
    "root": "os.chroot('.')",
    "writing to the system": "open('/usr/lib/leak', 'w')",
    "the host's users": "open('/etc/shadow')",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_a_candidate_is_refused_what_training_does_not_need(isolated: Sandbox, what: str) -> None:
    code = f"""
import ctypes, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def check(result):
    if result < 0: raise OSError(ctypes.get_errno(), "refused")
try:
    {FORBIDDEN[what]}
    answer = b"allowed"
except (OSError, IndexError) as error:
    answer = b"refused"
"""
    assert attempt(isolated, code).reply == b"refused"


def test_the_guest_sees_neither_the_request_nor_the_trusted_source(sandbox: Sandbox) -> None:
    code = """
import gc, sys
objects = gc.get_objects()
held = [o for o in objects if isinstance(o, dict)]
strings = {v for d in held for v in list(d.values()) if isinstance(v, bytes | str)}
strings |= {o for o in objects if isinstance(o, bytes | str)}
found = [s for s in strings if (b"s3cret" if isinstance(s, bytes) else "s3cret") in s]
try:
    import trusted
    found.append("source")
except ImportError: pass
answer = repr(found).encode()
"""
    request = b"s = 's3cret'; answer = guest.ask(b'go')"
    for _ in range(2):  # nor that of a job before
        result = sandbox.run(Job(BOTH, request, {"candidate.py": code.encode()}))
        found = result.reply.replace(b'(b"s3cret" if', b"").count(b"s3cret")
        assert result.status == "ok", result.log
        assert b"answer = guest.ask" not in result.reply, found


def test_both_sides_see_one_memory(sandbox: Sandbox) -> None:
    request = b"guest.memory[:3] = b'abc'; guest.ask(b''); answer = bytes(guest.memory[3:6])"
    result = sandbox.run(Job(BOTH, request, {"candidate.py": b"memory[3:6] = memory[:3]"}))
    assert (result.status, result.reply) == ("ok", b"abc")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("1 / 0", "candidate_error"),
        ("bytearray(8 << 30)", "oom"),
        ("answer = 'x'", "candidate_error"),
        ("answer = bytes(1 << 20)", "output_overflow"),
        ("while True: pass", "timeout"),
        ("import os; os._exit(0)", "candidate_error"),
        ("import os; os.closerange(3, 99)", "candidate_error"),
    ],
)
def test_how_a_guest_fails_is_how_the_job_ends(sandbox: Sandbox, code: str, status: str) -> None:
    limits = Limits(wall_seconds=2, reply_bytes=1000)
    job = Job(BOTH, b"answer = guest.ask(b'go')", {"candidate.py": code.encode()}, limits)
    assert sandbox.run(job).status == status


def test_a_guest_that_answers_before_it_is_asked_is_ended(sandbox: Sandbox) -> None:
    request = b"answer = b''.join(guest.ask(b'%d' % n) for n in range(3))"
    code = """
import os, stat, struct
for end in range(3, 64) if request == b"0" else ():
    try:
        if stat.S_ISSOCK(os.fstat(end).st_mode): os.write(end, struct.pack(">II", 1, 4) + b"mine")
    except OSError: pass
answer = b"told"
"""
    job = Job(BOTH, request, {"candidate.py": code.encode()}, Limits(wall_seconds=5))
    assert sandbox.run(job).status == "candidate_error"


def test_files_without_a_guest_are_refused(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match="without a guest"):
        sandbox.run(Job(Program({"trusted.py": TRUSTED}, "trusted"), b"", {"candidate.py": b""}))


def test_a_program_that_fails_to_load_says_so_in_its_own_words(sandbox: Sandbox) -> None:
    for source in (
        b"raise OSError('no such thing')",
        b"def warm(): raise OSError('no such thing')",
    ):
        with pytest.raises(SandboxError, match="no such thing"):
            sandbox.run(Job(Program({"broken.py": source}, "broken"), b""))


def test_thirty_jobs_from_two_threads_get_their_own_replies(sandbox: Sandbox) -> None:
    def one(number: int) -> bytes:
        code = "import time; time.sleep(0.01); answer = request"
        reply: bytes = attempt(sandbox, code, b"%d" % number, which=b"%d" % (number % 3)).reply
        return reply

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(one, range(30))) == [b"%d" % number for number in range(30)]


def test_trusted_jobs_without_files_share_a_warm_box(sandbox: Sandbox) -> None:
    program = Program({"who.py": b"def run(request, guest): return request"}, "who")
    first = sandbox.run(Job(program, b"1"))
    second = sandbox.run(Job(program, b"2"))
    assert (first.reply, second.reply) == (b"1", b"2")
    assert second.wall_seconds < 1


def test_a_fresh_job_runs_in_a_box_that_has_run_no_job_before(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs_before: list[int] = []
    run = Box.run

    def spy(box: Box, job: Job) -> Result:
        jobs_before.append(box._jobs)
        return run(box, job)

    monkeypatch.setattr(Box, "run", spy)
    program = Program({"same.py": b"def answer(message, memory): return message"}, guest="same")
    for fresh in (False, False, True, True, False):
        job = Job(program, b"x", {"candidate.py": b""}, fresh=fresh)
        assert sandbox.run(job).reply == b"x"
    assert [jobs == 0 for jobs in jobs_before] == [True, False, True, True, False]


ONE_JOB = r"""
from contextlib import closing
from ratchet.sandbox import Job, Program, open_sandbox
program = Program({"who.py": b"import os\ndef answer(*_): return b'%d' % os.getuid()"}, guest="who")
with closing(open_sandbox("namespace", 1)) as backend:
    print(backend.run(Job(program, b"", {"candidate.py": b""})).reply.decode())
"""
LESS = "--bounding-set=-{0} --inh-caps=-{0}"


def confined(*words: str) -> subprocess.CompletedProcess[str]:
    command = [*words, sys.executable, "-c", ONE_JOB]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.namespace
@pytest.mark.parametrize(
    "words",
    [
        ["setpriv", *LESS.format("sys_admin").split()],
        ["setpriv", *LESS.format("setuid").split()],
        ["unshare", "-Ur"],
        ["unshare", "-U", "--map-current-user"],
        ["unshare", "-Ur", "unshare", "-Ur"],
    ],
    ids=" ".join,
)
def test_namespaces_are_made_in_the_way_that_works(words: list[str]) -> None:
    if reason := unusable("namespace"):
        pytest.skip(reason)
    if subprocess.run([*words, "true"], capture_output=True).returncode:
        pytest.skip(f"{words[0]} is refused here")
    done = confined(*words)
    assert done.stdout == "10001\n", done.stderr


@pytest.mark.namespace
def test_on_an_older_kernel_what_proc_tells_to_everyone_is_covered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    views = f"VIEWS = {json.dumps(VIEWS)}".replace("[", "(").replace("]", ")")
    older = runner_program().replace(views, 'VIEWS = ("",)')
    assert older != runner_program()
    monkeypatch.setattr("ratchet.sandbox.namespace.runner_program", lambda: older)
    code = f"""
import os
answer = repr([os.path.exists("/proc/meminfo"), os.access("/proc/sys/kernel/hostname", os.W_OK),
    [open(path, "rb").read(1) for path in {SECRETS!r} if os.path.exists(path)]]).encode()
"""
    with closing(opened("namespace")) as backend:  # which has withstood every attack
        exists, writable, told = ast.literal_eval(attempt(backend, code).reply.decode())
    assert exists
    assert not writable
    assert set(told) == {b""}


@pytest.mark.namespace
def test_a_kernel_without_namespaces_is_told_by_the_setting_that_withholds_them() -> None:
    none = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
    words = ["unshare", "-Ur", "sh", "-c", none, "sh"]
    if subprocess.run([*words, "true"], capture_output=True).returncode:
        pytest.skip("this kernel lets nobody take namespaces away")
    last = confined(*words).stderr.splitlines()[-1]
    assert "No space left on device" in last
    assert "allow them with `sysctl user.max_user_namespaces=15000`" in last


@pytest.mark.parametrize("name", BACKENDS)
def test_closing_leaves_nothing_behind_and_is_final(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def left_behind() -> tuple[int, int]:
        threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))
        with closing(opened(name)) as backend:
            assert attempt(backend, "answer = b'1'").status == "ok"
            assert attempt(backend, "1 / 0").status == "candidate_error"
            backend.close()
            with pytest.raises(SandboxError, match="closed"):
                attempt(backend, "")
        opened_now = len(os.listdir("/proc/self/fd"))
        return threading.active_count() - threads, opened_now - descriptors

    # Sandboxes of other tests may be warming boxes meanwhile; what leaks does so every time.
    found = [left_behind() for _ in range(3)]
    assert not list(tmp_path.iterdir())
    assert min(threads for threads, _ in found) <= 0
    assert min(descriptors for _, descriptors in found) <= 0


@pytest.mark.parametrize("name", BACKENDS)
def test_closing_ends_a_job_in_flight_at_once(name: str) -> None:
    mark = uuid.uuid4().hex
    with closing(opened(name)) as backend, ThreadPoolExecutor(1) as pool:
        code = NAMED + "while True: pass"
        job = pool.submit(attempt, backend, code, mark.encode())
        wait = time.monotonic() + 15
        while not running(mark) and time.monotonic() < wait:
            time.sleep(0.05)
        asked = time.monotonic()
        backend.close()
        with pytest.raises(SandboxError, match="closed"):
            job.result(timeout=10)
        assert time.monotonic() - asked < SOON
    assert gone(mark)


def test_the_folder_of_a_killed_owner_is_swept_up_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "from ratchet.sandbox import open_sandbox\n"
        "kept = open_sandbox('process', accept_unisolated=True)\nprint(1)\ninput()"
    )
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-uc", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == b"1\n"
        left = set(tmp_path.iterdir())
        open_sandbox("process", accept_unisolated=True).close()
        assert left == set(tmp_path.iterdir()) != set()
        other.kill()
        other.communicate()
    open_sandbox("process", accept_unisolated=True).close()
    assert not list(tmp_path.iterdir())


def test_an_unknown_backend_is_refused_in_one_sentence() -> None:
    for name in ("dokcer", "base", "nowhere.at_all"):
        with pytest.raises(SandboxError, match="no sandbox backend named"):
            open_sandbox(name)
