"""The checkout and the distribution agree, and the wheel works where the checkout is not."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
FOLDERS: dict[str, str] = SETUPTOOLS["package-dir"]


def test_every_package_is_shipped() -> None:
    found = {
        ".".join([package, *init.parent.relative_to(ROOT / folder).parts])
        for package, folder in FOLDERS.items()
        for init in (ROOT / folder).rglob("__init__.py")
    }
    assert found == set(SETUPTOOLS["packages"])


def test_type_checkers_see_the_same_tree() -> None:
    root = ROOT / ".pkg/ratchet"
    links = {entry.name: str(entry.readlink()) for entry in root.iterdir()}
    folders = {name.removeprefix("ratchet."): f"../../{path}" for name, path in FOLDERS.items()}
    own = folders.pop("ratchet")
    modules = {file.name: f"{own}/{file.name}" for file in (ROOT / "api").glob("*.py")}
    assert links == folders | modules


def test_no_module_of_the_root_has_the_name_of_a_folder() -> None:
    modules = {file.stem for file in (ROOT / "api").glob("*.py")}
    assert not modules & {name.removeprefix("ratchet.") for name in FOLDERS}


def test_the_wheel_imports_and_runs_from_a_clean_environment(tmp_path: Path) -> None:
    """Libraries come from the environment that runs the tests; Ratchet from the wheel alone."""
    caches = shutil.ignore_patterns("__pycache__")
    source = tmp_path / "source"  # a copy: setuptools leaves build/ where it builds
    source.mkdir()
    for name in [*FOLDERS.values(), "pyproject.toml", "README.md", "LICENSE"]:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=caches)
        else:
            shutil.copy(ROOT / name, source)
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet"]
    subprocess.run([*build, "-w", tmp_path, source], check=True, capture_output=True, cwd=tmp_path)
    (wheel,) = tmp_path.glob("ratchet-*.whl")
    venv.create(tmp_path / "clean", with_pip=False)
    python = tmp_path / "clean/bin/python"
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--quiet", "--target", site]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    # Appended, so that the editable finder of the checkout (a .pth file) is not run.
    libraries = sysconfig.get_path("purelib")
    code = (
        f"import sys; sys.path.append({libraries!r})\n"
        "import ratchet.app.cli.main, ratchet.tasks, ratchet.sandbox\n"
        f"assert not ratchet.tasks.__file__.startswith({str(ROOT)!r}), ratchet.tasks.__file__\n"
        "print(ratchet.tasks.names())\n"
        "assert ratchet.tasks() == ratchet.tasks.names() and callable(ratchet.search)\n"
        "[ratchet.tasks.load(name) for name in ratchet.tasks.names()]\n"
        "sys.argv = ['ratchet', 'tasks', '--json']\n"
        "ratchet.app.cli.main.main()\n"
    )
    done = subprocess.run(
        [python, "-I", "-c", code],
        cwd=tmp_path,
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    known = ["agent_system", "optimizer", "policy_objective"]
    known += ["research_agent", "research_prompts", "schedule"]
    assert str(known) in done.stdout
