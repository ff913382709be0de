#!/bin/sh
# Installs an Unleash for the tests in a folder of the cache, once a version. Needs node 20 or newer and npm.
set -eu
version=7.5.1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/release-console-tests
out=$cache/unleash
[ "$(cat "$out/.installed" 2>/dev/null)" = "$version" ] && exit 0
rm -rf "$out"
mkdir -p "$out"
# Scripts of packages are not run: the one that would be is for the administration pages, which no test opens.
npm install --prefix "$out" --ignore-scripts --no-audit --no-fund --loglevel=error "unleash-server@$version"
printf '%s' "$version" >"$out/.installed"
