"""The wheel carries the configuration and the page's templates, and runs outside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = "remaster/report/templates"


def test_the_wheel_runs_outside_the_checkout(tmp_path: Path) -> None:
    built = tmp_path / "dist"
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = built.glob("*.whl")
    inside = tmp_path / "installed here"
    zipfile.ZipFile(wheel).extractall(inside)
    templates = [path.relative_to(ROOT / "remaster").as_posix() for path in (ROOT / TEMPLATES).iterdir()]
    assert "report/templates/page.html" in templates
    for name in ("conf/batch.yaml", "conf/segmenter/auto.yaml", *templates, "py.typed"):
        assert (inside / "remaster" / name).is_file(), name
    program = [sys.executable, "-m", "remaster.jobs.batch", "--cfg", "job", "output.crf=20"]
    environment = os.environ | {"PYTHONPATH": str(inside), "PYTHONSAFEPATH": "1"}
    shown = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    assert "crf: 20" in shown.stdout
    load = "from remaster.report.page import templates as t; [t().get_template(n) for n in t().list_templates()]"
    subprocess.run([sys.executable, "-c", load], cwd=tmp_path, env=environment, capture_output=True, check=True)
    where = [sys.executable, "-c", "import remaster; print(remaster.__file__)"]
    used = subprocess.run(where, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert str(inside) in used
