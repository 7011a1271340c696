#!/usr/bin/env bash
# Add this machine to a cluster.
#
#     cluster/worker.sh HEAD:6379           # HEAD: the head node's name or address in the network of the cluster
#     cluster/worker.sh HEAD:6379 --num-cpus=8
#
# Versions have to be those of the head node: the same constraints.txt, the same Python.
set -euo pipefail
if [ $# -lt 1 ] || [ "${1#-}" != "$1" ]; then
    echo "usage: cluster/worker.sh HEAD:6379 [options of ray start]" >&2
    exit 2
fi
address="$1"
shift
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

exec ray start \
    --address="$address" \
    --metrics-export-port=8080 \
    --disable-usage-stats \
    "$@"
