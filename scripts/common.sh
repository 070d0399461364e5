# Shared by the scripts in this folder; sourced, never run.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# One build at a time on a small machine: whoever comes second waits.
with_build_lock() {
  mkdir -p "$root/build"
  flock "$root/build/.lock" "$@"
}

# The address of the Debian archive this machine already uses (never a host of our own choosing).
debian_archive_uri() {
  local uri
  uri=$(awk '/^URIs:/ {print $2; exit}' /etc/apt/sources.list.d/*.sources 2>/dev/null || true)
  [ -n "$uri" ] || uri=$(awk '/^deb / {for (i = 2; i <= NF; i++) if ($i ~ /^(https?|file|copy):/) {print $i; exit}}' \
    /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true)
  [ -n "$uri" ] || die "no Debian archive found in /etc/apt"
  printf '%s\n' "$uri"
}

# download_from_suite SUITE FOLDER PACKAGE...: fetches packages of another Debian suite and unpacks them below FOLDER.
# Signatures are checked by the machine's debian-archive-keyring; nothing is installed into the system.
download_from_suite() {
  local suite=$1 folder=$2
  shift 2
  local apt_home
  apt_home=$(mktemp -d)
  mkdir -p "$apt_home/lists/partial" "$apt_home/cache/archives/partial" "$apt_home/debs" "$apt_home/parts"
  printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
    "$(debian_archive_uri)" "$suite" > "$apt_home/sources.list"
  local options=(-q -o "Dir::Etc::sourcelist=$apt_home/sources.list" -o "Dir::Etc::sourceparts=$apt_home/parts"
    -o "Dir::State::lists=$apt_home/lists" -o "Dir::Cache=$apt_home/cache" -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update >&2 || return 1
  (cd "$apt_home/debs" && apt-get "${options[@]}" download "$@" >&2) || return 1
  mkdir -p "$folder"
  local deb
  for deb in "$apt_home"/debs/*.deb; do dpkg -x "$deb" "$folder"; done
  rm -rf "$apt_home"
}
