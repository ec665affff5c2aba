"""What is wrong with this installation, and how to mend it. Shared by `gateway doctor` and the console."""
