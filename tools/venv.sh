#!/bin/sh
# Makes .venv hold the locked packages: "run" (the bot and the demo) or "dev" (also tests, checks, benchmarks).
# Starts at once when they are there already.
set -eu
cd "$(dirname "$0")/.."

wanted=$1
list=requirements/$wanted.txt
stamp=.venv/.$wanted-installed

fresh() { [ -f "$1" ] && [ -z "$(find "$2" -newer "$1")" ]; }
if fresh "$stamp" "$list"; then exit 0; fi
if [ "$wanted" = run ] && fresh .venv/.dev-installed requirements/dev.txt; then exit 0; fi

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

if [ ! -x .venv/bin/python ]; then
    found=
    for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3 python}; do
        if command -v "$candidate" >/dev/null 2>&1 && new_enough "$candidate"; then found=$candidate; break; fi
    done
    if [ -z "$found" ]; then
        echo "Jiedan needs Python 3.11 or newer and found none. 需要 Python 3.11 或更新版本。" >&2
        echo "Install one (Debian/Ubuntu: apt install python3 python3-venv; macOS: brew install python) or name it: make PYTHON=/path/to/python3.12 …" >&2
        exit 1
    fi
    echo "creating .venv with $("$found" --version 2>&1) …"
    if ! "$found" -m venv .venv; then
        rm -rf .venv
        echo "$found cannot make a virtual environment. Debian/Ubuntu: apt install python3-venv" >&2
        exit 1
    fi
fi

count=$(grep -c '^[A-Za-z0-9].*==' "$list")
echo "installing up to $count locked packages into .venv (about one minute, once) …"
.venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r "$list"
touch "$stamp"
echo "packages are ready"
