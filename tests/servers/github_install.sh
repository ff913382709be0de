#!/bin/sh
# Installs GitHub's own description of its API, and Prism which answers by it, outside of this folder; does nothing when they are there.
set -eu
top=${XDG_CACHE_HOME:-$HOME/.cache}/release-console-tests/github
want="@octokit/openapi@23.0.2 @stoplight/prism-cli@5.14.2"
[ "$(cat "$top/.installed" 2>/dev/null)" = "$want" ] && exit 0
command -v npm >/dev/null 2>&1 || { echo "npm is needed: install Node.js 20" >&2; exit 1; }
rm -rf "$top"
mkdir -p "$top"
cd "$top"
# shellcheck disable=SC2086
npm install --ignore-scripts --no-audit --no-fund --loglevel=error $want >/dev/null
# Every other copy of the description (whole, of other products) is not needed: 300 MB.
find node_modules/@octokit/openapi/generated -name '*.json' ! -name api.github.com.json -delete
echo "$want" >.installed
