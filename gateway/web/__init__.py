"""HTTP pieces shared by the dialects."""
