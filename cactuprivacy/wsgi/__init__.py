"""The only room that knows PEP 3333's corners.

Room: wsgi. ``middleware`` (the base of the layers), ``exchange`` (one request and its response), ``fetch``
(what kind of fetch), ``address`` (whose), ``pages`` (pages of our own). Knows no clause.
"""

from cactuprivacy.wsgi.address import TrustedProxies as TrustedProxies
from cactuprivacy.wsgi.address import client_address as client_address
from cactuprivacy.wsgi.body import BodyFilter as BodyFilter
from cactuprivacy.wsgi.exchange import Exchange as Exchange
from cactuprivacy.wsgi.exchange import Headers as Headers
from cactuprivacy.wsgi.exchange import RefusalError as RefusalError
from cactuprivacy.wsgi.fetch import FetchContext as FetchContext
from cactuprivacy.wsgi.fetch import fetch_context as fetch_context
from cactuprivacy.wsgi.middleware import Middleware as Middleware
from cactuprivacy.wsgi.middleware import layers as layers
