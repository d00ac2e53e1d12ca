#!/bin/sh
# Writes requirements/run.txt and dev.txt anew from pyproject.toml. Pinned versions stay where they still fit;
# UPGRADE=1 takes the newest ones. Needs a network; the packages themselves are not installed.
set -eu
cd "$(dirname "$0")/.."

tool=build/lock
if [ ! -x $tool/bin/uv ]; then
    ${PYTHON:-python3} -m venv $tool
    $tool/bin/python -m pip install -qq --disable-pip-version-check uv
fi

compile() {
    $tool/bin/uv pip compile -q pyproject.toml --universal --python-version 3.11 \
        --generate-hashes --no-header --no-annotate ${UPGRADE:+--upgrade} "$@"
}
compile -o requirements/run.txt
compile --extra dev -c requirements/run.txt -o requirements/dev.txt
echo "locked: $(grep -c '==' requirements/run.txt) packages to run, $(grep -c '==' requirements/dev.txt) to develop"
