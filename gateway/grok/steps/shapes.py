"""In which shapes a video can be asked for, and which to try first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.errors import UnsupportedParameter
from gateway.grok.bodies import Generation
from gateway.settings import Protocol
from gateway.tasks.model import VideoMode


@dataclass(frozen=True, slots=True)
class Shape:
    """One way to put a request. reference_kind: g2's ``referenceToVideo`` instead of several inputs of ``imageToVideo``."""

    generation: Generation
    reference_kind: bool = False


def shapes_for(mode: VideoMode, protocol: Protocol, preferred: Generation | None) -> Sequence[Shape]:
    """Return the shapes to try, in order; a later one only after the site refused the shape of those before.

    preferred: what this profile's site took before. Raises UnsupportedParameter for what the wanted protocol cannot say.
    """
    g1, g2 = Shape(Generation.G1), Shape(Generation.G2)
    if mode is VideoMode.EXTEND:
        if protocol is Protocol.G2:
            raise UnsupportedParameter(
                "how g2 extends videos is not known; set GATEWAY_PROTOCOL to auto or g1", param="video"
            )
        return [g1]
    newer = [g2, Shape(Generation.G2, reference_kind=True)] if mode is VideoMode.REFERENCES else [g2]
    match protocol:
        case Protocol.G1:
            return [g1]
        case Protocol.G2:
            return newer
        case _:
            return [g1, *newer] if preferred is Generation.G1 else [*newer, g1]
