"""Signing up, confirming the address, signing in and out."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from vitascope.console.theatre import cookies
from vitascope.console.theatre.guests import Guest, local_address
from vitascope.console.theatre.pages import render
from vitascope.foundation.errors import VitascopeError
from vitascope.foundation.wiring import Provided
from vitascope.identity.auth.contracts import Sessions
from vitascope.identity.users.contracts import Accounts, VerificationExpired

Field = Annotated[str, Form()]

router = APIRouter()


@router.get("/signup")
async def signup_form(request: Request, ctx: Guest) -> Response:
    """The form of a new account."""
    if ctx.principal.account is not None:
        return RedirectResponse("/", HTTPStatus.SEE_OTHER)
    return render(request, "signup.html", ctx=ctx, problem=None, name="", email="")


@router.post("/signup")
async def sign_up(
    *,
    request: Request,
    ctx: Guest,
    accounts: Provided[Accounts],
    name: Field = "",
    email: Field = "",
    password: Field = "",
) -> Response:
    """Create the account and send the visitor to the mail; says the same for a known address."""
    try:
        await accounts.sign_up(
            ctx, email=email.strip(), password=password, name=name.strip(), address=_address_of(request)
        )
    except VitascopeError as problem:
        said = {"problem": problem, "name": name, "email": email}
        return render(request, "signup.html", ctx=ctx, status=int(problem.status), **said)
    return RedirectResponse("/signup/sent", HTTPStatus.SEE_OTHER)


@router.get("/signup/sent")
async def check_your_mail(request: Request, ctx: Guest) -> Response:
    """What to do next: open the link in the mail."""
    return render(request, "check_mail.html", ctx=ctx)


# A link only shows a button: mail scanners open links, but they press nothing.
@router.get("/verify")
async def verify_form(request: Request, ctx: Guest, token: str = "") -> Response:
    """Where the link in the mail leads."""
    return render(request, "verify.html", ctx=ctx, token=token, problem=None)


@router.post("/verify")
async def verify(request: Request, ctx: Guest, accounts: Provided[Accounts], token: Field = "") -> Response:
    """Confirm the address, then sign in."""
    try:
        await accounts.verify(ctx, token=token)
    except VerificationExpired as problem:
        return render(request, "verify.html", ctx=ctx, status=int(problem.status), token="", problem=problem)
    return RedirectResponse("/login?confirmed=1", HTTPStatus.SEE_OTHER)


@router.get("/login")
async def login_form(request: Request, ctx: Guest, next: str = "/", *, confirmed: bool = False) -> Response:  # noqa: A002 - the parameter's usual name
    """The form to sign in."""
    back_to = local_address(next)
    if ctx.principal.account is not None:
        return RedirectResponse(back_to, HTTPStatus.SEE_OTHER)
    return render(
        request, "login.html", ctx=ctx, problem=None, email="", back_to=back_to, confirmed=confirmed
    )


@router.post("/login")
async def log_in(
    *,
    request: Request,
    ctx: Guest,
    sessions: Provided[Sessions],
    email: Field = "",
    password: Field = "",
    next: Field = "/",  # noqa: A002 - the parameter's usual name
) -> Response:
    """Start a session, kept in cookies."""
    back_to, address = local_address(next), _address_of(request)
    try:
        tokens = await sessions.sign_in(ctx, email=email.strip(), password=password, address=address)
    except VitascopeError as problem:
        said = {"problem": problem, "email": email, "back_to": back_to, "confirmed": False}
        return render(request, "login.html", ctx=ctx, status=int(problem.status), **said)
    response = RedirectResponse(back_to, HTTPStatus.SEE_OTHER)
    cookies.keep(request, response, tokens=tokens)
    return response


# Below /session, because the refresh cookie is sent nowhere else.
@router.post("/session/logout")
async def log_out(request: Request, ctx: Guest, sessions: Provided[Sessions]) -> Response:
    """End the session here and at the service."""
    token = request.cookies.get(cookies.REFRESH_COOKIE)
    if token is not None:
        await sessions.sign_out(ctx, refresh_token=token)
    response = RedirectResponse("/", HTTPStatus.SEE_OTHER)
    cookies.forget(request, response)
    return response


def _address_of(request: Request) -> str:
    """The network address that limits of attempts are counted by."""
    return request.client.host if request.client else ""
