"""What the double remembers: settings, accounts, scenarios, generations, the ledger."""
