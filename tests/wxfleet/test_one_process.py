"""How the tests are handed out: what is brought up once for many of them is not brought up in each process."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_all_tests_of_a_place_that_is_brought_up_once_run_in_one_process(tmp_path: Path) -> None:
    folder = tmp_path / "tests" / "wxfleet"
    folder.mkdir(parents=True)
    for file in (ROOT / "tests").glob("*.py"):
        shutil.copy(file, tmp_path / "tests")
    for file in ("test_run.py", "test_other.py"):
        tests = "\n".join(f"def test_{number}() -> None: ..." for number in range(8))
        (folder / file).write_text(tests, encoding="utf-8")
    outer = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", str(tmp_path), "-n", "2", "--dist", "loadgroup",
         "--import-mode=importlib", "-v", "-p", "no:cacheprovider", str(tmp_path / "tests")],
        cwd=tmp_path, env={**outer, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    ran = re.findall(r"\[(gw\d)\].* PASSED tests/wxfleet/(\w+)\.py", done.stdout)
    assert len(ran) == 16, done.stdout + done.stderr
    assert len({process for process, file in ran if file == "test_run"}) == 1
    assert len({process for process, _ in ran}) == 2
