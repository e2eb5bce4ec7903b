#!/usr/bin/env bash
# Runs remaster on a Ray cluster that is already there, and follows it to its end:
#   jobs/submit.sh http://HEAD:8265 dataset.path=/shared/series output.dir=/shared/out [key=value ...]
# Every node has remaster installed (see Dockerfile) and sees the dataset and the output folder under the same paths.
# A cluster with token authentication: export RAY_AUTH_MODE=token and RAY_AUTH_TOKEN (or RAY_AUTH_TOKEN_PATH) first.
# The exit code is 0 where all was delivered, else 1. A job that was stopped goes on when it is submitted again.
set -euo pipefail

if [[ $# -lt 2 ]]; then
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
address=$1
shift
# The driver only waits and draws: it takes no CPU from the stages.
exec ray job submit --address "$address" --entrypoint-num-cpus 0 -- \
    python -m remaster.jobs.batch cluster=join "$@"
