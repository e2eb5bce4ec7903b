"""What runs remaster on clusters, as far as one machine can check it: schemas, shell, and dry runs."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

ROOT = Path(__file__).resolve().parents[2]
JOBS = ROOT / "jobs"


def test_ray_up_takes_the_cluster_file() -> None:
    config = yaml.safe_load((JOBS / "cluster.yaml").read_text())
    validate_config(prepare_config(config))
    assert config["max_workers"] == len(config["provider"]["worker_ips"])


def test_ray_up_would_refuse_an_unknown_key() -> None:
    config = yaml.safe_load((JOBS / "cluster.yaml").read_text())
    with pytest.raises(Exception, match="worker_images"):
        validate_config(prepare_config(config | {"worker_images": "remaster"}))


def _containers(job: dict[str, Any]) -> list[dict[str, Any]]:
    cluster = job["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    return [group["template"]["spec"]["containers"][0] for group in groups]


def test_the_ray_job_is_whole() -> None:
    job = yaml.safe_load((JOBS / "rayjob.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    cluster = job["spec"]["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        assert all(mount["name"] in volumes for mount in pod["containers"][0]["volumeMounts"])
        assert all(isinstance(value, str) for value in group["rayStartParams"].values()), "KubeRay takes strings alone"
    for group in cluster["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    # KubeRay tells Ray the limits: where they are more than what is reserved, workers would starve each other.
    for container in _containers(job):
        assert container["resources"]["requests"] == container["resources"]["limits"]


def test_all_nodes_run_the_ray_of_the_lock_file() -> None:
    (locked,) = re.findall(r"^ray==([\d.]+)", (ROOT / "requirements" / "core.txt").read_text(), re.MULTILINE)
    job = yaml.safe_load((JOBS / "rayjob.yaml").read_text())
    assert job["spec"]["rayClusterSpec"]["rayVersion"] == locked


@pytest.mark.parametrize("text", [(JOBS / "rayjob.yaml").read_text(), (JOBS / "submit.sh").read_text()])
def test_the_commands_are_the_programs(text: str) -> None:
    from hydra import compose, initialize_config_dir

    from remaster.config import config_dir, register_schema

    (command,) = re.findall(r"python -m remaster\.jobs\.batch (.*)", text)
    keys = [word for word in command.split() if "=" in word]
    register_schema()
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        config = compose("batch", keys)
    assert config.cluster.address == "auto"


@pytest.mark.parametrize("script", sorted(JOBS.glob("*.sh")), ids=lambda path: path.name)
def test_shell_scripts_parse(script: Path) -> None:
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert script.stat().st_mode & stat.S_IXUSR


def test_submit_says_how_it_is_used() -> None:
    shown = subprocess.run([JOBS / "submit.sh"], capture_output=True, text=True, check=False)
    assert shown.returncode == 2
    assert "jobs/submit.sh http://HEAD:8265 dataset.path=" in shown.stderr


def _dockerfile() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n", " ", (JOBS / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def test_the_image_copies_what_is_there_and_let_in() -> None:
    steps = _dockerfile()
    assert steps[0][0] == "FROM"
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [source.rstrip("/") for step, words in steps if step == "COPY" for source in words.split()[:-1]]
    assert set(copied) == let_in
    assert all((ROOT / source).exists() for source in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = {project["project"]["readme"], *project["project"]["license-files"], "pyproject.toml"}
    named |= set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"])
    assert named <= set(copied), "the wheel needs them"
    assert [words for step, words in steps if step == "USER"] == ["ray"], "nothing runs as root"


def test_the_image_installs_locked_requirements_alone() -> None:
    installs = [
        part for step, words in _dockerfile() if step == "RUN" for part in re.findall(r"pip install[^&]*", words)
    ]
    assert installs
    for install in installs:
        assert "--require-hashes" in install or "--no-deps" in install
    defaults = dict(words.split("=") for step, words in _dockerfile() if step == "ARG")
    for lock in ("build", defaults["LOCK"], "dev"):
        assert (ROOT / "requirements" / f"{lock}.txt").is_file()


STAND_INS = {
    "scontrol": "echo node1; echo node2; echo node3",
    # Runs the command that it is given, without its own options.
    "srun": 'echo "srun $*" >>"$LOG"; while [[ $1 == --* ]]; do shift; done; "$@"',
    "hostname": "echo 10.0.0.1 fe80::1",
    "ray": 'echo "ray $* mode=$RAY_AUTH_MODE token=${#RAY_AUTH_TOKEN}" >>"$LOG"',
    "python": 'if [[ $1 == -c ]]; then exec "$PYTHON" "$@"; fi; echo "python $*" >>"$LOG"; exit 1',
}


def test_slurm_starts_a_cluster_and_hands_the_exit_code_on(tmp_path: Path) -> None:
    """With stand-ins for Slurm's programs and Ray's."""
    import sys

    for name, body in STAND_INS.items():
        path = tmp_path / name
        path.write_text(f"#!/usr/bin/env bash\n{body}\n")
        path.chmod(0o755)
    log = tmp_path / "log"
    environment = os.environ | {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "LOG": str(log),
        "PYTHON": sys.executable,
        "SLURM_JOB_NODELIST": "node[1-3]",
        "SLURM_CPUS_ON_NODE": "16",
        "SLURM_GPUS_ON_NODE": "4",
    }
    command = ["bash", str(JOBS / "slurm.sh"), "dataset.path=/shared/a series", "output.dir=/shared/out"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1, done.stderr
    said = log.read_text()
    head = "ray start --head --block --node-ip-address=10.0.0.1 --port=6379 --include-dashboard=false"
    assert f"{head} --num-cpus=16 --num-gpus=4 mode=token token=64" in said
    assert "srun --nodes=2 --ntasks=2 --exclude=node1 ray start --block --address=10.0.0.1:6379" in said
    batch = "python -m remaster.jobs.batch cluster=join cluster.address=10.0.0.1:6379"
    assert f"{batch} dataset.path=/shared/a series output.dir=/shared/out" in said
