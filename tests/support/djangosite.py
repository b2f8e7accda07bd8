"""A small real Django: its sessions, log-in and messages on SQLite in memory, configured once a process."""

from __future__ import annotations

import django
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, login
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.urls import path
from testkeys import KEY

SITE = "https://www.shop.example"

if not settings.configured:
    settings.configure(
        SECRET_KEY=KEY,
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # the cheapest
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
    )
    django.setup()


def front(request):
    """Greet who is logged in, and try to place an advertising network's cookie."""
    told = " ".join(map(str, messages.get_messages(request)))
    response = HttpResponse(f"{request.user.get_username()} {told} {get_token(request)}")
    response.set_cookie("_ga", "GA1.2", max_age=63_072_000)
    response.set_cookie("_fbp", "fb.1", samesite="None", secure=True)
    return response


def enter(request):
    user = authenticate(request, username=request.POST["name"], password=request.POST["password"])
    login(request, user)
    messages.success(request, "Welcome, thorn & all")
    return HttpResponse("in")


def careless(request):
    response = HttpResponse('<img src="https://ads.example/a.png"><img src="/b.png">')
    response.set_cookie("_fbp", "secret", samesite="None", secure=True)
    response.set_cookie("session", "secret", domain="ads.example")
    return response


def streamed(request):
    response = StreamingHttpResponse([b'<img src="https://ads.example/a.png">'])
    response.set_cookie("_fbp", "secret", samesite="None", secure=True)
    return response


urlpatterns = [
    path("", front),
    path("enter", enter),
    path("careless", careless),
    path("streamed", streamed),
    path("plain", lambda request: HttpResponse("<p>plain</p>")),
]

application = get_wsgi_application()


def with_visitor():
    """Make the tables and one visitor to log in."""
    from django.contrib.auth.models import User

    call_command("migrate", verbosity=0)
    if not User.objects.filter(username="ann").exists():
        User.objects.create_user("ann", password=KEY)
