"""What a Moments post may carry. Each number with where it comes from."""

MOST_CHARACTERS = 2000
"""Of one post. Official: the app takes no more."""
FOLDS_AT = 110
"""Characters after which the app shows only the beginning of a post (全文). Folklore: it counts lines too."""
MOST_PICTURES = 9
"""Of one post; or one video; or one link. Official."""
PICTURE_ENDINGS = (".jpg", ".jpeg", ".png", ".gif", ".webp")
VIDEO_ENDINGS = (".mp4", ".mov", ".m4v")
PICTURE_BYTES = 2_900_000
"""Of one picture. A gateway on Node takes 4 MiB a message, base64 makes three bytes four; the app shrinks it anyway."""
PICTURE_EDGE_LEAST = 200
"""Pixels of the shorter edge. Ours: below it, a picture is blurred on every phone."""
PICTURE_EDGE_MOST = 12_000
"""Pixels of the longer edge. Ours: phones fail to open larger ones."""
VIDEO_SECONDS = 30
"""Of a video in a post. Official: the app cuts there."""
VIDEO_BYTES = 100 * 1024 * 1024
"""Of a video. Folklore: larger ones stall when they are sent to the phone."""


def is_video(name: str) -> bool:
    """Is it a video, by its name?"""
    return name.lower().endswith(VIDEO_ENDINGS)


def is_picture(name: str) -> bool:
    """Is it a picture, by its name?"""
    return name.lower().endswith(PICTURE_ENDINGS)
