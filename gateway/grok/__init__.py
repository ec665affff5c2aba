"""The driven adapter for the site: its wire formats, versions, errors and flows."""
