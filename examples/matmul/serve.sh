#!/usr/bin/env bash
# Starts the service: four workers, each with its own OpenMP team.
set -euo pipefail
cd "$(dirname "$0")"

export OMP_NUM_THREADS=32
export MKL_DYNAMIC=FALSE
exec gunicorn --workers 4 --bind 127.0.0.1:8000 serve:app
