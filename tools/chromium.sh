#!/bin/sh
# The browser for the tests of the demo page: Debian's chromium, installed when it is missing and we may.
set -eu

for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done

install() {
    echo "installing chromium for the browser tests (once) …"
    "$@" apt-get update -qq && "$@" apt-get install -y -qq --no-install-recommends chromium >/dev/null
}

if command -v apt-get >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ]; then
        if install env DEBIAN_FRONTEND=noninteractive; then exit 0; fi
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        if install sudo -n env DEBIAN_FRONTEND=noninteractive; then exit 0; fi
    fi
fi

echo "No chromium found and none could be installed. With CI=true the browser tests FAIL; otherwise they are skipped." >&2
echo "Install it: apt install chromium" >&2
