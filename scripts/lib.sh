# shellcheck shell=sh
# What scripts/test, scripts/demo, scripts/check and scripts/lock share. Sourced after `set -eu`; needs $root.

# shellcheck disable=SC2154  # the scripts that source this set it
venv=$root/.venv

say() { printf '%s\n' "$*"; }
heading() { printf '\n== %s\n' "$*"; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

may_install() { [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; }

# quietly COMMAND...: shows what it printed only if it fails.
quietly() {
  log=$(mktemp)
  if "$@" >"$log" 2>&1 </dev/null; then
    rm -f "$log"
  else
    tail -n 20 "$log" >&2
    rm -f "$log"
    return 1
  fi
}

apt() { DEBIAN_FRONTEND=noninteractive quietly apt-get -qq "$@"; }

apt_install() {
  say "installing with apt: $*"
  apt update || say "going on with the package lists that are there"
  apt install -y --no-install-recommends "$@" || die "apt-get install $* failed"
}

# program_of PACKAGE: the program that shows it is there, for systems whose package manager is not dpkg.
program_of() {
  case $1 in
    softhsm2) say softhsm2-util ;;
    opensc) say pkcs11-tool ;;
    python3-venv) say python3 ;;
    opencryptoki) say pkcsslotd ;;
    p11-kit-modules) say p11-kit ;;
    *) say "$1" ;;
  esac
}

is_installed() {
  if command -v dpkg-query >/dev/null 2>&1; then
    # shellcheck disable=SC2016  # dpkg-query expands it
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
  else
    PATH=$PATH:/usr/sbin:/sbin command -v "$(program_of "$1")" >/dev/null 2>&1
  fi
}

# ensure_packages PACKAGE...: installs what is missing as root under apt; else says what to run and returns 1.
ensure_packages() {
  missing=
  for package; do
    is_installed "$package" || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  if may_install; then
    # shellcheck disable=SC2086  # a list of words
    apt_install $missing
    return 0
  fi
  say "not installed:$missing"
  say "as root, on Debian or Ubuntu:  apt-get install -y$missing"
  return 1
}

softhsm_library() {
  for library in /usr/lib/softhsm /usr/lib64/softhsm /usr/lib64/pkcs11 /usr/local/lib/softhsm /opt/homebrew/lib/softhsm; do
    if [ -e "$library/libsofthsm2.so" ]; then
      say "$library/libsofthsm2.so"
      return 0
    fi
  done
  return 1
}

find_python() {
  for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      command -v "$candidate"
      return 0
    fi
  done
  return 1
}

# python_packages: what to install so that find_python finds one; nothing where it does.
python_packages() { find_python >/dev/null || say python3-venv; }

# tmpfiles_package: opencryptoki's directories are made by systemd-tmpfiles, which a container without systemd lacks.
tmpfiles_package() { command -v systemd-tmpfiles >/dev/null || say systemd-standalone-tmpfiles; }

# make_venv: $venv with the pinned pip, which knows dependency groups.
make_venv() {
  python=$(find_python) ||
    die "Python 3.11 or newer with its venv module is needed; to name one: PYTHON=/path/to/python3.13 $0"
  if "$venv/bin/python" -c '' >/dev/null 2>&1; then
    "$python" -m venv "$venv"
  else
    "$python" -m venv --clear "$venv"
  fi
  pip_install "$(grep '^pip==' "$root/constraints.txt")"
}

pip_install() {
  quietly "$venv/bin/python" -m pip install --disable-pip-version-check --no-input "$@" ||
    die "pip could not install the dependencies (it needs a package index that it can reach)"
}

# ensure_venv runtime|dev: installs the pinned dependencies and this checkout; a second run with nothing changed is free.
ensure_venv() {
  stamp=$venv/.qpki
  wanted="$(cat "$root/pyproject.toml" "$root/constraints.txt" | cksum) $root"
  have=$(cat "$stamp" 2>/dev/null || true)
  if "$venv/bin/python" -c '' >/dev/null 2>&1; then
    case $have in
      "dev $wanted" | "$1 $wanted") return 0 ;;
    esac
  fi
  say "preparing $venv ($1 dependencies)"
  make_venv
  if [ "$1" = dev ]; then set -- dev --group "$root/pyproject.toml:dev"; fi
  level=$1
  shift
  pip_install --constraint "$root/constraints.txt" --build-constraint "$root/constraints.txt" "$@" --editable "$root"
  say "$level $wanted" >"$stamp"
}
