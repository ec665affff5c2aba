"""Several machines on one database: who they are, what their profiles can do, and how one passes work on to another."""
