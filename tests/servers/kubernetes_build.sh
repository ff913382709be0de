#!/bin/sh
# Builds kube-apiserver and kube-controller-manager from Debian's source package, once a version, and prints the folder they are in.
#
# Needs (Debian 12): golang-1.19-go golang-github-modern-go-reflect2-dev dpkg-dev etcd-server
# With --find nothing is built: it prints the newest folder that has both, or fails.
set -eu
cache=${XDG_CACHE_HOME:-$HOME/.cache}/release-console-tests
if [ "${1:-}" = --find ]; then
  for folder in "$cache"/kubernetes-*/; do
    [ -x "$folder/kube-apiserver" ] && [ -x "$folder/kube-controller-manager" ] && found=$folder
  done
  [ -n "${found:-}" ] && printf '%s\n' "${found%/}" && exit 0
  exit 1
fi

# The machine's own package lists, asked for sources instead of binaries, in a folder of our own: nothing of the machine's is changed.
mkdir -p "$cache"
work=$(mktemp -d "$cache/building.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/sources" "$work/lists/partial" "$work/cache/archives/partial"
for list in /etc/apt/sources.list.d/*.sources; do
  [ -f "$list" ] && sed 's/^Types:.*/Types: deb-src/' "$list" >"$work/sources/$(basename "$list")"
done
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
  [ -f "$list" ] && sed -n 's/^deb /deb-src /p' "$list" >"$work/sources/$(basename "$list" .list).list"
done
apt() {
  apt-get -q -o Dir::Etc::sourcelist=- -o Dir::Etc::sourceparts="$work/sources" -o Dir::State::lists="$work/lists" \
    -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root "$@" >&2
}
apt update
cd "$work"
apt source --download-only kubernetes
dsc=$(ls kubernetes_*.dsc)
version=$(basename "$dsc" .dsc | sed 's/^kubernetes_//')
out=$cache/kubernetes-$version
if [ -x "$out/kube-apiserver" ] && [ -x "$out/kube-controller-manager" ]; then
  printf '%s\n' "$out"
  exit 0
fi

# GOPATH mode: the vendored dependencies carry no module list that this Go accepts.
export GOPATH="$work/go" GO111MODULE=off CGO_ENABLED=0 GOFLAGS=-p=2 GOCACHE="$work/go-cache" PATH="/usr/lib/go-1.19/bin:$PATH"
tree=$GOPATH/src/k8s.io/kubernetes
mkdir -p "$(dirname "$tree")"
dpkg-source -q --no-check -x "$dsc" "$tree" >&2
cd "$tree"

# reflect2 1.0.1 crashes the server at the first write of a custom resource under this Go; Debian's own 1.0.2 does not.
rm -rf vendor/github.com/modern-go/reflect2
cp -R /usr/share/gocode/src/github.com/modern-go/reflect2 vendor/github.com/modern-go/reflect2

number=v$(printf '%s' "$version" | sed 's/.*really//; s/-.*//')
minor=$(printf '%s' "$number" | cut -d. -f2)
for base in staging/src/k8s.io/component-base/version/base.go staging/src/k8s.io/client-go/pkg/version/base.go; do
  sed -i -E "s/^(\tgitVersion +string = |\tgitVersion +=  *)\"[^\"]*\"/\1\"$number\"/; s/^(\tgitMajor +string = )\"\"/\1\"1\"/
    s/^(\tgitMinor +string = )\"\"/\1\"$minor\"/" "$base"
done

# The source package leaves out what is generated from all types that carry the tag.
go build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
types=$(grep -rl --include=*.go '+k8s:openapi-gen=' pkg staging/src/k8s.io | grep -v -e _examples -e code-generator -e sample- -e testdata |
  xargs -n1 dirname | sort -u | sed -e 's#^staging/src/#k8s.io/kubernetes/vendor/#' -e 's#^pkg/#k8s.io/kubernetes/pkg/#' | paste -sd,)
"$work/openapi-gen" -i "$types" -p k8s.io/kubernetes/pkg/generated/openapi -O zz_generated.openapi \
  -h hack/boilerplate/boilerplate.generatego.txt -r "$work/violations" >&2

mkdir -p "$work/bin"
go build -ldflags '-s -w' -o "$work/bin/" ./cmd/kube-apiserver ./cmd/kube-controller-manager
chmod -R u+w "$work"
rm -rf "$out"
mv "$work/bin" "$out"
printf '%s\n' "$out"
