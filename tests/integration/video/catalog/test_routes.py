import asyncio
import subprocess
from collections.abc import AsyncIterator

import httpx
import imageio_ffmpeg
import pytest
from tests.integration.video.conftest import Studio

from vitascope.foundation.context import Context, TenantId
from vitascope.identity.users.contracts import Permission
from vitascope.runtime.testing import KnownContexts, PlatformUnderTest
from vitascope.video.catalog.events import TitlePublished, TitleRemoved, TitleUnpublished

pytestmark = pytest.mark.usefixtures("studio")

TITLES = "/api/v1/titles"
_EDITOR = (Permission.WATCH, Permission.UPLOAD, Permission.EDIT_OWN_TITLES)


@pytest.fixture
def editor(platform: PlatformUnderTest, tenant: TenantId) -> Context:
    """An editor of the tenant, who may edit own titles."""
    return platform.new_context(*_EDITOR, tenant=tenant)


@pytest.fixture
async def client(
    platform: PlatformUnderTest, known_contexts: KnownContexts, editor: Context
) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in as the editor."""
    async with platform.client(token=known_contexts.token(editor)) as client:
        yield client


@pytest.fixture
async def visitor(
    platform: PlatformUnderTest, known_contexts: KnownContexts
) -> AsyncIterator[httpx.AsyncClient]:
    """Not signed in."""
    del known_contexts
    async with platform.client() as client:
        yield client


@pytest.fixture
async def foreigner(
    platform: PlatformUnderTest, known_contexts: KnownContexts, stranger: Context
) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in as an account of another tenant, which may do everything there."""
    async with platform.client(token=known_contexts.token(stranger)) as client:
        yield client


@pytest.fixture
async def colleague(
    platform: PlatformUnderTest, known_contexts: KnownContexts, tenant: TenantId
) -> AsyncIterator[httpx.AsyncClient]:
    """Another editor of the same tenant."""
    token = known_contexts.token(platform.new_context(*_EDITOR, tenant=tenant))
    async with platform.client(token=token) as client:
        yield client


def assert_problem(response: httpx.Response, status: int, *, field: str | None = None) -> None:
    """The answer is a problem document, naming the field."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json().get("field") == field


def _picture(kind: str, *, size: str = "64x48") -> bytes:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", f"testsrc=size={size}"]
    made = subprocess.run(
        [*command, "-frames:v", "1", "-f", "image2pipe", "-c:v", kind, "-"], check=True, capture_output=True
    )
    return made.stdout


class TestPublished:
    async def test_lists_newest_publication_first(
        self, studio: Studio, editor: Context, visitor: httpx.AsyncClient
    ) -> None:
        """Anybody sees the published titles, page by page, the newest first; drafts are not among them."""
        first, second = [(await studio.film(editor, title=name)).id for name in ("One", "Two")]
        await studio.film(editor, publish=False)

        page = (await visitor.get(TITLES, params={"limit": 1})).json()
        rest = (await visitor.get(TITLES, params={"limit": 1, "cursor": page["next"]})).json()

        assert [one["id"] for one in page["items"] + rest["items"]] == [second, first]
        assert rest["next"] is None

    async def test_finds_by_name_and_tag(
        self, studio: Studio, editor: Context, client: httpx.AsyncClient
    ) -> None:
        """A part of the name in any case, and a tag, narrow the list; a percent sign is only a character."""
        kiss = await studio.film(editor, title="The Kiss 100%")
        await studio.film(editor, title="Workers")
        await client.patch(f"{TITLES}/{kiss.id}", json={"tags": ["Silent", "silent"]})

        found = [
            (await client.get(TITLES, params=p)).json()["items"] for p in ({"q": "kISS"}, {"tag": "silent"})
        ]
        percent = (await client.get(TITLES, params={"q": "%"})).json()["items"]

        assert [[one["id"] for one in items] for items in (*found, percent)] == [[kiss.id]] * 3
        assert found[0][0]["tags"] == ["silent"]

    async def test_hides_unlisted_and_private_titles(
        self, studio: Studio, editor: Context, client: httpx.AsyncClient, visitor: httpx.AsyncClient
    ) -> None:
        """Unlisted titles are reached by their link only, private ones by their owner only."""
        unlisted, private = await studio.film(editor), await studio.film(editor)
        await client.patch(f"{TITLES}/{unlisted.id}", json={"visibility": "unlisted"})
        await client.patch(f"{TITLES}/{private.id}", json={"visibility": "private"})

        listed = (await visitor.get(TITLES)).json()["items"]
        statuses = [(await visitor.get(f"{TITLES}/{one.id}")).status_code for one in (unlisted, private)]
        own = await client.get(f"{TITLES}/{private.id}")

        assert (listed, statuses, own.status_code) == ([], [200, 404], 200)

    async def test_other_tenants_see_nothing(
        self, studio: Studio, editor: Context, stranger: Context
    ) -> None:
        """A tenant's published titles are listed for that tenant only."""
        await studio.film(editor)

        found = await studio.titles.published(stranger, after=None, limit=10)

        assert found == []

    async def test_refuses_a_foreign_cursor(self, visitor: httpx.AsyncClient) -> None:
        """A cursor that is none of this list's is refused by name."""
        response = await visitor.get(TITLES, params={"cursor": "bm9uZQ"})

        assert_problem(response, 422, field="cursor")

    @pytest.mark.parametrize("films", [1, 3])
    async def test_takes_one_statement(
        self,
        studio: Studio,
        editor: Context,
        visitor: httpx.AsyncClient,
        platform: PlatformUnderTest,
        films: int,
    ) -> None:
        """The list takes one statement, however long it is."""
        for _ in range(films):
            await studio.film(editor)

        with platform.statements() as statements:
            response = await visitor.get(TITLES)

        assert len(response.json()["items"]) == films
        assert statements.count == 1


class TestMine:
    async def test_lists_own_titles_in_any_state(
        self,
        studio: Studio,
        editor: Context,
        ctx: Context,
        client: httpx.AsyncClient,
        platform: PlatformUnderTest,
    ) -> None:
        """An account sees its own titles, newest first, with one statement, and nobody else's."""
        ready, draft = await studio.film(editor), await studio.draft(editor)
        await studio.film(ctx)

        with platform.statements() as statements:
            page = (await client.get(f"{TITLES}/mine", params={"limit": 1})).json()
        rest = (await client.get(f"{TITLES}/mine", params={"cursor": page["next"]})).json()

        assert [(one["id"], one["state"]) for one in page["items"] + rest["items"]] == [
            (draft.id, "processing"),
            (ready.id, "ready"),
        ]
        assert statements.count == 1

    async def test_needs_a_signed_in_account(self, visitor: httpx.AsyncClient) -> None:
        """A visitor has no titles to list."""
        assert_problem(await visitor.get(f"{TITLES}/mine"), 401)

    async def test_refuses_a_limit_out_of_bounds(self, client: httpx.AsyncClient) -> None:
        """A page has at most 200 items."""
        assert_problem(await client.get(f"{TITLES}/mine", params={"limit": 201}), 422, field="limit")


class TestShow:
    async def test_shows_a_published_title_to_anybody(
        self, studio: Studio, editor: Context, visitor: httpx.AsyncClient, platform: PlatformUnderTest
    ) -> None:
        """A published title is shown with one statement, without a word on where its files are."""
        title = await studio.film(editor)

        with platform.statements() as statements:
            response = await visitor.get(f"{TITLES}/{title.id}")

        assert (response.json()["name"], response.json()["duration"]) == ("The Kiss", 18.0)
        assert "renditions" not in response.text
        assert statements.count == 1

    async def test_answers_not_modified(
        self, studio: Studio, editor: Context, visitor: httpx.AsyncClient
    ) -> None:
        """Who has the present version gets no second copy of it."""
        title = await studio.film(editor)
        etag = (await visitor.get(f"{TITLES}/{title.id}")).headers["etag"]

        response = await visitor.get(f"{TITLES}/{title.id}", headers={"if-none-match": etag})

        assert (response.status_code, response.content) == (304, b"")

    async def test_hides_a_draft(
        self, studio: Studio, editor: Context, client: httpx.AsyncClient, visitor: httpx.AsyncClient
    ) -> None:
        """A title that is not published is there for its owner only."""
        title = await studio.draft(editor)

        assert (await client.get(f"{TITLES}/{title.id}")).status_code == 200
        assert_problem(await visitor.get(f"{TITLES}/{title.id}"), 404)

    async def test_shows_an_operator_every_title(self, studio: Studio, editor: Context, ctx: Context) -> None:
        """An operator sees drafts of others."""
        title = await studio.draft(editor)

        assert await studio.titles.get(ctx, title=title.id) == title

    async def test_is_not_there_for_another_tenant(
        self, studio: Studio, editor: Context, foreigner: httpx.AsyncClient
    ) -> None:
        """Another tenant's operator does not find even a published title."""
        title = await studio.film(editor)

        assert_problem(await foreigner.get(f"{TITLES}/{title.id}"), 404)

    async def test_refuses_another_kind_of_id(self, visitor: httpx.AsyncClient) -> None:
        """An id that is no title's is refused by name."""
        assert_problem(await visitor.get(f"{TITLES}/job_01jd0000000000000000000000"), 422, field="title")


class TestEdit:
    async def test_changes_what_is_said(
        self, studio: Studio, editor: Context, client: httpx.AsyncClient, platform: PlatformUnderTest
    ) -> None:
        """An editor changes fields of an own title; what is left out stays. It takes two statements."""
        title = await studio.film(editor)
        people = [{"name": "William Heise", "role": "Director"}]
        body = {"description": "May Irwin\nand John Rice", "people": people, "tags": ["1896"]}

        with platform.statements() as statements:
            changed = (await client.patch(f"{TITLES}/{title.id}", json=body)).json()

        assert {name: changed[name] for name in body} == body
        assert (changed["name"], changed["version"]) == ("The Kiss", title.version + 1)
        assert statements.count == 2

    async def test_refuses_a_change_to_an_older_version(
        self, studio: Studio, editor: Context, client: httpx.AsyncClient
    ) -> None:
        """Of two editors who read the same version, the second is told to read again."""
        title = await studio.film(editor)
        headers = {"if-match": (await client.get(f"{TITLES}/{title.id}")).headers["etag"]}

        answers = await asyncio.gather(
            *(client.patch(f"{TITLES}/{title.id}", json={"name": n}, headers=headers) for n in ("A", "B"))
        )

        assert sorted(answer.status_code for answer in answers) == [200, 412]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"name": ""}, "name"),
            ({"name": "a\x00b"}, "name"),
            ({"name": "x" * 201}, "name"),
            ({"tags": ["x"] * 31}, "tags"),
            ({"people": [{"name": "A"}]}, "people.0.role"),
            ({"visibility": "secret"}, "visibility"),
            ({"owner": "me"}, "owner"),
        ],
    )
    async def test_refuses_bad_fields_by_name(
        self, studio: Studio, client: httpx.AsyncClient, body: dict[str, object], field: str
    ) -> None:
        """A value that cannot be, or a field that is not there, is named."""
        assert_problem(await client.patch(f"{TITLES}/{studio.new_title()}", json=body), 422, field=field)

    async def test_is_for_the_owner(
        self,
        studio: Studio,
        editor: Context,
        colleague: httpx.AsyncClient,
        foreigner: httpx.AsyncClient,
        visitor: httpx.AsyncClient,
    ) -> None:
        """Neither another editor nor another tenant finds the title to edit, and a visitor signs in first."""
        title = await studio.film(editor)

        answers = [
            await who.patch(f"{TITLES}/{title.id}", json={"name": "Mine"})
            for who in (colleague, foreigner, visitor)
        ]

        assert [answer.status_code for answer in answers] == [404, 404, 401]

    async def test_is_not_for_viewers(
        self, studio: Studio, platform: PlatformUnderTest, known_contexts: KnownContexts, tenant: TenantId
    ) -> None:
        """A viewer may edit no title."""
        token = known_contexts.token(platform.new_context(Permission.WATCH, tenant=tenant))

        async with platform.client(token=token) as viewer:
            response = await viewer.patch(f"{TITLES}/{studio.new_title()}", json={"name": "Mine"})

        assert_problem(response, 403)


class TestPublish:
    async def test_shows_and_hides(
        self, studio: Studio, editor: Context, client: httpx.AsyncClient, platform: PlatformUnderTest
    ) -> None:
        """Publishing and hiding are told once each, however often they are asked for."""
        title = await studio.film(editor, publish=False)
        for action in ("publish", "publish", "unpublish", "unpublish"):
            assert (await client.post(f"{TITLES}/{title.id}/{action}")).status_code == 200

        told = await platform.events(TitlePublished, TitleUnpublished)

        assert [type(one) for one in told] == [TitlePublished, TitleUnpublished]

    async def test_takes_three_statements(
        self, studio: Studio, editor: Context, client: httpx.AsyncClient, platform: PlatformUnderTest
    ) -> None:
        """The title is locked, changed, and the event written."""
        title = await studio.film(editor, publish=False)

        counts = []
        for action in ("publish", "unpublish"):
            with platform.statements() as statements:
                await client.post(f"{TITLES}/{title.id}/{action}")
            counts.append(statements.count)

        assert counts == [3, 3]

    async def test_refuses_a_title_in_the_making(
        self, studio: Studio, editor: Context, client: httpx.AsyncClient
    ) -> None:
        """What cannot be played cannot be published."""
        title = await studio.draft(editor)

        assert_problem(await client.post(f"{TITLES}/{title.id}/publish"), 409)

    @pytest.mark.parametrize("action", ["publish", "unpublish"])
    async def test_is_for_the_owner(
        self,
        studio: Studio,
        editor: Context,
        foreigner: httpx.AsyncClient,
        visitor: httpx.AsyncClient,
        action: str,
    ) -> None:
        """Another tenant does not find the title, and a visitor signs in first."""
        title = await studio.film(editor)

        answers = [await who.post(f"{TITLES}/{title.id}/{action}") for who in (foreigner, visitor)]

        assert [answer.status_code for answer in answers] == [404, 401]

    @pytest.mark.parametrize("action", ["publish", "unpublish"])
    async def test_refuses_another_kind_of_id(self, client: httpx.AsyncClient, action: str) -> None:
        """An id that is no title's is refused by name."""
        assert_problem(await client.post(f"{TITLES}/none/{action}"), 422, field="title")


class TestRemove:
    async def test_removes_and_tells(
        self, studio: Studio, editor: Context, client: httpx.AsyncClient, platform: PlatformUnderTest
    ) -> None:
        """A removed title is gone, and that is told; it takes three statements."""
        title = await studio.film(editor)

        with platform.statements() as statements:
            response = await client.delete(f"{TITLES}/{title.id}")

        assert (response.status_code, statements.count) == (204, 3)
        assert_problem(await client.get(f"{TITLES}/{title.id}"), 404)
        assert await platform.events(TitleRemoved) == [TitleRemoved(title=title.id)]

    async def test_refuses_what_it_should_not_remove(
        self,
        studio: Studio,
        editor: Context,
        client: httpx.AsyncClient,
        foreigner: httpx.AsyncClient,
        visitor: httpx.AsyncClient,
    ) -> None:
        """Another version, another tenant, nobody, another kind of id: nothing is removed."""
        title = await studio.film(editor)

        answers = [
            await client.delete(f"{TITLES}/{title.id}", headers={"if-match": '"0"'}),
            await foreigner.delete(f"{TITLES}/{title.id}"),
            await visitor.delete(f"{TITLES}/{title.id}"),
            await client.delete(f"{TITLES}/none"),
        ]

        assert [answer.status_code for answer in answers] == [412, 404, 401, 422]


class TestArtwork:
    @pytest.mark.parametrize("kind", ["mjpeg", "png", "libwebp"])
    async def test_shows_the_picture_as_a_jpeg(
        self,
        studio: Studio,
        editor: Context,
        client: httpx.AsyncClient,
        visitor: httpx.AsyncClient,
        kind: str,
    ) -> None:
        """JPEG, PNG and WebP become a JPEG, which is shown instead of the frame of the film."""
        title = await studio.film(editor)
        frame = await visitor.get(f"{TITLES}/{title.id}/poster")

        changed = await client.put(f"{TITLES}/{title.id}/artwork", content=_picture(kind))
        poster = await visitor.get(changed.json()["poster"])

        assert frame.content == b"pictures/poster.jpg"
        assert (poster.headers["content-type"], poster.content[:3]) == ("image/jpeg", b"\xff\xd8\xff")
        assert poster.headers["etag"] != frame.headers["etag"]

    async def test_large_picture_is_made_smaller(
        self, studio: Studio, editor: Context, client: httpx.AsyncClient
    ) -> None:
        """A picture is stored with at most 1280 pixels a side, in its own shape."""
        title = await studio.film(editor)

        await client.put(f"{TITLES}/{title.id}/artwork", content=_picture("png", size="2560x1600"))

        poster = (await client.get(f"{TITLES}/{title.id}/poster")).content
        at = poster.index(b"\xff\xc0")
        height, width = int.from_bytes(poster[at + 5 : at + 7]), int.from_bytes(poster[at + 7 : at + 9])
        assert (width, height) == (1280, 800)

    async def test_replaced_picture_is_deleted(
        self, studio: Studio, editor: Context, client: httpx.AsyncClient, platform: PlatformUnderTest
    ) -> None:
        """Of several pictures only the last is kept."""
        title = await studio.film(editor)
        for _ in range(2):
            await client.put(f"{TITLES}/{title.id}/artwork", content=_picture("png"))

        await platform.pump()

        assert len([key for key in await studio.keys() if key.startswith("artwork/")]) == 1

    async def test_statements(
        self, studio: Studio, editor: Context, client: httpx.AsyncClient, platform: PlatformUnderTest
    ) -> None:
        """A picture takes three statements to set and one to show."""
        title = await studio.film(editor)

        with platform.statements() as setting:
            await client.put(f"{TITLES}/{title.id}/artwork", content=_picture("png"))
        with platform.statements() as showing:
            await client.get(f"{TITLES}/{title.id}/poster")

        assert (setting.count, showing.count) == (3, 1)

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            b"\x89PNG\r\n\x1a\n and no more",
            b"\xff\xd8\xff and then text",
            b"#EXTM3U\nhttp://127.0.0.1/secret",
        ],
    )
    async def test_refuses_what_is_no_picture(
        self, studio: Studio, editor: Context, client: httpx.AsyncClient, content: bytes
    ) -> None:
        """What is no picture, whatever it begins with, is refused and leaves nothing behind."""
        title = await studio.film(editor)

        response = await client.put(f"{TITLES}/{title.id}/artwork", content=content)

        assert_problem(response, 422, field="body")
        assert [key for key in await studio.keys() if key.startswith("artwork/")] == []

    async def test_refuses_too_many_pixels(
        self, studio: Studio, editor: Context, client: httpx.AsyncClient
    ) -> None:
        """A small file that would unfold to more than 50 million pixels is refused."""
        title = await studio.film(editor)
        header = _picture("png")
        bomb = header[:16] + (30000).to_bytes(4) + (30000).to_bytes(4) + header[24:]

        assert_problem(await client.put(f"{TITLES}/{title.id}/artwork", content=bomb), 422, field="body")

    async def test_is_for_the_owner(
        self, studio: Studio, editor: Context, foreigner: httpx.AsyncClient, visitor: httpx.AsyncClient
    ) -> None:
        """Another tenant does not find the title or its poster, and a visitor signs in first."""
        title = await studio.film(editor)
        artwork, poster = f"{TITLES}/{title.id}/artwork", f"{TITLES}/{title.id}/poster"

        answers = [
            await foreigner.put(artwork, content=_picture("png")),
            await foreigner.get(poster),
            await visitor.put(artwork, content=_picture("png")),
        ]

        assert [answer.status_code for answer in answers] == [404, 404, 401]

    async def test_title_in_the_making_has_no_poster(
        self, studio: Studio, editor: Context, client: httpx.AsyncClient
    ) -> None:
        """A title without a film or artwork has no picture yet."""
        title = await studio.draft(editor)

        assert_problem(await client.get(f"{TITLES}/{title.id}/poster"), 404)
