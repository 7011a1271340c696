#!/usr/bin/env bash
# Make the token of a cluster, once; the file is readable by its owner alone. An existing token stays.
#
#     cluster/token.sh                      # ~/.ray/auth_token, or the file that RAY_AUTH_TOKEN_PATH names
#
# Copy it to the other nodes, and to the machine that submits, over a connection that is encrypted:
#
#     ssh NODE 'umask 077; mkdir -p ~/.ray; cat > ~/.ray/auth_token' < ~/.ray/auth_token
set -euo pipefail
umask 077

path="${RAY_AUTH_TOKEN_PATH:-$HOME/.ray/auth_token}"
mkdir -p "$(dirname "$path")"
if [ -s "$path" ]; then
    chmod 600 "$path"
    echo "There is a token in $path already." >&2
else
    rm -f "$path"
    od -An -N32 -tx1 /dev/urandom | tr -d ' \n' > "$path"
    echo "A new token is in $path." >&2
fi
