import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.auth.secret import FILE_NAME, Purpose, Secret, load_secret
from gateway.errors import StartRefused
from gateway.settings import Settings


def settings(tmp_path, **more):
    return Settings(data_dir=tmp_path / "data", **more)


def test_a_secret_is_made_once_for_its_owner_alone(tmp_path):
    first = load_secret(settings(tmp_path))
    file = tmp_path / "data" / FILE_NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load_secret(settings(tmp_path)).key(Purpose.LINKS) == first.key(Purpose.LINKS)
    assert [path.name for path in file.parent.iterdir()] == [FILE_NAME], "no draft is left"


def test_processes_that_start_at_once_agree(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: load_secret(settings(tmp_path)).key(Purpose.LINKS), range(32)))
    assert len(keys) == 1


def test_a_file_system_without_hard_links_will_do(tmp_path, monkeypatch):
    def refuse(*_args):
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    assert load_secret(settings(tmp_path)).key(Purpose.LINKS) == load_secret(settings(tmp_path)).key(Purpose.LINKS)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_secret_that_others_can_read_is_refused_with_the_way_out(tmp_path, mode):
    load_secret(settings(tmp_path))
    file = tmp_path / "data" / FILE_NAME
    file.chmod(mode)
    with pytest.raises(StartRefused, match="chmod 600"):
        load_secret(settings(tmp_path))


def test_a_configured_secret_needs_no_file(tmp_path):
    given = load_secret(settings(tmp_path, secret_key="a configured secret "))
    assert given.key(Purpose.LINKS) == Secret("a configured secret").key(Purpose.LINKS)
    assert not (tmp_path / "data").exists()


def test_a_file_of_ones_own_is_made_at_the_first_start_alone(tmp_path):
    place = tmp_path / "key"
    made = load_secret(settings(tmp_path, secret_key_file=place))
    assert place.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "data" / FILE_NAME).exists()
    assert load_secret(settings(tmp_path, secret_key_file=place)).mark == made.mark
    (tmp_path / "data" / "gateway.db").touch()
    place.unlink()
    with pytest.raises(StartRefused, match="put that one there"):
        load_secret(settings(tmp_path, secret_key_file=place))
    assert not place.exists()


def test_a_file_of_ones_own_needs_its_directory(tmp_path):
    with pytest.raises(StartRefused, match="there is no directory"):
        load_secret(settings(tmp_path, secret_key_file=tmp_path / "none" / "key"))


def test_a_short_secret_is_refused_naming_where_it_stands(tmp_path):
    with pytest.raises(StartRefused, match=r"GATEWAY_SECRET_KEY has fewer.*openssl"):
        load_secret(settings(tmp_path, secret_key="short"))
    file = tmp_path / "data" / FILE_NAME
    load_secret(settings(tmp_path))
    file.write_text("short")
    with pytest.raises(StartRefused, match=r"secret\.key has fewer"):
        load_secret(settings(tmp_path))


def test_every_purpose_has_its_own_key():
    secret = Secret("x" * 32)
    keys = {secret.key(purpose) for purpose in Purpose}
    assert len(keys) == len(Purpose)
    assert {len(key) for key in keys} == {32}


def test_keys_do_not_change_between_versions():
    """They protect what is on disk already."""
    assert Secret("x" * 32).key(Purpose.CHECKPOINTS).hex()[:16] == "57a89f675dca4c3f"


def test_the_secret_does_not_show_itself():
    secret = Secret("very secret words")
    assert "very" not in f"{secret!r} {secret} {vars(Secret)}"
