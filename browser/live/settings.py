"""The live view's numbers, each with its unit and its reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """How pages are shown and how long an operator may have one."""

    #: Who has control and does nothing for so long gives the profile back. Long enough to fetch a code from a phone.
    idle_release_s: float = 600.0
    #: The longest anybody has a profile without asking again.
    control_max_s: float = 1800.0
    #: A viewer in control whose connection ended may come back so long: phones cut connections of pages in the background.
    away_s: float = 90.0
    #: For draining running work and starting a browser when control is asked for.
    take_within_s: float = 120.0
    #: Frames a second at most; a page that stands still sends none. Above 25 also where the machine is busy.
    fps: float = 40.0
    #: JPEG quality: text stays readable, a frame of text has 100-200 kB.
    quality: int = 60
    #: Pages of one profile that are shown; a site that opens more loses the newest.
    tabs: int = 8
    #: Whether addresses in private networks may be opened by hand.
    allow_private: bool = False
