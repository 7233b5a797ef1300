"""Why a donation is not taken, where `mesh.errors` has no kind for it."""

from mesh.errors import InvalidRequest


class UploadTooSmall(InvalidRequest):
    """The recording is shorter than any that reads the text aloud."""

    default_reason = "UPLOAD_TOO_SMALL"


class VerificationUnusable(InvalidRequest):
    """The verification of a donation is not known, used up, or too old."""

    default_reason = "VERIFICATION_UNUSABLE"
