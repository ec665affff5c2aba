"""The operator is told: signed JSON for programs, a sentence for phones."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update

from gateway.db.tables import profiles
from gateway.errors import StartRefused
from gateway.outbound.pinning import Pinning
from gateway.webhooks.sending import Sender
from tests.front.serving import serving
from tests.webhooks.authority import Authority
from tests.webhooks.receiver import receiving, says


async def stands(front, clearance, reason="", *, new=False):
    row = {"clearance": clearance, "reason": reason, "since": datetime.now(UTC) - timedelta(seconds=5)}
    async with front.app.state.db.write("profiles") as connection:
        if new:
            now = datetime.now(UTC)
            made = {"name": "work", "node_id": "n", "enabled": True, "created_at": now, "updated_at": now, **row}
            await connection.execute(insert(profiles).values(made))
        else:
            await connection.execute(update(profiles).where(profiles.c.name == "work").values(row))


def notifying(data_dir, site, hook, phone, **more):
    return serving(
        data_dir, site, notify_webhook_url=hook.url(), notify_ntfy_url=phone.url("/my-topic"), notify_after_s=1,
        notify_ntfy_token="tk_abc", public_url="https://gw.example", **more,
    )  # fmt: skip


async def test_signed_out_and_ready_again(data_dir, site):
    async with receiving() as hook, receiving() as phone, notifying(data_dir, site, hook, phone) as front:
        await stands(front, "login_required", "the session ended", new=True)
        await hook.wait()
        said = hook.got[0].verified(front.services.signing.operator)
        assert (said["type"], said["data"]["profile"]) == ("profile.needs_attention", "work")
        assert said["data"]["state"] == "login_required" and said["data"]["reason"] == "the session ended"
        assert said["data"]["url"] == "https://gw.example/console/live/work"
        assert said["data"]["tasks_waiting"] == 0 and "priority" not in said["data"]
        got = await phone.wait()
        assert (got.path, got.headers["title"], got.headers["priority"]) == ("/my-topic", "Sign in again: work", "high")
        assert got.headers["click"] == "https://gw.example/console/live/work" and got.headers["tags"] == "warning"
        assert got.headers["authorization"] == "Bearer tk_abc"
        text = got.body.decode()
        assert text.startswith("The site signed the profile work out (the session ended). No task waits.")
        await stands(front, "ready")
        assert (await hook.wait(2)).json["type"] == "profile.ready"
        assert (await phone.wait(2)).body.decode().startswith("The profile work works again.")


async def test_a_restart_says_nothing_twice(data_dir, site):
    async with receiving() as hook, receiving() as phone:
        async with notifying(data_dir, site, hook, phone) as front:
            await stands(front, "challenged", new=True)
            await phone.wait()
            await hook.wait()
        async with notifying(data_dir, site, hook, phone, key=front.key) as front:
            await stands(front, "ready")
            assert (await phone.wait(2)).headers["title"] == "Ready again: work"
        assert len(phone.got) == 2


async def test_an_address_that_is_mended_gets_what_is_still_to_arrive(data_dir, site):
    async with receiving(*[says(404)] * 9) as wrong, receiving() as hook, receiving() as phone:
        async with notifying(data_dir, site, wrong, phone) as front:
            await stands(front, "blocked", new=True)
            await wrong.wait()
        async with notifying(data_dir, site, hook, phone, key=front.key) as front:
            [waiting] = [one for one in await front.services.deliveries.recent() if one.url == wrong.url()]
            await front.services.deliveries.redeliver(waiting.id)
            assert (await hook.wait()).id == waiting.id


async def test_nobody_to_tell_is_no_reason_not_to_start(data_dir, site):
    async with serving(data_dir, site) as front:
        assert not front.app.state.console.watch.targets


@pytest.mark.parametrize(
    ("setting", "value", "why"),
    [
        ("notify_webhook_url", "nonsense", "GATEWAY_NOTIFY_WEBHOOK_URL cannot be used"),
        ("notify_webhook_secret", "whsec_c2hvcnQ=", "GATEWAY_NOTIFY_WEBHOOK_SECRET is not"),
        ("notify_webhook_secret", "my secret", "GATEWAY_NOTIFY_WEBHOOK_SECRET is not"),
    ],
)
async def test_settings_that_cannot_be_followed_are_told_at_the_start(data_dir, site, setting, value, why):
    with pytest.raises(StartRefused, match=why):
        async with serving(data_dir, site, **{setting: value}):
            pass


# --- over TLS, and past the gate
async def test_tls_is_checked_for_the_name_and_not_for_the_pinned_address(tmp_path, monkeypatch):
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))

    async def resolve(host, port):
        from ipaddress import ip_address

        return [ip_address("127.0.0.1")]

    sender = Sender(Pinning(allow_private=True, resolve=resolve, environment_tls=True), plain=False)
    async with receiving(tls=authority.server_for("hooks.example")) as receiver:
        right = await sender.send(receiver.url(host="hooks.example"), b"{}", {})
        assert right.delivered and receiver.got[0].headers["host"] == f"hooks.example:{receiver.port}"
        wrong = await sender.send(receiver.url(host="other.example"), b"{}", {})
        assert not wrong.delivered and wrong.status is None and len(receiver.got) == 1
        plain = await sender.send(f"http://hooks.example:{receiver.port}/", b"{}", {})
        assert plain.error == "only https:// addresses are taken" and len(receiver.got) == 1
    strange = Sender(Pinning(allow_private=True, resolve=resolve), plain=False)
    async with receiving(tls=authority.server_for("hooks.example")) as receiver:
        assert not (await strange.send(receiver.url(host="hooks.example"), b"{}", {})).delivered
        assert receiver.got == [], "an authority nobody knows"
    assert ssl.get_default_verify_paths().openssl_cafile_env == "SSL_CERT_FILE"


@pytest.mark.parametrize(
    "inside", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.0.1", "::ffff:127.0.0.1", "fd00::1"]
)
async def test_a_name_that_turned_inside_since_it_was_accepted_gets_no_connection(inside):
    """DNS rebinding between the create and the delivery: the address is judged at every try, and pinned."""
    answers = [["8.8.8.8"], [inside], ["8.8.8.8", inside]]

    async def resolve(host, port):
        from ipaddress import ip_address

        return [ip_address(address) for address in answers.pop(0)]

    async with receiving() as receiver:
        sender = Sender(Pinning(resolve=resolve), plain=True)
        url = f"http://rebind.example:{receiver.port}/"
        await sender.check(url)
        for _ in range(2):
            sent = await sender.send(url, b"{}", {})
            assert not sent.delivered and sent.error == "'rebind.example' is not on the public internet"
        assert receiver.got == []
