"""A caller's URL must not become a way into our own network, whatever it is dressed up as."""

import asyncio
import ipaddress
import ssl
from contextlib import asynccontextmanager

import pytest

from gateway.errors import ImageFetchFailed, ImageTooLarge
from gateway.media.fetch import Fetcher
from gateway.outbound.addresses import is_public
from gateway.outbound.pinning import Refused, read_url, resolve_host

PRIVATE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.100.100.200", "192.0.0.192", "198.18.0.1", "168.63.129.16", "224.0.0.1", "239.255.255.255",
    "240.0.0.1", "255.255.255.255", "192.0.2.1", "203.0.113.5",
    "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "2001:db8::1", "2001::1", "100::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1", "2002:7f00:1::", "2002:c0a8:101::1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "::ffff:8.8.8.8",
          "64:ff9b::808:808"]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_inside_are_not_public(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_outside_are(address):
    assert is_public(ipaddress.ip_address(address))


@asynccontextmanager
async def server(answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"):
    """A server on loopback that counts who comes and says *answer* (or what it returns for the request)."""
    seen: list[bytes] = []

    async def serve(reader, writer):
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        said = answer(seen[-1]) if callable(answer) else answer
        for piece in [said] if isinstance(said, bytes) else said:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1], seen


def fetcher(**more):
    return Fetcher(**{"limit_bytes": 1000, "timeout_s": 5, **more})


LOOPBACK_SPELLINGS = [
    "127.0.0.1", "localhost", "127.1", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "2130706433", "017700000001", "[::1]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "0", "[::]", "①②⑦.0.0.1", "localhost.", "LOCALHOST",
]  # fmt: skip


@pytest.mark.parametrize("host", LOOPBACK_SPELLINGS)
async def test_no_spelling_of_loopback_gets_a_connection(host, tmp_path):
    async with server() as (port, seen):
        with pytest.raises(ImageFetchFailed, match="Image URL could not be fetched: "):
            await fetcher().fetch(f"http://{host}:{port}/x.png", tmp_path / "x")
        assert seen == []
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "url",
    [
        "http://8.8.8.8@127.0.0.1:{port}/", "http://user:pw@127.0.0.1:{port}/", "http://127.0.0.1:{port}#@8.8.8.8/",
        "http://8.8.8.8:80@127.0.0.1:{port}/", "http://127.0.0.1:{port}\\@8.8.8.8/", "http:///127.0.0.1:{port}/",
        "http://127.0.0.1:{port}?@8.8.8.8/", "//127.0.0.1:{port}/", "http:127.0.0.1:{port}/",
    ],
)  # fmt: skip
async def test_no_trick_of_spelling_gets_a_connection(url, tmp_path):
    async with server() as (port, seen):
        with pytest.raises(ImageFetchFailed):
            await fetcher().fetch(url.format(port=port), tmp_path / "x")
        assert seen == []


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://example.com/x", "gopher://x", "javascript:alert(1)", "http://", "https:///x", "x.png",
     "http://user@example.com/x", "http://example.com:99999/", "http://a" + "a" * 9000, "", " "],
)  # fmt: skip
def test_what_is_never_fetched(url):
    with pytest.raises(Refused):
        read_url(url)


def resolving(*answers):
    """A resolver that gives the next of *answers* at every question."""
    left = list(answers)

    async def resolve(host, port):
        found = left.pop(0) if len(left) > 1 else left[0]
        return [ipaddress.ip_address(address) for address in found]

    return resolve


async def test_one_bad_address_among_good_ones_is_enough_to_refuse(tmp_path):
    with pytest.raises(ImageFetchFailed, match="not on the public internet"):
        await fetcher(resolve=resolving(["8.8.8.8", "127.0.0.1"])).fetch("http://two.example/x", tmp_path / "x")


async def test_a_name_that_changes_its_mind_is_asked_only_once(tmp_path, monkeypatch):
    """DNS rebinding: public when it is checked, ours when it is connected to."""
    async with server() as (port, seen):
        monkeypatch.setattr("gateway.outbound.pinning.is_public", lambda address: str(address) == "127.0.0.2")
        with pytest.raises(ImageFetchFailed):
            await fetcher(resolve=resolving(["127.0.0.2"], ["127.0.0.1"]), timeout_s=2).fetch(
                f"http://rebind.example:{port}/x", tmp_path / "x"
            )
        assert seen == [], "connected to the address it was checked for, where nobody listens"


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254", "100.100.100.200", "168.63.129.16"],
)
async def test_the_clouds_own_addresses_are_never_gone_to(tmp_path, address):
    """Not even where the operator allows private addresses: there are the machine's own secrets."""
    with pytest.raises(ImageFetchFailed, match="never gone to"):
        await fetcher(allow_private=True, resolve=resolving([address])).fetch("http://x.example/latest", tmp_path / "x")


async def test_the_name_is_kept_for_the_server(tmp_path):
    async with server() as (port, seen):
        got = await fetcher(allow_private=True, resolve=resolving(["127.0.0.1"])).fetch(
            f"http://pictures.example:{port}/a/cat.png?x=1", tmp_path / "x"
        )
    assert b"GET /a/cat.png?x=1 HTTP/1.1" in seen[0]
    assert f"pictures.example:{port}".encode() in seen[0]
    assert b"authorization" not in seen[0].lower()
    assert (got.size_bytes, got.file_name) == (2, "cat.png")
    assert (tmp_path / "x").read_bytes() == b"hi"


async def test_a_redirect_inside_is_refused(tmp_path, monkeypatch):
    async with server() as (inner, inner_seen):
        for target in (
            f"http://127.0.0.1:{inner}/",
            f"http://2130706433:{inner}/",
            "file:///etc/passwd",
            f"//127.0.0.1:{inner}/",
        ):
            reply = f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()
            async with server(reply) as (port, _):
                # The first hop stands for a public server; the second is judged for what it is.
                monkeypatch.setattr("gateway.outbound.pinning.is_public", lambda address: str(address) == "127.0.0.3")
                with pytest.raises(ImageFetchFailed):
                    await fetcher(resolve=_first_public(port)).fetch(f"http://public.example:{port}/", tmp_path / "x")
        assert inner_seen == []


def _first_public(port):
    async def resolve(host, asked):
        if host == "public.example":
            return [ipaddress.ip_address("127.0.0.3")]
        return await resolve_host(host, asked)

    return resolve


async def test_redirects_are_followed_a_few_times(tmp_path):
    def hop(request):
        step = int(request.split(b"/")[1].split(b" ")[0] or b"0")
        if step == 5:
            return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
        return f"HTTP/1.1 302 Found\r\nLocation: /{step + 1}\r\nContent-Length: 0\r\n\r\n".encode()

    async with server(hop) as (port, seen):
        await fetcher(allow_private=True).fetch(f"http://127.0.0.1:{port}/0", tmp_path / "x")
        assert len(seen) == 6


async def test_redirects_in_a_circle_end(tmp_path):
    async with server(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n") as (port, seen):
        with pytest.raises(ImageFetchFailed, match="redirected more than 5"):
            await fetcher(allow_private=True).fetch(f"http://127.0.0.1:{port}/", tmp_path / "x")
        assert len(seen) == 6


async def test_the_declared_size_is_believed_when_it_is_too_large(tmp_path):
    async with server(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\nx") as (port, _):
        with pytest.raises(ImageTooLarge):
            await fetcher(allow_private=True).fetch(f"http://127.0.0.1:{port}/", tmp_path / "x")


async def test_the_size_is_counted_while_it_comes(tmp_path):
    chunks = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"] + [b"64\r\n" + b"x" * 100 + b"\r\n"] * 50
    async with server(lambda _: chunks) as (port, _):
        with pytest.raises(ImageTooLarge):
            await fetcher(allow_private=True).fetch(f"http://127.0.0.1:{port}/", tmp_path / "x")


async def test_a_compressed_body_is_not_unpacked(tmp_path):
    async with server(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx") as (port, _):
        with pytest.raises(ImageFetchFailed, match="compressing"):
            await fetcher(allow_private=True).fetch(f"http://127.0.0.1:{port}/", tmp_path / "x")


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "answered 404"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=x\r\nContent-Length: 2\r\n\r\nhi", "web page"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi", "broke"),
        (b"nonsense\r\n\r\n", "nonsense"),
        (b"", "broke"),
    ],
)
async def test_what_comes_back_wrong_is_said_in_words(tmp_path, reply, why):
    async with server(reply) as (port, _):
        with pytest.raises(ImageFetchFailed, match=why):
            await fetcher(allow_private=True).fetch(f"http://127.0.0.1:{port}/", tmp_path / "x")


async def test_a_slow_server_is_given_up(tmp_path):
    async def stall(reader, writer):
        await reader.read()

    async with await asyncio.start_server(stall, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(ImageFetchFailed, match="longer than"):
            await fetcher(allow_private=True, timeout_s=0.2).fetch(f"http://127.0.0.1:{port}/", tmp_path / "x")


async def test_nobody_there(tmp_path):
    with pytest.raises(ImageFetchFailed, match="cannot be reached"):
        await fetcher(allow_private=True).fetch("http://127.0.0.1:9/", tmp_path / "x")
    with pytest.raises(ImageFetchFailed, match="no host"):
        await fetcher().fetch("http://nobody.invalid/", tmp_path / "x")
    with pytest.raises(ImageFetchFailed, match="no host"):
        await fetcher().fetch("http://[/", tmp_path / "x")


async def test_tls_is_checked_for_the_name_not_the_address(tmp_path):
    """The connection goes to an address, the certificate must still be the name's: ours is nobody's."""
    seen: list[str | None] = []
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.sni_callback = lambda _socket, name, _context: seen.append(name)

    async def serve(reader, writer):
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(ImageFetchFailed):
            await fetcher(allow_private=True, resolve=resolving(["127.0.0.1"])).fetch(
                f"https://pictures.example:{port}/", tmp_path / "x"
            )
    assert seen == ["pictures.example"]
