"""The live view as an operator has it: the console's page in one browser, the profile in another, the simulator as the site."""
