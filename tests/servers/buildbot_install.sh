#!/bin/sh
# Installs Buildbot for the tests into an environment of its own, outside of this folder; does nothing when it is there.
set -eu
top=${XDG_CACHE_HOME:-$HOME/.cache}/release-console-tests
version=4.3.0
[ "$(cat "$top/buildbot/.installed" 2>/dev/null)" = "$version" ] && exit 0
rm -rf "$top/buildbot"
mkdir -p "$top"
"${PYTHON:-python3}" -m venv "$top/buildbot"
"$top/buildbot/bin/python" -m pip install --quiet --disable-pip-version-check --progress-bar off \
  "buildbot==$version" "buildbot-www==$version" "buildbot-worker==$version"
# An empty master with its database made: each test run starts from a copy of it.
"$top/buildbot/bin/buildbot" create-master -r -q "$top/buildbot/master"
echo "$version" >"$top/buildbot/.installed"
