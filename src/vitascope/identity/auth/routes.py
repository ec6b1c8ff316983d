"""Signing in and out, oneself, and API keys."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, SecretStr
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from vitascope.foundation.context import AccountId, TenantId
from vitascope.foundation.http.auth import SignedIn, Unsigned
from vitascope.foundation.wiring import Container, Provided
from vitascope.identity.auth.contracts import ApiKey, ApiKeyId, Tokens
from vitascope.identity.auth.service.api_keys import NAME_CHARACTERS, ApiKeyService
from vitascope.identity.auth.service.keyring import KeyRing
from vitascope.identity.auth.service.sessions import SessionService
from vitascope.identity.users.contracts import Accounts, Permission, Role

router = APIRouter(prefix="/auth", tags=["auth"])

_JWKS_SECONDS = 300
_Token = Annotated[SecretStr, Field(max_length=200)]


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("this instant is before the first year or after the last") from error


class SignInBody(BaseModel):
    """An address and its password."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: str = Field(max_length=320, examples=["ada@example.org"])
    password: SecretStr = Field(max_length=1000)


class RefreshBody(BaseModel):
    """The refresh token that was given last."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    refresh_token: _Token


class TokensAnswer(BaseModel):
    """What a signed-in client holds (RFC 6749, section 5.1)."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a scheme
    expires_at: datetime
    refresh_token: str
    refresh_expires_at: datetime

    @classmethod
    def of(cls, tokens: Tokens) -> "TokensAnswer":
        """As a client reads them."""
        return cls(
            access_token=tokens.access_token,
            expires_at=tokens.expires_at,
            refresh_token=tokens.refresh_token,
            refresh_expires_at=tokens.refresh_expires_at,
        )


class MeAnswer(BaseModel):
    """Who is signed in, and what the credential allows."""

    id: AccountId
    tenant: TenantId
    email: str
    name: str
    role: Role
    permissions: list[str]


class ApiKeyBody(BaseModel):
    """The key that somebody wants."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=NAME_CHARACTERS, examples=["nightly upload"])
    permissions: list[Permission] = Field(min_length=1, max_length=len(Permission))
    expires_at: Annotated[AwareDatetime, AfterValidator(_in_utc)] | None = None


class ApiKeyAnswer(BaseModel):
    """A key; `hint` is the end of its secret."""

    model_config = ConfigDict(from_attributes=True)

    id: ApiKeyId
    name: str
    hint: str
    permissions: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> "ApiKeyAnswer":
        """As its owner sees it."""
        return cls.model_validate(key)


class NewApiKeyAnswer(ApiKeyAnswer):
    """A key with its secret, which is shown this once."""

    secret: str


class ApiKeysAnswer(BaseModel):
    """All of one's keys."""

    items: list[ApiKeyAnswer]


@router.post("/sign-in")
async def sign_in(
    *,
    body: SignInBody,
    request: Request,
    ctx: Unsigned,
    sessions: Provided[SessionService],
    response: Response,
) -> TokensAnswer:
    """Trade an address and its password for tokens."""
    response.headers["Cache-Control"] = "no-store"
    tokens = await sessions.sign_in(
        ctx,
        email=body.email,
        password=body.password.get_secret_value(),
        address=request.client.host if request.client else "",
    )
    return TokensAnswer.of(tokens)


@router.post("/refresh")
async def refresh(
    body: RefreshBody, ctx: Unsigned, sessions: Provided[SessionService], response: Response
) -> TokensAnswer:
    """Trade a refresh token for new tokens, once. Its second use ends the session for everybody."""
    response.headers["Cache-Control"] = "no-store"
    return TokensAnswer.of(await sessions.refresh(ctx, refresh_token=body.refresh_token.get_secret_value()))


@router.post("/sign-out", status_code=204)
async def sign_out(body: RefreshBody, ctx: Unsigned, sessions: Provided[SessionService]) -> None:
    """End the session. A token that is over already changes nothing."""
    await sessions.sign_out(ctx, refresh_token=body.refresh_token.get_secret_value())


@router.get("/me")
async def me(ctx: SignedIn, accounts: Provided[Accounts]) -> MeAnswer:
    """Who one is here, and what one may do with this credential."""
    account = await accounts.get(ctx, account=ctx.account)
    return MeAnswer(
        id=account.id,
        tenant=ctx.tenant,
        email=account.email,
        name=account.name,
        role=account.role,
        permissions=sorted(ctx.principal.permissions),
    )


@router.get("/api-keys")
async def api_keys(ctx: SignedIn, keys: Provided[ApiKeyService]) -> ApiKeysAnswer:
    """One's own keys, newest first; there are at most fifty."""
    return ApiKeysAnswer(items=[ApiKeyAnswer.of(one) for one in await keys.own(ctx)])


@router.post("/api-keys", status_code=201)
async def create_api_key(
    body: ApiKeyBody, ctx: SignedIn, keys: Provided[ApiKeyService], response: Response
) -> NewApiKeyAnswer:
    """A new key for a program; keep its secret, for it is not shown again."""
    response.headers["Cache-Control"] = "no-store"
    made = await keys.create(ctx, name=body.name, permissions=body.permissions, expires_at=body.expires_at)
    return NewApiKeyAnswer(secret=made.secret, **ApiKeyAnswer.of(made.key).model_dump())


@router.delete("/api-keys/{key}", status_code=204)
async def revoke_api_key(key: ApiKeyId, ctx: SignedIn, keys: Provided[ApiKeyService]) -> None:
    """Make a key useless, at once here and within seconds everywhere."""
    await keys.revoke(ctx, key=key)


def root_routes(container: Container) -> list[BaseRoute]:
    """The public keys, where verifiers look for them (RFC 8615)."""
    keys = container.get(KeyRing)

    async def jwks(_request: Request) -> JSONResponse:
        headers = {"Cache-Control": f"public, max-age={_JWKS_SECONDS}"}
        return JSONResponse({"keys": await keys.published()}, headers=headers)

    return [Route("/.well-known/jwks.json", jwks, methods=["GET"])]
