#!/usr/bin/env bash
# Start the head node of a cluster here; on one machine it is the whole cluster.
#
#     cluster/head.sh                       # returns when Ray runs; `ray stop` ends it
#     cluster/head.sh --num-cpus=0          # the head only drives and keeps the studies, workers run the trials
#     cluster/head.sh --port=7000 --block   # any further option of `ray start`; a later one wins
#
# What listens afterwards: 8265 on loopback (dashboard and jobs: reach it through ssh -L), 6379 and others for the nodes
# of the cluster, 8080 for Prometheus (numbers only, but without a token). Open none of them to the internet.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

exec ray start --head \
    --port=6379 \
    --dashboard-host=127.0.0.1 \
    --dashboard-port=8265 \
    --metrics-export-port=8080 \
    --disable-usage-stats \
    "$@"
