"""The site's wire formats: small readers that take what they know, keep what they do not, and name what is strange."""
