"""The transport's numbers, each with its unit and its reason. Measured on two cores with Chromium 156."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class TransportLimits:
    """Bounds of one page's transport. The defaults suit one account; tests narrow them."""

    #: Streams open at once. A server usually allows 100 exchanges on one HTTP/2 connection; the next one waits in
    #: silence, and ordinary calls wait behind it. So streams get 64 of the 100 ...
    streams: int = 64
    #: ... whole answers and uploads this many, which leaves 8 to the page's own requests.
    calls: int = 28
    #: Seconds between the starts of two streams: a burst of starts delays the first bytes of all.
    stream_start_gap_s: float = 0.01
    #: Seconds to wait for a free stream before refusing; never longer than the caller's start timeout.
    stream_wait_s: float = 15.0
    #: Bytes of a stream on their way to us, unread, before the page stops reading. The binding has no back-pressure of
    #: its own; a page that does not read lets the site's window (about 6 MB) fill and the site stop.
    stream_credit_bytes: int = 256 * KIB
    #: Bytes read by the consumer before the page is told; a quarter of the credit, so the stream never runs dry.
    stream_ack_bytes: int = 64 * KIB
    #: Characters in one binding call; larger batches would delay the streams behind them.
    batch_chars: int = 256 * KIB
    #: Seconds between two binding calls: each costs the browser, the driver and us more than what is in it. A message that
    #: comes after a pause is told at once. At 100 streams of 20 lines a second this saves a fifth of all CPU.
    batch_gap_s: float = 0.004
    #: Characters of an answer returned by one evaluate; the rest follows in pieces, so that a big answer does not
    #: hold up the browser's pipe for everybody.
    slice_chars: int = 1 * MIB
    #: Characters of a request body sent as text; larger ones go through a temporary file and a file input (at 10 MB/s
    #: and 125 ms of CPU per MB the pipe is the wrong way for them).
    inline_body_chars: int = 1 * MIB
    #: Seconds the page's own deadline is given before ours: a busy main thread cannot keep its own.
    grace_s: float = 0.5
    #: Seconds for a small step inside the page: make an input, press a link, look at the document.
    step_s: float = 10.0
    #: Seconds to make and prepare a page; a new tab in a window under load takes some.
    page_s: float = 20.0
    #: Seconds for a navigation to reach its parsed document.
    navigation_s: float = 45.0
    #: Seconds between two download starts on one page. Chromium drops starts beyond about ten a second silently.
    download_start_gap_s: float = 0.125
    #: Seconds after which a start that the browser says nothing of is tried again: it was probably dropped. If both
    #: begin after all, the later one is cancelled.
    download_press_again_s: float = 5.0
    #: Downloads at once; each holds an exchange of the assets host and a file.
    downloads: int = 12
    #: Seconds between two looks at a growing file. Chromium reports progress twice a second only.
    download_poll_s: float = 0.005
    #: Seconds without a single new byte before a download is given up.
    download_idle_s: float = 60.0
    #: Pages kept for downloads, one per origin; 17-31 MB each.
    download_pages: int = 2
    #: Bytes of received WebSocket frames waiting for their reader before the socket is closed as overrun.
    socket_unread_bytes: int = 64 * MIB
