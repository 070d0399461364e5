# Shared by the scripts in this folder; sourced, never run.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# The system's own interpreter: the Debian packages of Python clients (python3-consul) belong to it.
python=/usr/bin/python3

# A compiler cache, where there is one, serves every checkout of this machine.
export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=true

say() { printf '==> %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# One build at a time on a small machine: whoever comes second waits. WEIR_BUILD_LOCK names a lock shared with others.
with_build_lock() {
  mkdir -p "$root/build"
  flock "${WEIR_BUILD_LOCK:-$root/build/.lock}" "$@"
}

debian_codename() {
  (. /etc/os-release && printf '%s\n' "${VERSION_CODENAME:-}")
}

# The address of the Debian archive this machine already uses (never a host of our own choosing): the first source of
# the machine's own suite, in the deb822 form or the one-line form.
debian_archive_uri() {
  local suite uri
  suite=$(debian_codename)
  uri=$(cat /etc/apt/sources.list.d/*.sources 2>/dev/null | awk -v suite="$suite" '
    function finish() { if (uri != "" && hit) { print uri; done = 1; exit } uri = ""; hit = 0 }
    /^[ \t]*$/ { finish() }
    /^URIs:/ { uri = $2 }
    /^Suites:/ { for (i = 2; i <= NF; i++) if ($i == suite) hit = 1 }
    END { if (!done) finish() }' || true)
  [ -n "$uri" ] || uri=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | awk -v suite="$suite" '
    $1 == "deb" { for (i = 2; i < NF; i++) if ($i ~ /^[a-z+]+:/ && $(i + 1) == suite) { print $i; exit } }' || true)
  [ -n "$uri" ] || die "no Debian archive of the suite '$suite' found in /etc/apt"
  printf '%s\n' "$uri"
}

# Only package lists are fetched: no translations, no AppStream icons, no command-not-found data.
apt_lists_only=(-o Acquire::Languages=none
  -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
  -o Acquire::IndexTargets::deb::DEP-11-icons::DefaultEnabled=false
  -o Acquire::IndexTargets::deb::DEP-11-icons-small::DefaultEnabled=false
  -o Acquire::IndexTargets::deb::DEP-11-icons-hidpi::DefaultEnabled=false
  -o Acquire::IndexTargets::deb::CNF::DefaultEnabled=false
  -o Acquire::Retries=3)

# download_from_suite SUITE FOLDER PACKAGE...: fetches packages of another Debian suite and unpacks them below FOLDER.
# Signatures are checked by the machine's debian-archive-keyring; nothing is installed into the system.
download_from_suite() {
  local suite=$1 folder=$2 apt_home status=0
  shift 2
  apt_home=$(mktemp -d)
  fetch_and_unpack "$suite" "$folder" "$apt_home" "$@" || status=$?
  rm -rf "$apt_home"
  return "$status"
}

# Called only with `||` behind it, where `set -e` is off: so every step says `|| return` itself.
fetch_and_unpack() {
  local suite=$1 folder=$2 apt_home=$3 deb uri
  shift 3
  uri=$(debian_archive_uri) || return 1
  mkdir -p "$apt_home/lists/partial" "$apt_home/cache/archives/partial" "$apt_home/debs" "$apt_home/parts" || return 1
  printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$uri" "$suite" \
    > "$apt_home/sources.list" || return 1
  : > "$apt_home/status"  # what this system has installed must not choose the version
  local options=(-q -o "Dir::Etc::sourcelist=$apt_home/sources.list" -o "Dir::Etc::sourceparts=$apt_home/parts"
    -o "Dir::State::lists=$apt_home/lists" -o "Dir::State::status=$apt_home/status" -o "Dir::Cache=$apt_home/cache"
    -o APT::Sandbox::User=root "${apt_lists_only[@]}")
  apt-get "${options[@]}" update >&2 || return 1
  (cd "$apt_home/debs" && apt-get "${options[@]}" download "$@" >&2) || return 1
  rm -rf "$folder.partial" && mkdir -p "$folder.partial" || return 1
  for deb in "$apt_home"/debs/*.deb; do
    dpkg -x "$deb" "$folder.partial" || return 1
  done
  # All or nothing: a folder that exists is complete.
  rm -rf "$folder" && mv "$folder.partial" "$folder"
}
