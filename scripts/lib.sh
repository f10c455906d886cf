# Shared by demo and check: says what it does, and makes .venv from the locked versions. Source it, do not run it.
# Honoured from the environment: PYTHON (interpreter, default python3), VENV (default .venv),
# VOICE_EDIT_WHEELS (where the compiled llama.cpp wheel is kept), VOICE_EDIT_NO_APT=1 (never call apt-get).

set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"

python="${PYTHON:-python3}"
venv="${VENV:-$root/.venv}"
wheels="${VOICE_EDIT_WHEELS:-${XDG_CACHE_HOME:-$HOME/.cache}/voice-edit/wheels}"

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
fail() { printf 'error: %s\n' "$1" >&2; shift; for hint in "$@"; do printf '       %s\n' "$hint" >&2; done; exit 1; }

# Installs the Debian packages named in the arguments that are not there yet. Where it may not or cannot, it tells the
# command and goes on: Python may come from elsewhere, and what is truly missing is named again where it is needed.
need_packages() {
    if ! command -v dpkg-query >/dev/null; then
        say "Not a Debian system: taking for granted what these packages bring: $*"
        return 0
    fi
    local missing=() sudo=() package
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    local apt=(apt-get install -y --no-install-recommends "${missing[@]}")
    if [ "$(id -u)" -ne 0 ]; then sudo=(sudo); fi
    if [ "${VOICE_EDIT_NO_APT:-}" = 1 ] || ! command -v "${sudo[0]:-apt-get}" >/dev/null; then
        say "Missing Debian packages: ${missing[*]}. As root: ${apt[*]}"
        return 0
    fi
    say "Installing Debian packages: ${missing[*]}"
    local run=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive)
    if ! { "${run[@]}" apt-get update -qq && "${run[@]}" "${apt[@]}"; } >&2; then
        say "apt-get failed; going on without ${missing[*]}. Later: ${sudo[*]} ${apt[*]}"
    fi
}

need_python() {
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        fail "'$python' is not Python 3.11 or newer" "Install python3 (Debian 12 has 3.11), or name one: PYTHON=python3.12 $0"
}

make_venv() {
    if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        say "Making a virtual environment in ${venv#"$root"/}"
        "$python" -m venv --clear "$venv" ||
            fail "could not make a virtual environment" "On Debian: sudo apt-get install python3-venv"
    fi
    export PIP_DISABLE_PIP_VERSION_CHECK=1
}

# llama.cpp is compiled once; the wheel is kept, so that the next clone installs in seconds.
build_llama() {
    local wanted version
    wanted="$(sed -n 's/^\(llama-cpp-python==[^ ;]*\).*/\1/p' requirements-dev.lock)"
    version="${wanted#*==}"
    mkdir -p "$wheels"
    if compgen -G "$wheels/llama_cpp_python-$version-*.whl" >/dev/null; then
        say "Using the compiled llama.cpp kept in $wheels"
        return 0
    fi
    say "Compiling llama.cpp ($wanted). This takes 3 to 15 minutes, once; the result is kept in $wheels"
    "$venv/bin/python" -m pip wheel --quiet --no-deps --wheel-dir "$wheels" "$wanted" >&2 ||
        fail "llama.cpp did not compile" "It needs a C++ compiler: sudo apt-get install build-essential" "and about 2 GB of free memory."
}

install_locked() {
    local stamp="$venv/.voice-edit-lock"
    if cmp -s requirements-dev.lock "$stamp" && "$venv/bin/python" -c 'import voice_edit' 2>/dev/null; then
        say "Everything is installed already"
        return 0
    fi
    say "Installing the locked Python packages (requirements-dev.lock)"
    "$venv/bin/python" -m pip install --quiet --find-links "$wheels" -r requirements-dev.lock >&2 ||
        fail "pip could not install the locked packages" "Look at its messages above; a network is needed the first time."
    say "Installing voice-edit itself"
    "$venv/bin/python" -m pip install --quiet --no-deps --editable . >&2
    cp requirements-dev.lock "$stamp"
}

set_up() {
    need_packages "$@"
    need_python
    make_venv
    build_llama
    install_locked
}

# What running takes: Python, a compiler for llama.cpp and evdev (pynput), PortAudio for microphones.
# libasound2-plugins is PortAudio's way to PulseAudio and PipeWire.
run_packages=(python3-venv python3-dev build-essential libportaudio2 libasound2-plugins)
