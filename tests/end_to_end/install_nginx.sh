#!/bin/sh
# Make sure that an nginx is here for the test behind a shared cache, or say loudly what will be left out.
find_it() { command -v nginx || [ -x /usr/sbin/nginx ]; }

if find_it > /dev/null; then exit 0; fi
if command -v apt-get > /dev/null && [ "$(id -u)" = 0 ]; then
    echo "nginx is missing: installing it with apt-get."
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nginx-light; } > /dev/null 2>&1
fi
if ! find_it > /dev/null; then
    echo "**********************************************************************" >&2
    echo "* nginx is missing and could not be installed: THE TEST BEHIND A SHARED" >&2
    echo "* CACHE IS LEFT OUT of this test run. Install the package nginx-light." >&2
    echo "**********************************************************************" >&2
fi
exit 0
