"""The command line as its users have it: the installed command, in a process of its own."""
