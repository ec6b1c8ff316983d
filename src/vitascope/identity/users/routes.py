"""Signing up and confirming the address; accounts, for those who manage them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from vitascope.foundation.context import AccountId
from vitascope.foundation.http.auth import SignedIn, Unsigned
from vitascope.foundation.http.pagination import Page, PagingQuery
from vitascope.foundation.wiring import Provided
from vitascope.identity.users.contracts import Account, Role
from vitascope.identity.users.service.accounts import NAME_CHARACTERS, AccountService

router = APIRouter()

_ORDER = "identity.users.accounts"
_Email = Annotated[str, Field(max_length=320, examples=["ada@example.org"])]
_Password = Annotated[SecretStr, Field(max_length=1000, description="At least ten characters.")]
_Name = Annotated[str, Field(max_length=4 * NAME_CHARACTERS, examples=["Ada Lovelace"])]


class SignUpBody(BaseModel):
    """Who wants an account."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: _Email
    password: _Password
    name: _Name


class SignUpAnswer(BaseModel):
    """What happens next: the same for every address."""

    detail: str = "We have sent a letter to this address; follow the link in it."


class VerifyBody(BaseModel):
    """The token of the mailed link."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: SecretStr = Field(max_length=100)


class AccountBody(SignUpBody):
    """An account that an owner makes for somebody."""

    role: Role = Role.VIEWER


class RoleBody(BaseModel):
    """What an account shall be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role


class AccountAnswer(BaseModel):
    """An account."""

    id: AccountId
    email: str
    name: str
    role: Role

    @classmethod
    def of(cls, account: Account) -> "AccountAnswer":
        """As its holder sees it."""
        return cls(id=account.id, email=account.email, name=account.name, role=account.role)


@router.post("/auth/sign-up", status_code=202, tags=["auth"])
async def sign_up(
    body: SignUpBody, request: Request, ctx: Unsigned, accounts: Provided[AccountService]
) -> SignUpAnswer:
    """Ask for an account: a link goes to the address, or word that there is an account already."""
    await accounts.sign_up(
        ctx,
        email=body.email,
        password=body.password.get_secret_value(),
        name=body.name,
        address=request.client.host if request.client else None,
    )
    return SignUpAnswer()


@router.post("/auth/verify", tags=["auth"])
async def verify(body: VerifyBody, ctx: Unsigned, accounts: Provided[AccountService]) -> AccountAnswer:
    """Confirm the address with the token of the mailed link; then one can sign in."""
    return AccountAnswer.of(await accounts.verify(ctx, token=body.token.get_secret_value()))


@router.get("/accounts", tags=["accounts"])
async def page(ctx: SignedIn, accounts: Provided[AccountService], paging: PagingQuery) -> Page[AccountAnswer]:
    """All accounts of the tenant, oldest first."""
    key = paging.after(tuple[UUID], order=_ORDER)
    found = await accounts.page(ctx, after=AccountId.of(key[0]) if key else None, limit=paging.limit + 1)
    return Page[AccountAnswer].cut(
        found, limit=paging.limit, order=_ORDER, key=lambda one: (one.id.uuid,), item=AccountAnswer.of
    )


@router.post("/accounts", status_code=201, tags=["accounts"])
async def create(body: AccountBody, ctx: SignedIn, accounts: Provided[AccountService]) -> AccountAnswer:
    """Make an account for somebody whose address is known to be right."""
    made = await accounts.create(
        ctx, email=body.email, password=body.password.get_secret_value(), name=body.name, role=body.role
    )
    return AccountAnswer.of(made)


@router.get("/accounts/{account}", tags=["accounts"])
async def show(account: AccountId, ctx: SignedIn, accounts: Provided[AccountService]) -> AccountAnswer:
    """One's own account, or any for who manages them."""
    return AccountAnswer.of(await accounts.show(ctx, account=account))


@router.put("/accounts/{account}/role", tags=["accounts"])
async def set_role(
    account: AccountId, body: RoleBody, ctx: SignedIn, accounts: Provided[AccountService]
) -> AccountAnswer:
    """Let an account do more or less. Repeating it changes nothing."""
    return AccountAnswer.of(await accounts.set_role(ctx, account=account, role=body.role))
