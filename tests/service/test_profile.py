"""Profiles: a folder, a lock, settings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kubesim.service import ServiceError
from kubesim.service.profile import Profile, Settings, all_profiles, existing, home_folder, write_pid


def test_profiles_live_where_the_xdg_specification_says(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Teaches: state has a place of its own, and the user may choose another."""
    assert home_folder(None) == home / ".local" / "state" / "kubesim"
    monkeypatch.setenv("XDG_STATE_HOME", "/var/state")
    assert home_folder(None) == Path("/var/state/kubesim")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")  # The specification: such a value is ignored.
    assert home_folder(None) == home / ".local" / "state" / "kubesim"
    assert home_folder(Path("/data")) == Path("/data")


@pytest.mark.parametrize("name", ["", "UPPER", "a/b", "..", "-a", "a" * 64, "a\n"])
def test_a_name_that_could_not_be_a_folder_or_a_host_is_refused(home: Path, name: str) -> None:
    """Teaches: a name becomes a path, so it is checked before it is one."""
    with pytest.raises(ServiceError, match="cannot name a profile"):
        Profile(home, name)


def test_settings_survive(profile: Profile) -> None:
    """Teaches: a later start begins with what the profile was."""
    assert not profile.exists()
    assert profile.settings() == Settings()
    settings = Settings(nodes=("node-1", "gpu"), port=4321, speed=10.0, without=("scheduler",))
    profile.save(settings)
    assert profile.exists()
    assert profile.settings() == settings
    assert profile.folder.stat().st_mode & 0o777 == 0o700


def test_broken_settings_are_told_and_can_still_be_deleted(profile: Profile) -> None:
    """Teaches: an error says what to do, and what it says works."""
    profile.save(Settings())
    profile.settings_file.write_text("{")
    with pytest.raises(ServiceError, match="kubesim delete -p lesson"):
        profile.settings()
    assert profile.readable_settings() == Settings()


def test_a_running_service_is_known_by_its_lock(profile: Profile) -> None:
    """Teaches: only the operating system knows for certain who lives."""
    assert profile.pid() is None
    lock = profile.lock()
    assert lock is not None
    write_pid(lock, 4242)
    assert profile.pid() == 4242
    assert profile.lock() is None
    os.close(lock)
    assert profile.pid() is None


def test_a_stale_pid_is_cleaned_up_silently(profile: Profile) -> None:
    """Teaches: a number in a file proves nothing; this one belongs to a living process, which is not ours."""
    profile.make_folder()
    profile.pid_file.write_text(f"{os.getpid()}\n")
    assert profile.pid() is None
    assert not profile.pid_file.exists()


def test_an_unknown_profile_is_told_with_those_there_are(home: Path) -> None:
    """Teaches: an error names the alternatives."""
    with pytest.raises(ServiceError, match='there is no profile "lesson"; `kubesim start` makes one'):
        existing(home, "lesson")
    Profile(home, "other").save(Settings())
    with pytest.raises(ServiceError, match='there is no profile "lesson"; there is other'):
        existing(home, "lesson")
    assert [profile.name for profile in all_profiles(home)] == ["other"]
