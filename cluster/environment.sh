# What every process of a cluster needs, on every node: sourced by head.sh and worker.sh.
#
# RAY_AUTH_TOKEN_PATH may name another file than ~/.ray/auth_token; it has to hold the same token on every node.

here="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
if [ -x "$here/.venv/bin/ray" ]; then
    export PATH="$here/.venv/bin:$PATH"   # jobs start with this PATH: their `python` is this one
fi

export RAY_AUTH_MODE=token                # every request has to carry the token
export RAY_AUTH_TOKEN_PATH="${RAY_AUTH_TOKEN_PATH:-$HOME/.ray/auth_token}"
export RAY_USAGE_STATS_ENABLED=0          # nothing is sent to anybody
export RAY_ENABLE_UV_RUN_RUNTIME_ENV=0    # under `uv run` workers keep this environment

umask 077                                 # logs and spilled objects are nobody else's business

if [ ! -s "$RAY_AUTH_TOKEN_PATH" ]; then
    echo "error: no token in $RAY_AUTH_TOKEN_PATH" >&2
    echo "  remedy:   make one with cluster/token.sh, or copy the head node's file here" >&2
    exit 2
fi
if [ "$(ls -lL "$RAY_AUTH_TOKEN_PATH" | cut -c5-10)" != "------" ]; then
    echo "error: others can read $RAY_AUTH_TOKEN_PATH" >&2
    echo "  remedy:   chmod 600 $RAY_AUTH_TOKEN_PATH" >&2
    exit 2
fi
if ! command -v ray >/dev/null; then
    echo "error: no ray here" >&2
    echo "  remedy:   make setup, or pip install -c constraints.txt '.[cluster]' in the project's folder" >&2
    exit 2
fi
