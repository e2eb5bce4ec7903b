#!/usr/bin/env bash
# One Ray cluster over the nodes of a Slurm job, for one dataset:
#   sbatch jobs/slurm.sh dataset.path=/shared/series output.dir=/shared/out [key=value ...]
# The submitting shell has the environment with remaster active; dataset and outputs lie on a shared file system.
# Slurm sends SIGTERM before the time is up: the run stops in order, and goes on when the same line is submitted again.
#SBATCH --job-name=remaster
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --gpus-per-node=1
#SBATCH --time=12:00:00
#SBATCH --signal=B:TERM@120
set -euo pipefail

port=6379
# Only the nodes of this job know the token: others on the network cannot join or command the cluster.
export RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0
RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_TOKEN

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]}
address=$(srun --nodes=1 --ntasks=1 --nodelist="$head" hostname --ip-address | cut -d' ' -f1)
cpus=${SLURM_CPUS_ON_NODE:?} gpus=${SLURM_GPUS_ON_NODE:-0}

# `--block` ties each Ray to its step: all end with the Slurm job, whatever happens.
srun --nodes=1 --ntasks=1 --nodelist="$head" \
    ray start --head --block --node-ip-address="$address" --port="$port" --include-dashboard=false \
    --num-cpus="$cpus" --num-gpus="$gpus" &
until ray status --address "$address:$port" >/dev/null 2>&1; do sleep 2; done

others=$((${#nodes[@]} - 1))
if ((others > 0)); then
    srun --nodes="$others" --ntasks="$others" --exclude="$head" \
        ray start --block --address="$address:$port" --num-cpus="$cpus" --num-gpus="$gpus" &
fi

python -m remaster.jobs.batch cluster=join "cluster.address=$address:$port" "$@" &
driver=$!
trap 'kill -TERM "$driver"' TERM
code=0
wait "$driver" || code=$?
# A trapped signal ends the first wait early; the second one has the driver's own exit code.
if kill -0 "$driver" 2>/dev/null; then
    code=0
    wait "$driver" || code=$?
fi
exit "$code"
