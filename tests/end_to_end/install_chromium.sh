#!/bin/sh
# Make sure that a Chromium is here for the browser journey, or say loudly what will be left out.
find_it() { for name in chromium chromium-browser google-chrome; do command -v "$name" && return; done; return 1; }

if find_it > /dev/null; then exit 0; fi
if command -v apt-get > /dev/null && [ "$(id -u)" = 0 ]; then
    echo "Chromium is missing: installing it with apt-get."
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } > /dev/null 2>&1
fi
if ! find_it > /dev/null; then
    echo "**********************************************************************" >&2
    echo "* Chromium is missing and could not be installed: THE BROWSER JOURNEY" >&2
    echo "* IS LEFT OUT of this test run. Install the package chromium for it." >&2
    echo "**********************************************************************" >&2
fi
exit 0
